//! What the command will do, as decided.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::ArgMatches;
use sockpit_core::filter::Filter;
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::rule::Rules;
use sockpit_core::scenario::Saved;
use sockpit_core::session::Script;
use sockpit_core::text::charset::Charset;
use sockpit_core::time::TimeSpan;
use sockpit_core::transcript;
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::{Handle, cause_text};

use super::{Args, endpoint_of, script};
use crate::cli::IfTyped;
use crate::console::{Beside, Editor, Form, Ladder, Lens, Packets, Picture, Subscription, Talk};

/// In bytes: a rule file larger than this is none.
const MAX_RULE_FILE: u64 = 4 * 1024 * 1024;

/// The system's timers keep no faster beat.
const MIN_BEAT: Duration = Duration::from_millis(1);

/// What `sockpit connect` or `sockpit listen` will do.
pub(crate) struct Settings {
    pub(super) plan: Arc<Plan>,
    pub(super) form: Form,
    pub(super) stdin: Stdin,
    pub(super) program: Option<String>,
    pub(super) record: Option<PathBuf>,
    pub(super) talk: Talk,
    /// Whether the cuts of the bytes are drawn.
    pub(super) lens: bool,
    /// How the packets are drawn, where that is not on a terminal's timeline.
    pub(super) drawing: Option<WireDrawing>,
    /// Whether bytes go straight between stdio and the peer, without being looked at.
    pub(super) passes_through: bool,
    /// Whether somebody types lines at a terminal that can show them being edited.
    pub(super) edits_lines: bool,
    /// Whether a client connects again when its peer has ended or cannot be reached.
    pub(super) reconnect: bool,
    /// Only what it lets through is shown.
    pub(super) filter: Option<Filter>,
    /// Whether escapes are understood in typed lines.
    pub(super) escape: bool,
}

/// How packets are drawn.
pub(super) enum WireDrawing {
    /// As a timeline, of which stdout holds something else.
    Timeline,
    /// As a sequence diagram.
    Ladder {
        /// Whether it is shown; otherwise only the picture is made.
        has_lines: bool,
        /// Where its picture goes.
        picture: Option<PathBuf>,
        /// Whether each step is explained.
        has_lessons: bool,
    },
}

/// What stdin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    /// It is not read.
    Unused,
    /// Somebody types lines.
    Typed,
    /// Bytes for a stream.
    Bytes,
    /// UTF-8 text for a stream, sent in this charset.
    Text(Charset),
    /// A message a line.
    Lines,
}

impl Settings {
    pub(super) fn resolve(role: Role, args: Args, matches: &ArgMatches) -> anyhow::Result<Self> {
        let endpoint = endpoint_of(&args.endpoint)?;
        if role == Role::Client && (args.link.once || args.link.max_peers.is_some()) {
            bail!("`--once` and `--max-peers` belong to `sockpit listen`; a client has one peer");
        }
        let mut plan = Plan::resolve(role, &endpoint, args.options())?;
        let Args {
            messages,
            script,
            answers: IfTyped(answers),
            output: IfTyped(output),
            link,
            ..
        } = args;
        if plan.checksum.is_some() && answers.exec.is_some() {
            bail!(
                "`--checksum` belongs to messages, and what the program of `--exec` writes has none; \
                 let the program compute it"
            );
        }
        let rules = match (&answers.reply, &answers.rules) {
            (Some(reply), _) => Some(Rules::from_reply(reply.clone())),
            (None, Some(path)) => Some(read_rules(path)?),
            (None, None) => None,
        };
        if let Some(rules) = &rules {
            rules.check(plan.text_out)?;
        }
        let steps = script::steps(&script, matches, rules.as_ref(), &plan)?;
        let has_script = !steps.is_empty();
        if !has_script && (script.every.is_some() || script.count.is_some()) {
            bail!("`--every` and `--count` repeat a script; give a `--send` as well");
        }
        if script.every.is_some_and(|every| every.0 < MIN_BEAT) {
            bail!("`--every` is at least {}", TimeSpan(MIN_BEAT));
        }
        let has_answers = rules.is_some() || answers.exec.is_some();
        plan.rules = rules.map(Arc::new);
        plan.script = Arc::new(Script {
            steps,
            every: script.every.map(Into::into),
            count: script.count,
        });
        let stdout_is_terminal = io::stdout().is_terminal();
        let has_ladder = output.ladder || output.teach;
        let form = match (output.json, output.form) {
            (true, _) => Form::Json,
            (false, Some(form)) => form,
            // The diagram takes the timeline's place.
            (false, None) if stdout_is_terminal && has_ladder => Form::None,
            (false, None) if stdout_is_terminal => Form::Text,
            (false, None) if has_answers => Form::None,
            (false, None) => Form::Raw,
        };
        let has_timeline =
            stdout_is_terminal && matches!(form, Form::Text | Form::Hex | Form::Both);
        let drawing = match output.svg.clone() {
            picture if has_ladder || picture.is_some() => Some(WireDrawing::Ladder {
                has_lines: has_ladder,
                picture,
                has_lessons: output.teach,
            }),
            _ if output.wire && !has_timeline && form != Form::Json => Some(WireDrawing::Timeline),
            _ => None,
        };
        let reads_stdin = (!has_script || script.interactive) && answers.exec.is_none();
        let stdin = stdin_use(&plan, reads_stdin, messages.text_out);
        let talk = match (output.quiet, output.verbose) {
            (true, _) => Talk::Errors,
            (false, 0) if !stdout_is_terminal => Talk::Usual,
            (false, _) => Talk::Peers,
        };
        if let Some(path) = &output.record
            && path
                .extension()
                .is_some_and(|extension| extension == "pcap")
        {
            bail!(
                "`{}`: packets are recorded as `.pcapng`, which the same programs read",
                path.display()
            );
        }
        if link.reconnect && (role == Role::Server || plan.shape() == Shape::Datagram) {
            bail!(
                "`--reconnect` is for clients of streams; a listener or a datagram has no connection to lose"
            );
        }
        // Raw bytes on a terminal are shown as they come, in the middle of a line too.
        let edits_lines = stdin == Stdin::Typed && form != Form::Raw && Editor::is_possible();
        let mut settings = Self {
            plan: Arc::new(plan),
            form,
            stdin,
            program: answers.exec,
            record: output.record,
            talk,
            lens: output.lens,
            drawing,
            passes_through: false,
            edits_lines,
            reconnect: link.reconnect,
            filter: output.filter,
            escape: script.escape,
        };
        settings.passes_through =
            !stdout_is_terminal && link.read_size.is_none() && settings.can_pass_through();
        Ok(settings)
    }

