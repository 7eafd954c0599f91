//! What `sockpit chat` will do, as decided.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, IsTerminal as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sockpit_core::chat::partner::{self, Me};
use sockpit_core::endpoint::{Address, Endpoint, Transport};
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_engine::recorder::Recorder;

use super::Args;
use crate::console::{Editor, Form, Subscription, Talk};

/// What it will do.
pub(super) struct Settings {
    /// Our own socket.
    pub(super) plan: Arc<Plan>,
    /// Whom to talk to.
    pub(super) partners: Vec<Address>,
    /// Of those, whom to ask until they answer.
    pub(super) peers: Vec<Address>,
    pub(super) me: Me,
    /// The port of announcements, where those are wanted.
    pub(super) discover: Option<u16>,
    pub(super) interfaces: Vec<String>,
    /// Whether another Sockpit is looked for.
    pub(super) looks_for_sockpits: bool,
    pub(super) form: Form,
    pub(super) record: Option<PathBuf>,
    pub(super) rings: bool,
    pub(super) is_quiet: bool,
    /// Whether somebody types.
    pub(super) is_typed: bool,
    pub(super) edits_lines: bool,
}

impl Settings {
    /// Decides.
    ///
    /// # Errors
    ///
    /// Says what of the command line makes no sense.
    pub(super) fn resolve(args: Args) -> anyhow::Result<Self> {
        let bind = args.bind.as_deref().unwrap_or(":0");
        let own = own_endpoint(bind)?;
        let mut plan = Plan::resolve(Role::Server, &own, args.options())?;
        // A partner that is silent for a while is a partner still.
        plan.idle = None;
        plan.socket.hears_icmp = true;
        let peers = args
            .peer
            .iter()
            .map(|word| address_of(word))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut partners = words_of(&args.endpoints)
            .iter()
            .map(|word| address_of(word))
            .collect::<anyhow::Result<Vec<_>>>()?;
        partners.extend(peers.iter().cloned());
        if let Some(path) = args
            .record
            .as_deref()
            .filter(|it| Recorder::holds_packets(it))
        {
            let path = path.display();
            bail!("`{path}` would hold packets; a chat is recorded as `.jsonl`");
        }
        let is_typed = io::stdin().is_terminal();
        let form = if args.json { Form::Json } else { Form::Text };
        Ok(Self {
            plan: Arc::new(plan),
            partners,
            peers,
            me: Me {
                id: random(),
                name: name_of(args.name)?,
            },
            discover: args.discover,
            interfaces: args.interface,
            looks_for_sockpits: !args.plain,
            form,
            record: args.record,
            rings: args.bell,
            is_quiet: args.quiet,
            is_typed,
            edits_lines: is_typed && Editor::is_possible(),
        })
    }

    /// What stdout and stderr are to show.
    pub(super) fn subscription(&self) -> Subscription {
        Subscription {
            form: self.form,
            talk: match self.is_quiet {
                true => Talk::Errors,
                false => Talk::Usual,
            },
            filter: None,
            may_change: false,
            is_shared: false,
        }
    }
}

/// Where somebody is, as an endpoint says it; chat is UDP, so its scheme may be left out.
///
/// # Errors
///
/// Says why it is no such thing.
pub(super) fn address_of(word: &str) -> anyhow::Result<Address> {
    let has_scheme = word.contains("://") || word.starts_with("udp:");
    let text = match has_scheme {
        true => word.to_owned(),
        false => format!("udp://{word}"),
    };
    let endpoint: Endpoint = text.parse()?;
    if endpoint.transport != Transport::Udp {
        bail!(
            "`{word}`: chat speaks udp, such as `udp://192.168.1.7:7852`; for tcp use `sockpit room` or \
             `sockpit connect`"
        );
    }
    if !endpoint.options.is_empty() {
        bail!("`{word}`: an endpoint of chat takes no options; they are flags, see `--help`");
    }
    match endpoint.address {
        Address::Net { port: 0, .. } => bail!("`{word}`: port 0 is nobody's"),
        address => Ok(address),
    }
}

/// The endpoints of the command's words: `host port` is one, as the programs of tutorials ask it.
fn words_of(words: &[String]) -> Vec<String> {
    match words {
        [host, port] if port.parse::<u16>().is_ok() && !host.contains("://") => {
            vec![format!("{host}:{port}")]
        }
        words => words.to_vec(),
    }
}

fn own_endpoint(bind: &str) -> anyhow::Result<Endpoint> {
    let text = match (bind.parse::<u16>(), bind.parse::<IpAddr>()) {
        (Ok(port), _) => format!("udp://:{port}"),
        (_, Ok(IpAddr::V4(ip))) => format!("udp://{ip}:0"),
        (_, Ok(IpAddr::V6(ip))) => format!("udp://[{ip}]:0"),
        _ if bind.contains("://") => bind.to_owned(),
        _ => format!("udp://{bind}"),
    };
    let endpoint: Endpoint = text
        .parse()
        .with_context(|| format!("`--bind {bind}` is no address of ours, such as `:7853`"))?;
    if endpoint.transport != Transport::Udp {
        bail!("`--bind {bind}`: chat speaks udp");
    }
    Ok(endpoint)
}

fn name_of(told: Option<String>) -> anyhow::Result<String> {
    match told {
        Some(name) => check_name(&name).map(str::to_owned),
        None => {
            let user = std::env::var("USER").unwrap_or_default();
            Ok(check_name(&user).unwrap_or_default().to_owned())
        }
    }
}

/// A name that can be told.
///
/// # Errors
///
/// Says why it cannot.
pub(super) fn check_name(name: &str) -> anyhow::Result<&str> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(|c| c.is_control() || c == '#') {
        bail!("a name has at least one character, and neither `#` nor control characters");
    }
    if name.len() > partner::MAX_NAME {
        let most = partner::MAX_NAME;
        bail!(
            "a name has at most {most} bytes in UTF-8, this one has {}",
            name.len()
        );
    }
    Ok(name)
}

/// A number that nobody guesses; never 0.
fn random() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}

/// What the sockets of announcements are opened with beside their endpoint.
pub(super) fn announcing() -> Options {
    Options {
        max_peers: Some(super::MOST_PEERS),
        ..Options::default()
    }
}
