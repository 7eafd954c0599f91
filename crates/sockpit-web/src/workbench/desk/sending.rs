//! Something is sent, to one peer, several, or all.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sockpit_core::session::{Message, Session as Machine};
use sockpit_engine::{Session, Target as To};
use tokio::time::timeout;

use super::compose;
use crate::workbench::Shared;
use crate::workbench::call::{Answer, With};
use crate::workbench::complaint::Complaint;

/// How long a send waits for peers to take what was sent before.
const PATIENCE: Duration = Duration::from_secs(3);

/// Peers that one call may name.
const MAX_TARGETS: usize = 1000;

/// To whom something goes, as pages say it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Target {
    /// `latest` or `all`.
    Word(Word),
    /// Peers by their numbers.
    Peers(Vec<u32>),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Latest,
    All,
}

/// To whom it goes, now that it is known who is there.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) targets: Vec<To>,
    /// How many peers that are.
    pub(super) count: usize,
}

impl Aim {
    /// Looks who is there.
    pub(super) async fn of(session: &Session<Machine>, target: &Target) -> Result<Self, Complaint> {
        let nobody = || {
            Complaint::new("no peer is there")
                .hint("wait until one connects")
                .field("target")
        };
        match target {
            Target::Word(word) => {
                let (count, _) = session.traffic().await.unwrap_or_default();
                match (count, word) {
                    (0, _) => Err(nobody()),
                    (_, Word::Latest) => Ok(Self {
                        targets: vec![To::Latest],
                        count: 1,
                    }),
                    (count, Word::All) => Ok(Self {
                        targets: vec![To::All],
                        count,
                    }),
                }
            }
            Target::Peers(numbers) if numbers.is_empty() => {
                Err(Complaint::new("no peer is chosen").field("target"))
            }
            Target::Peers(numbers) if numbers.len() > MAX_TARGETS => Err(Complaint::new(format!(
                "at most {MAX_TARGETS} peers can be chosen one by one"
            ))
            .hint("`all` means every one")
            .field("target")),
            Target::Peers(numbers) => {
                let there = session.peers().await;
                let is_there = |number: &u32| there.iter().any(|peer| peer.number == *number);
                if let Some(gone) = numbers.iter().find(|number| !is_there(number)) {
                    let message = format!("peer {gone} is not there");
                    return Err(Complaint::new(message).field("target"));
                }
                let mut numbers = numbers.clone();
                numbers.sort_unstable();
                numbers.dedup();
                Ok(Self {
                    count: numbers.len(),
                    targets: numbers.into_iter().map(To::Peer).collect(),
                })
            }
        }
    }

    /// Sends a message to each; `false` where the session is over. Waits while peers take nothing.
    pub(super) async fn send(&self, session: &Session<Machine>, message: &Message) -> bool {
        for target in &self.targets {
            if !session.send(*target, message.clone()).await {
                return false;
            }
        }
        true
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    key: String,
    target: Target,
}

pub(super) async fn send(bench: &Shared, with: With) -> Answer {
    let (written, rest) = compose::split(with)?;
    let Send { key, target } = rest.read()?;
    let (session, plan) = bench.desk.seat(&key)?.open_session()?;
    let (_, composed) = written.composed(&plan)?;
    let aim = Aim::of(&session, &target).await?;
    let len = composed.message.wire.len();
    match timeout(PATIENCE, aim.send(&session, &composed.message)).await {
        Ok(true) => Ok(json!({ "sent": len, "peers": aim.count })),
        Ok(false) => Err(is_over()),
        Err(_) => Err(takes_nothing()),
    }
}

pub(super) fn is_over() -> Complaint {
    Complaint::new("the session is over, and nothing was sent")
}

pub(super) fn takes_nothing() -> Complaint {
    Complaint::new("the peer takes nothing, and too much waits to be sent already")
        .hint("wait, or disconnect it")
}

/// A session that jobs use.
pub(super) type Open = Arc<Session<Machine>>;
