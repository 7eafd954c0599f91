//! What there is to tell of a cluster.

use serde_json::json;
use sockpit_core::event::{FaultKind, What};

use super::Settings;

/// What happened to our part in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// NATS answers.
    Joined,
    /// NATS does not answer.
    Lost,
    /// NATS is there and does not do what is needed.
    Refused(String),
    /// So many entries could not wait any longer, or were not taken.
    Dropped(u64),
    /// Another server, with this seed, has this one's name.
    Namesake(u64),
}

impl News {
    /// For the timeline of the room: what hinders is a fault, as people are to see it.
    pub(super) fn into_what(self, settings: &Settings) -> What {
        let servers = &settings.servers;
        let (kind, message, count) = match self {
            Self::Joined => {
                return What::Note {
                    kind: "room.cluster".into(),
                    message: format!("the cluster at {servers} is joined"),
                    data: json!({ "state": "joined", "node": settings.node }),
                };
            }
            Self::Lost => (
                FaultKind::Unreachable,
                format!("the cluster at {servers} is out of reach; what is said waits for it"),
                None,
            ),
            Self::Refused(reason) => (
                FaultKind::Failed,
                format!("the cluster at {servers} does not do its part: {reason}"),
                None,
            ),
            Self::Namesake(_) => (
                FaultKind::Failed,
                format!(
                    "another server in the cluster at {servers} is called `{}` too; \
                     give each a `--name` of its own",
                    settings.node
                ),
                None,
            ),
            Self::Dropped(count) => (
                FaultKind::Unsent,
                format!("{count} lines were not passed on to the cluster"),
                Some(count),
            ),
        };
        What::Fault {
            kind,
            message,
            count,
        }
    }
}
