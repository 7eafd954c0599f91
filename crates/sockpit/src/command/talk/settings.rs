//! What the command will do, as decided.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ArgMatches;
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::rule::Rules;
use sockpit_core::session::Script;
use sockpit_core::text::charset::Charset;
use sockpit_core::time::TimeSpan;

use super::{Args, endpoint_of, script};
use crate::console::{Form, Talk};

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
    pub(super) stdout_is_terminal: bool,
    /// Whether escapes are understood in typed lines.
    pub(super) escape: bool,
    /// Whether the user chose how much one read takes, so that it must be kept to.
    pub(super) counts_reads: bool,
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
        if role == Role::Client && (args.once || args.max_peers.is_some()) {
            bail!("`--once` and `--max-peers` belong to `sockpit listen`; a client has one peer");
        }
        let mut plan = Plan::resolve(role, &endpoint, args.options())?;
        let rules = match (&args.reply, &args.rules) {
            (Some(reply), _) => Some(Rules::from_reply(reply.clone())),
            (None, Some(path)) => Some(read_rules(path)?),
            (None, None) => None,
        };
        if let Some(rules) = &rules {
            rules.check(plan.text_out)?;
        }
        let steps = script::steps(&args, matches, rules.as_ref(), &plan)?;
        let has_script = !steps.is_empty();
        if !has_script && (args.every.is_some() || args.count.is_some()) {
            bail!("`--every` and `--count` repeat a script; give a `--send` as well");
        }
        if args.every.is_some_and(|every| every.0 < MIN_BEAT) {
            bail!("`--every` is at least {}", TimeSpan(MIN_BEAT));
        }
        let answers = rules.is_some() || args.exec.is_some();
        plan.rules = rules.map(Arc::new);
        plan.script = Arc::new(Script {
            steps,
            every: args.every.map(Into::into),
            count: args.count,
        });
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let form = match (args.json, args.form) {
            (true, _) => Form::Json,
            (false, Some(form)) => form,
            (false, None) if stdout_is_terminal => Form::Text,
            (false, None) if answers => Form::None,
            (false, None) => Form::Raw,
        };
        let reads_stdin = (!has_script || args.interactive) && args.exec.is_none();
        let stdin = stdin_use(&plan, reads_stdin, args.text_out);
        let talk = match (args.quiet, args.verbose) {
            (true, _) => Talk::Errors,
            (false, 0) if !stdout_is_terminal => Talk::Usual,
            (false, _) => Talk::Peers,
        };
        if let Some(path) = &args.record
            && path
                .extension()
                .is_some_and(|extension| extension == "pcapng")
        {
            bail!("`{}`: recordings are `.jsonl` files", path.display());
        }
        Ok(Self {
            plan: Arc::new(plan),
            form,
            stdin,
            program: args.exec,
            record: args.record,
            talk,
            stdout_is_terminal,
            escape: args.escape,
            counts_reads: args.read_size.is_some(),
        })
    }

    /// Whether bytes can go straight between stdio and the peer, without being looked at.
    pub(super) fn can_pass_through(&self) -> bool {
        let plan = &self.plan;
        let has_one_peer = plan.role == Role::Client || plan.once;
        plan.is_raw_stream()
            && has_one_peer
            && plan.rules.is_none()
            && plan.script.is_empty()
            && self.program.is_none()
            && self.record.is_none()
            && !self.counts_reads
            && matches!(self.form, Form::Raw | Form::None)
            && matches!(self.stdin, Stdin::Bytes | Stdin::Unused)
    }
}

fn stdin_use(plan: &Plan, is_read: bool, text_out: Option<Charset>) -> Stdin {
    if !is_read {
        return Stdin::Unused;
    }
    if std::io::stdin().is_terminal() {
        return Stdin::Typed;
    }
    if plan.shape() == Shape::Datagram || !plan.framing.is_raw() {
        return Stdin::Lines;
    }
    match text_out {
        Some(charset) if charset != Charset::UTF_8 => Stdin::Text(charset),
        _ => Stdin::Bytes,
    }
}

fn read_rules(path: &std::path::Path) -> anyhow::Result<Rules> {
    let name = path.display().to_string();
    let facts = std::fs::metadata(path).with_context(|| format!("cannot read `{name}`"))?;
    if facts.len() > MAX_RULE_FILE {
        bail!(
            "`{name}` has {} bytes; a rule file has at most {MAX_RULE_FILE}",
            facts.len()
        );
    }
    let source = std::fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
    Ok(Rules::parse(&source, &name)?)
}
