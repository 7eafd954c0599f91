//! Reports as JUnit XML, as build servers read it.
//!
//! There is no standard; this is what Jenkins, GitLab and the reporters of GitHub have in common:
//! `testsuites`, `testsuite` and `testcase` with counts and seconds, `failure` for an expectation
//! that was not met, `error` for what broke, `skipped` for what was not tried.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use super::{CaseReport, Lapse, Verdict};

/// Writes the reports of a scenario; `took` is the time of all of it.
#[must_use]
pub fn write(scenario: &str, file: &str, took: Duration, reports: &[CaseReport]) -> String {
    let mut out = String::new();
    push_all(scenario, file, took, reports, &mut out).expect("a string takes everything");
    out
}

fn push_all(
    scenario: &str,
    file: &str,
    took: Duration,
    reports: &[CaseReport],
    out: &mut String,
) -> fmt::Result {
    let count =
        |fits: fn(&CaseReport) -> bool| reports.iter().filter(|report| fits(report)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        reports.len(),
        count(|report| kind(report) == Some("failure")),
        count(|report| kind(report) == Some("error")),
        count(|report| report.verdict == Verdict::Skipped),
        took.as_secs_f64()
    );
    let name = Attribute(scenario);
    out.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
    writeln!(out, "<testsuites name=\"{name}\" {counts}>")?;
    writeln!(
        out,
        "  <testsuite name=\"{name}\" file=\"{}\" {counts}>",
        Attribute(file)
    )?;
    for report in reports {
        push_case(scenario, file, report, out)?;
    }
    out.write_str("  </testsuite>\n</testsuites>\n")
}

fn push_case(scenario: &str, file: &str, report: &CaseReport, out: &mut String) -> fmt::Result {
    write!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" time=\"{:.3}\"",
        Attribute(&report.name),
        Attribute(scenario),
        Attribute(file),
        report.took.as_secs_f64()
    )?;
    let (Some(kind), Verdict::Failed { lapse, message, .. }) = (kind(report), &report.verdict)
    else {
        return match report.verdict {
            Verdict::Skipped => out.write_str(">\n      <skipped/>\n    </testcase>\n"),
            _ => out.write_str("/>\n"),
        };
    };
    writeln!(
        out,
        ">\n      <{kind} message=\"{}\" type=\"{}\">{}</{kind}>\n    </testcase>",
        Attribute(message),
        lapse.as_str(),
        Text(&report.why())
    )
}

/// The element that says how a case failed.
fn kind(report: &CaseReport) -> Option<&'static str> {
    match &report.verdict {
        Verdict::Failed { lapse, .. } => Some(match lapse {
            Lapse::Unmet | Lapse::TimedOut => "failure",
            Lapse::Broken | Lapse::Interrupted => "error",
        }),
        Verdict::Passed | Verdict::Skipped => None,
    }
}

/// Text between two tags.
struct Text<'a>(&'a str);

/// The value of an attribute, where a line end would become a blank.
struct Attribute<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| push(character, f))
    }
}

impl Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\t' | '\n' | '\r' => write!(f, "&#{};", character as u32),
            other => push(other, f),
        })
    }
}

fn push(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '&' => f.write_str("&amp;"),
        '<' => f.write_str("&lt;"),
        '>' => f.write_str("&gt;"),
        '"' => f.write_str("&quot;"),
        '\'' => f.write_str("&apos;"),
        '\t' | '\n' => f.write_char(character),
        '\r' => f.write_str("&#13;"),
        // No reference can say what XML 1.0 §2.2 does not have.
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => f.write_char(char::REPLACEMENT_CHARACTER),
        other => f.write_char(other),
    }
}