    /// What a recording to this file is written as.
    pub(super) fn recording_form(&self, path: &Path) -> RecordingForm {
        match Recorder::holds_packets(path) {
            true => RecordingForm::Packets(transcript::Options {
                charset: self.plan.text,
                expects_packets: self.plan.wire,
            }),
            false => RecordingForm::Lines,
        }
    }

    /// Begins to draw how bytes are cut.
    pub(super) async fn lens_beside(
        &self,
        handle: &Handle,
        plan: &Plan,
        lens: &Lens,
    ) -> io::Result<Beside> {
        let make = |canvas| lens.renewed(plan, canvas);
        Beside::start(handle, self.form, plan.wire, make).await
    }

    /// Begins to draw the packets, if that is wanted.
    pub(super) async fn wire_beside(&self, handle: &Handle) -> anyhow::Result<Option<Beside>> {
        let (form, plan) = (self.form, &self.plan);
        let beside = match &self.drawing {
            None => return Ok(None),
            Some(WireDrawing::Timeline) => {
                let make = |canvas| Packets::new(plan, canvas);
                Beside::start(handle, form, true, make).await
            }
            Some(WireDrawing::Ladder {
                has_lines,
                picture,
                has_lessons,
            }) => {
                let picture = match picture {
                    Some(path) => Some(Picture::open(path).map_err(|error| {
                        let cause = cause_text(&error);
                        anyhow!("cannot write `{}`: {cause}", path.display())
                    })?),
                    None => None,
                };
                let make = |canvas| Ladder::new(plan, canvas, *has_lines, *has_lessons, picture);
                Beside::start(handle, form, true, make).await
            }
        };
        Ok(Some(beside?))
    }

    /// Whether a client carries out a script, and that is all.
    pub(super) fn is_script(&self) -> bool {
        let plan = &self.plan;
        let is_alone = self.stdin == Stdin::Unused && self.program.is_none() && !plan.wire;
        plan.role == Role::Client && !plan.script.is_empty() && is_alone
    }

    /// What stdout and stderr are to show.
    pub(super) fn subscription(&self) -> Subscription {
        Subscription {
            form: match self.passes_through {
                true => Form::None,
                false => self.form,
            },
            talk: self.talk,
            filter: self.filter.clone(),
            may_change: self.edits_lines,
            is_shared: (self.lens || self.drawing.is_some()) && self.form == Form::None,
        }
    }

    /// Whether nothing has to look at the bytes.
    fn can_pass_through(&self) -> bool {
        let plan = &self.plan;
        let has_one_peer = plan.role == Role::Client || plan.once;
        plan.is_raw_stream()
            && has_one_peer
            && plan.rules.is_none()
            && plan.checksum.is_none()
            && plan.script.is_empty()
            && plan.shaping.is_off()
            && self.program.is_none()
            && self.record.is_none()
            && !self.lens
            && !plan.wire
            && self.filter.is_none()
            && !self.reconnect
            && matches!(self.form, Form::Raw | Form::None)
            && matches!(self.stdin, Stdin::Bytes | Stdin::Unused)
    }
}

fn stdin_use(plan: &Plan, is_read: bool, text_out: Option<Charset>) -> Stdin {
    if !is_read {
        return Stdin::Unused;
    }
    if io::stdin().is_terminal() {
        return Stdin::Typed;
    }
    if plan.shape() == Shape::Datagram || !plan.framing.is_raw() || plan.checksum.is_some() {
        return Stdin::Lines;
    }
    match text_out {
        Some(charset) if charset != Charset::UTF_8 => Stdin::Text(charset),
        _ => Stdin::Bytes,
    }
}

fn read_rules(path: &Path) -> anyhow::Result<Rules> {
    let name = path.display().to_string();
    let facts = std::fs::metadata(path).with_context(|| format!("cannot read `{name}`"))?;
    if facts.len() > MAX_RULE_FILE {
        bail!(
            "`{name}` has {} bytes; a rule file has at most {MAX_RULE_FILE}",
            facts.len()
        );
    }
    let source = std::fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
    match Rules::parse(&source, &name) {
        Ok(rules) => Ok(rules),
        // A saved session has rules too.
        Err(error) => match saved_rules(&source, path) {
            Some(rules) => Ok(Rules::parse(&rules, &name)?),
            None => Err(error.into()),
        },
    }
}

/// The rules of a saved session, if the file is one.
fn saved_rules(source: &str, path: &Path) -> Option<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut open =
        |name: &str| std::fs::read(folder.join(name)).map_err(|error| cause_text(&error));
    let saved = Saved::parse(source, "", &mut open).ok()?;
    (!saved.rules.is_empty()).then_some(saved.rules)
}
