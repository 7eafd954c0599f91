//! The script of the command line: `--send`, `--send-hex`, `--send-file` and `--expect`, as ordered.

use anyhow::Context as _;
use bytes::Bytes;
use clap::ArgMatches;
use sockpit_core::plan::Plan;
use sockpit_core::rule::{self, Pattern, Rules};
use sockpit_core::session::Step;
use sockpit_core::text::{escape, hex};

use super::args::ScriptArgs;

/// The steps of the rule file, then those of the command line in their order.
pub(super) fn steps(
    args: &ScriptArgs,
    matches: &ArgMatches,
    rules: Option<&Rules>,
    plan: &Plan,
) -> anyhow::Result<Vec<Step>> {
    let mut steps: Vec<Step> = rules
        .map(Rules::script)
        .unwrap_or_default()
        .iter()
        .map(|step| Step::of_rule(step, args.within.into()))
        .collect();
    let mut typed: Vec<(usize, Step)> = Vec::new();
    for (place, text) in placed(matches, "send", &args.send) {
        let context = || format!("--send `{text}`");
        let payload = encode(text, args.escape, plan).with_context(context)?;
        typed.push((place, send(payload, plan).with_context(context)?));
    }
    for (place, text) in placed(matches, "send_hex", &args.send_hex) {
        let context = || format!("--send-hex `{text}`");
        let payload = hex::parse(text).with_context(context)?;
        typed.push((place, send(payload.into(), plan).with_context(context)?));
    }
    for (place, path) in placed(matches, "send_file", &args.send_file) {
        let context = || format!("--send-file `{path}`");
        let payload = std::fs::read(path).with_context(context)?;
        typed.push((place, send(payload.into(), plan).with_context(context)?));
    }
    for (place, text) in placed(matches, "expect", &args.expect) {
        let pattern =
            Pattern::parse_expectation(text).with_context(|| format!("--expect `{text}`"))?;
        let within = args.within.into();
        let exit = rule::Step::UNMET;
        typed.push((
            place,
            Step::Expect {
                pattern,
                within,
                label: text.clone(),
                exit,
            },
        ));
    }
    typed.sort_by_key(|(place, _)| *place);
    steps.extend(typed.into_iter().map(|(_, step)| step));
    Ok(steps)
}

/// The bytes of a text as typed: escapes understood if wanted, the end of line appended, in the
/// plan's charset.
pub(super) fn encode(text: &str, escapes: bool, plan: &Plan) -> anyhow::Result<Bytes> {
    let mut bytes = if escapes {
        escape::unescape(text, plan.text_out)?
    } else {
        plan.text_out.encode(text)?.into_owned()
    };
    bytes.extend_from_slice(&plan.text_out.encode(plan.eol.as_str())?);
    Ok(bytes.into())
}

fn send(payload: Bytes, plan: &Plan) -> anyhow::Result<Step> {
    Ok(Step::Send {
        message: plan.message(payload)?,
        delay: std::time::Duration::ZERO,
    })
}

/// The values of one option with their places on the command line.
fn placed<'a>(
    matches: &ArgMatches,
    name: &str,
    values: &'a [String],
) -> impl Iterator<Item = (usize, &'a String)> {
    let places: Vec<usize> = matches
        .indices_of(name)
        .map(Iterator::collect)
        .unwrap_or_default();
    places.into_iter().zip(values)
}
