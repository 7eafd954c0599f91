//! How the process ends: the one table of exit codes, and the words for what failed.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::event::FaultKind;
use sockpit_core::machine::Reason;
use sockpit_core::plan::{Plan, Role, Shape};
use sockpit_core::rule::Step;
use sockpit_engine::doctor::{self, Protocol};
use sockpit_engine::{Error, Operation, Outcome, cause_text};

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done: 0.
    Done,
    /// The network or the peer failed: 1.
    Network,
    /// Usage, or this machine: 2.
    Usage,
    /// An expectation was not met: 3, or as the rule file says.
    Unmet(u8),
    /// A time that the user set has passed: 4.
    TimedOut,
    /// Ctrl-C: 130.
    Interrupted,
    /// SIGTERM: 143.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Network => 1,
            Exit::Usage => 2,
            Exit::Unmet(code) => code,
            Exit::TimedOut => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}

impl Exit {
    /// What the end of a session comes to.
    pub(crate) fn of(outcome: &Outcome, plan: &Plan) -> Self {
        let unmet = outcome
            .failures
            .iter()
            .find(|failure| failure.kind == FaultKind::Expectation);
        if let Some(failure) = unmet {
            let code = failure.count.and_then(|count| u8::try_from(count).ok());
            return Self::Unmet(code.unwrap_or(Step::UNMET));
        }
        if outcome.has(FaultKind::Stdio) {
            return Self::Usage;
        }
        let broke = [
            FaultKind::Unsent,
            FaultKind::Refused,
            FaultKind::Unreachable,
        ];
        match outcome.reason {
            Reason::Reset
            | Reason::Refused
            | Reason::Unreachable
            | Reason::Limit
            | Reason::Error => Self::Network,
            // A datagram listener that serves one peer is done when that one is silent.
            Reason::Idle if plan.role == Role::Server && plan.shape() == Shape::Datagram => {
                Self::Done
            }
            Reason::Idle | Reason::Timeout => Self::TimedOut,
            Reason::Fin | Reason::Local if broke.iter().any(|kind| outcome.has(*kind)) => {
                Self::Network
            }
            Reason::Fin | Reason::Local => Self::Done,
        }
    }

    /// What a session that could not be opened comes to.
    pub(crate) fn of_error(error: &Error) -> Self {
        match error.operation() {
            Operation::Resolve | Operation::Connect => {
                if error.cause().kind() == io::ErrorKind::TimedOut {
                    Self::TimedOut
                } else {
                    Self::Network
                }
            }
            _ => Self::Usage,
        }
    }
}

/// An error with its causes, in one sentence.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let words = |cause: &(dyn std::error::Error + 'static)| match cause.downcast_ref::<io::Error>()
    {
        Some(error) => cause_text(error),
        None => cause.to_string(),
    };
    error.chain().map(words).collect::<Vec<_>>().join(": ")
}

/// The way out of a session that could not be opened.
pub(crate) fn hint(error: &anyhow::Error, plan: &Plan) -> Option<String> {
    let error = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Error>())?;
    let endpoint = plan.endpoint();
    let kind = error.cause().kind();
    let text = match (error.operation(), kind) {
        (Operation::Listen | Operation::Bind, io::ErrorKind::AddrInUse) => {
            let owner = doctor::explain(&owners(error.target()));
            let owner = owner.unwrap_or_else(|| "who holds it is hidden from you".to_owned());
            if plan.transport.is_net() {
                format!("{owner}; port 0 lets the system choose a free one")
            } else {
                owner
            }
        }
        (Operation::Listen, io::ErrorKind::PermissionDenied) => {
            "ports below 1024 belong to root; take a higher one".to_owned()
        }
        (Operation::Connect, io::ErrorKind::PermissionDenied)
            if plan.transport == Transport::Udp && !plan.socket.broadcast =>
        {
            format!("that is a broadcast address; write `{endpoint}?broadcast=1` to mean it")
        }
        // EPROTOTYPE, 91 on Linux, has no kind of its own.
        (Operation::Connect, _) if error.cause().raw_os_error() == Some(91) => {
            let other = match plan.transport {
                Transport::Unix => "unixgram:",
                _ => "unix:",
            };
            format!("the socket there is of the other sort; write `{other}` for it")
        }
        (Operation::Connect, _) if is_other_file(&plan.address) => {
            "what has that path is no socket".to_owned()
        }
        (Operation::Connect, io::ErrorKind::ConnectionRefused) => {
            format!("nobody listens there; `sockpit listen {endpoint}` would")
        }
        (Operation::Connect, io::ErrorKind::NotFound) => {
            format!("nobody made that socket yet; `sockpit listen {endpoint}` would")
        }
        (Operation::Connect, io::ErrorKind::TimedOut) => {
            "the host is off, or a firewall drops packets; `--timeout` gives it more time"
                .to_owned()
        }
        (Operation::Resolve, _) => "check the spelling, or write the address in numbers".to_owned(),
        (Operation::Listen | Operation::Bind, io::ErrorKind::AddrNotAvailable) => {
            "write `:PORT` to take every address of this machine".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

fn is_other_file(address: &Address) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    let Address::Path(path) = address else {
        return false;
    };
    std::fs::metadata(path).is_ok_and(|facts| !facts.file_type().is_socket())
}

/// Who has the address that could not be taken.
fn owners(target: &str) -> Vec<doctor::Owner> {
    let Ok(endpoint) = target.parse::<Endpoint>() else {
        return Vec::new();
    };
    match (endpoint.transport, endpoint.address) {
        (
            transport,
            Address::Net {
                host: Host::Ip(ip),
                port,
            },
        ) => {
            let protocol = match transport {
                Transport::Udp => Protocol::Udp,
                _ => Protocol::Tcp,
            };
            doctor::owners(protocol, SocketAddr::new(ip, port))
        }
        (_, Address::Path(path)) => doctor::unix_owners(Path::new(&path)),
        _ => Vec::new(),
    }
}
