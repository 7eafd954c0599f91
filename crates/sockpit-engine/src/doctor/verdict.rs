//! What the steps of an examination come to: one sentence, and the one next thing.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use sockpit_core::endpoint::{Address, Endpoint, Transport};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;

use super::words::{answer_text, sentence_of};
use super::{Answer, Destination, Examination, Owner, Reach, State, Step, Way, hint};
use crate::doctor;
use crate::error::cause_text;

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In one sentence.
    pub sentence: String,
    /// The one next thing to try, if there is something to do.
    pub advice: Option<String>,
}

impl Verdict {
    /// Judges by the steps that were found, and what they came to.
    #[must_use]
    pub fn of(examination: &Examination, steps: &[Step], reach: Reach) -> Self {
        let case = Case {
            examination,
            steps,
            endpoint: &examination.endpoint,
        };
        match reach {
            Reach::Reachable => case.reachable(),
            Reach::Unreachable | Reach::Silent => case.failed(reach),
        }
    }
}

struct Case<'a> {
    examination: &'a Examination,
    endpoint: &'a Endpoint,
    steps: &'a [Step],
}

impl Case<'_> {
    fn reachable(&self) -> Verdict {
        let asked = || self.asked().filter(|(addr, _)| addr.is_some());
        let open = asked().find(|(_, answer)| answer.reach() == Reach::Reachable);
        let who = self
            .holder()
            .map(|owner| format!(": {} has it", doctor::name_of(owner)));
        let who = who.unwrap_or_default();
        let target = self.target(open.and_then(|(addr, _)| addr));
        let sentence = match self
            .asked()
            .map(|(_, answer)| answer)
            .find(|answer| answer.reach() == Reach::Reachable)
        {
            Some(Answer::Unasked) => {
                format!("{target} is for many; whether anybody listens, nobody tells")
            }
            Some(Answer::Taken) => {
                format!("{target} is reachable{who}, and has not answered an empty datagram")
            }
            _ => format!("{target} is reachable{who}"),
        };
        // Clients that try the other address first are slow or fail.
        let other = asked().find(|(_, answer)| answer.reach() != Reach::Reachable);
        let advice = other.and_then(|(addr, answer)| {
            let way = self.way(addr?.ip());
            // A machine without one of the families is none the worse for it.
            let is_here = way.is_some_and(|way| way.fate == Destination::Here);
            let is_there = !matches!(answer, Answer::Unreachable(None, _) | Answer::Failed(_));
            if !(is_here || is_there) {
                return None;
            }
            let (addr, answer) = (addr?, answer_text(answer));
            Some(format!(
                "{addr} is not ({answer}); a client that tries that one first waits or fails"
            ))
        });
        Verdict { sentence, advice }
    }

    fn failed(&self, reach: Reach) -> Verdict {
        for step in self.steps {
            match step {
                Step::Name {
                    found: Err(error), ..
                } => {
                    return Verdict {
                        sentence: sentence_of(error),
                        advice: Some(hint::of_name(error)),
                    };
                }
                Step::File { path, found } => {
                    if let Some(verdict) = self.of_file(path, found) {
                        return verdict;
                    }
                }
                _ => {}
            }
        }
        // Of several addresses the one that said most.
        let said = self
            .asked()
            .find(|(_, answer)| answer.reach() == reach && says_why(answer));
        let said = said.or_else(|| self.asked().find(|(_, answer)| answer.reach() == reach));
        let Some((addr, answer)) = said else {
            return Verdict {
                sentence: format!("{} was not asked", self.endpoint),
                advice: None,
            };
        };
        match addr {
            Some(addr) => self.of_net(addr, answer),
            None => self.of_unix(answer),
        }
    }

    fn of_net(&self, addr: SocketAddr, answer: &Answer) -> Verdict {
        let target = self.target(Some(addr));
        let way = self.way(addr.ip());
        let is_here = way.is_some_and(|way| way.fate == Destination::Here);
        if way.is_some_and(|way| way.fate == Destination::Nowhere) {
            return Verdict {
                sentence: format!("{target} cannot be reached: a route of this machine refuses it"),
                advice: Some(format!("`ip route get {}` shows which one", addr.ip())),
            };
        }
        let (sentence, advice) = match answer {
            Answer::Refused(_) if is_here => {
                let near = hint::near(self.endpoint.transport, addr);
                let would = || format!("nobody listens there; `sockpit listen {target}` would");
                (format!("{target} refused: it is this machine"), near.unwrap_or_else(would))
            }
            Answer::Refused(Some(by)) if *by != addr.ip() => (
                format!("{target} is refused by {by}, on the way there"),
                format!("what {by} forbids, its keeper can allow"),
            ),
            Answer::Refused(_) => (
                format!("{target} refused: the host is there, and nobody listens on port {}", addr.port()),
                "start the server there, or check its port and the address it listens on".to_owned(),
            ),
            Answer::Unreachable(Some(by), error) => (
                format!("{target} cannot be reached: {by} says {}", cause_text(error)),
                format!("the way is broken behind {by}, or that router forbids it"),
            ),
            Answer::Unreachable(None, error) => {
                let (why, advice) = self.unreachable(way);
                let why = why.unwrap_or_else(|| cause_text(error));
                (format!("{target} cannot be reached: {why}"), advice)
            }
            Answer::Silent if is_here => {
                let full = self.holders().iter().find_map(hint::full);
                let dropped = || "a firewall of this machine drops it; look at `nft list ruleset`".to_owned();
                (self.silent(&target), full.unwrap_or_else(dropped))
            }
            Answer::Silent if self.endpoint.transport == Transport::Udp => (
                format!("{}, and nobody refused, which is usual with UDP", self.silent(&target)),
                format!("send what the server answers: `sockpit connect {target} --send TEXT`"),
            ),
            Answer::Silent => (
                self.silent(&target),
                "the host is off, or a firewall drops packets on the way; ask from a machine nearer \
                 to it, or give it more `--timeout`"
                    .to_owned(),
            ),
            other => (
                format!("{target} could not be asked: {}", answer_text(other)),
                "`sockpit nets` shows this machine's networks".to_owned(),
            ),
        };
        Verdict {
            sentence,
            advice: Some(advice),
        }
    }

    /// Why this machine says that there is no way, as far as it is known, and what to do.
    fn unreachable(&self, way: Option<&Way>) -> (Option<String>, String) {
        let nets = "`sockpit nets` shows this machine's networks and routers";
        match way {
            None => (
                Some("this machine has no route to it".to_owned()),
                nets.to_owned(),
            ),
            Some(Way {
                fate: Destination::Elsewhere,
                gateway,
                interface,
                ..
            }) => {
                let interface = interface.as_deref().unwrap_or("?");
                let interface = VisibleLine(interface);
                let whose = gateway.map_or_else(
                    || format!("no host has that address on the network of {interface}"),
                    |gateway| format!("router {gateway} on {interface} does not answer"),
                );
                (
                    Some(whose),
                    "check that it is on and connected; ".to_owned() + nets,
                )
            }
            Some(_) => (None, nets.to_owned()),
        }
    }

    fn silent(&self, target: &str) -> String {
        format!(
            "{target} did not answer within {}",
            TimeSpan(self.examination.timeout)
        )
    }

    fn of_unix(&self, answer: &Answer) -> Verdict {
        let endpoint = self.endpoint;
        let (sentence, advice) = match answer {
            Answer::Refused(_) if matches!(endpoint.address, Address::Path(_)) => {
                match self.holder() {
                    Some(owner) => (
                        format!(
                            "{endpoint} refused: {} has it and does not listen",
                            doctor::name_of(owner)
                        ),
                        "whoever made it has to listen".to_owned(),
                    ),
                    None => (
                        format!("{endpoint} is a leftover: nobody has that socket any more"),
                        format!(
                            "start its server, which may have to remove the file first; `sockpit listen {endpoint}` takes its place"
                        ),
                    ),
                }
            }
            Answer::Refused(_) if !self.holders().is_empty() => {
                let kinds: Vec<_> = self
                    .holders()
                    .iter()
                    .map(|owner| owner.kind.text())
                    .collect();
                (
                    format!(
                        "{endpoint} refused: the name is one of {}",
                        kinds.join(", ")
                    ),
                    format!("write `{}:` for it", kinds.first().unwrap_or(&"unix")),
                )
            }
            Answer::Refused(_) => (
                format!("{endpoint} refused: nobody has that name"),
                format!("start its server; `sockpit listen {endpoint}` would take it"),
            ),
            Answer::OtherKind => {
                let other = match endpoint.transport {
                    Transport::Unix => "unixgram:",
                    _ => "unix:",
                };
                (
                    format!("{endpoint} is there, as a socket of the other sort"),
                    format!("write `{other}` for it"),
                )
            }
            Answer::Full => {
                let full = self.holders().iter().find_map(hint::full);
                (
                    format!("{endpoint} does not accept: its backlog is full"),
                    full.unwrap_or_else(|| "its program hangs, or is too slow".to_owned()),
                )
            }
            other => (
                format!("{endpoint} cannot be reached: {}", answer_text(other)),
                "who connects has to be allowed to write to the socket, and to enter its folders"
                    .to_owned(),
            ),
        };
        Verdict {
            sentence,
            advice: Some(advice),
        }
    }

    fn of_file(&self, path: &Path, found: &std::io::Result<doctor::File>) -> Option<Verdict> {
        let endpoint = self.endpoint;
        let (why, advice) = match found {
            Ok(file) if file.is_socket => return None,
            Ok(_) => (
                "what has that path is no socket".to_owned(),
                "check the path".to_owned(),
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // The first folder that is missing says more than the whole path.
                let missing = path
                    .ancestors()
                    .skip(1)
                    .filter(|folder| *folder != Path::new(""));
                let missing = missing.filter(|folder| !folder.exists()).last();
                match missing {
                    Some(folder) => {
                        let folder = folder.to_string_lossy();
                        (
                            format!("there is no folder `{}`", VisibleLine(&folder)),
                            "check the path".to_owned(),
                        )
                    }
                    None => (
                        "there is no such file".to_owned(),
                        format!("start its server; `sockpit listen {endpoint}` would make it"),
                    ),
                }
            }
            Err(error) => (
                cause_text(error),
                "its folders do not let you in".to_owned(),
            ),
        };
        Some(Verdict {
            sentence: format!("{endpoint} cannot be reached: {why}"),
            advice: Some(advice),
        })
    }

    fn target(&self, addr: Option<SocketAddr>) -> String {
        let transport = self.endpoint.transport;
        addr.map_or_else(
            || self.endpoint.to_string(),
            |addr| format!("{}://{addr}", transport.scheme()),
        )
    }

    fn asked(&self) -> impl Iterator<Item = (Option<SocketAddr>, &Answer)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Asked { addr, answer } => Some((*addr, answer)),
            _ => None,
        })
    }

    fn way(&self, ip: IpAddr) -> Option<&Way> {
        self.steps.iter().find_map(|step| match step {
            Step::Way { to, way } if *to == ip => way.as_ref().ok(),
            _ => None,
        })
    }

    fn holders(&self) -> &[Owner] {
        let holders = self.steps.iter().find_map(|step| match step {
            Step::Holders(owners) => Some(owners.as_slice()),
            _ => None,
        });
        holders.unwrap_or_default()
    }

    /// Who takes what is sent there, on this machine.
    fn holder(&self) -> Option<&Owner> {
        let wanted = self.endpoint.transport.scheme();
        let takes = |owner: &&Owner| {
            owner.kind.text() == wanted
                && (owner.state == State::Listening || !owner.kind.is_stream())
        };
        self.holders().iter().find(takes)
    }
}

fn says_why(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused(_) | Answer::Unreachable(Some(_), _))
}
