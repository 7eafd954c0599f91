//! What a session promises, in virtual time: who ends when, what is told, what is sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Input, Message, Peer, Script, Session, Step};
use crate::event::{Direction, What};
use crate::machine::{Fault, Machine, Output};
use crate::plan::{Options, Plan, Role, Shape};
use crate::rule::{Pattern, Rules};
use crate::sim::{Faults, Pair, Side};
use crate::time::Time;

mod ending;
mod expectations;
mod laws;
mod pairs;
mod rounds;
mod rules;
mod script;
mod telling;

use Do::{Close, End, Fail, Finish, Hear, HearAll, Say, Wake};

/// One thing that happens to a session.
#[derive(Clone, Debug)]
enum Do {
    /// The user sends a message.
    Say(&'static str),
    /// The user's input ends.
    Finish,
    /// The user closes.
    Close,
    /// The driver calls, though nothing is due.
    Wake,
    /// The peer sends.
    Hear(&'static [u8]),
    /// The peer sends.
    HearAll(Vec<u8>),
    /// The peer ends its side.
    End,
    /// The link fails.
    Fail(Fault),
}

/// A session to be.
struct Talk {
    plan: Plan,
    input: Input,
}

fn client(endpoint: &str) -> Talk {
    Talk {
        plan: plan(Role::Client, endpoint),
        input: Input::Open,
    }
}

fn server(endpoint: &str) -> Talk {
    Talk {
        plan: plan(Role::Server, endpoint),
        input: Input::Open,
    }
}

fn plan(role: Role, endpoint: &str) -> Plan {
    Plan::resolve(role, &endpoint.parse().unwrap(), Options::default()).unwrap()
}

impl Talk {
    fn reads(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    fn rules(mut self, file: &str) -> Self {
        self.plan.rules = Some(Arc::new(Rules::parse(file, "rules.toml").unwrap()));
        self
    }

    fn reply(mut self, reply: &str) -> Self {
        self.plan.rules = Some(Arc::new(Rules::from_reply(reply.parse().unwrap())));
        self
    }

    /// A session with a script reads nothing, unless `reads` comes after.
    fn script(mut self, steps: &[Step]) -> Self {
        self.input = Input::Closed;
        let framed = |step: &Step| match step {
            Step::Send { message, delay } => Step::Send {
                message: self.plan.message(message.payload.clone()).unwrap(),
                delay: *delay,
            },
            step => step.clone(),
        };
        let steps = steps.iter().map(framed).collect();
        self.plan.script = Arc::new(Script {
            steps,
            ..Script::default()
        });
        self
    }

    fn rounds(self, every_ms: u64, count: Option<u64>) -> Self {
        self.repeated(Some(Duration::from_millis(every_ms)), count)
    }

    fn times(self, count: u64) -> Self {
        self.repeated(None, Some(count))
    }

    fn repeated(mut self, every: Option<Duration>, count: Option<u64>) -> Self {
        let script = Script::clone(&self.plan.script);
        self.plan.script = Arc::new(Script {
            every,
            count,
            ..script
        });
        self
    }

    fn session(&self) -> Session {
        let peer = Peer {
            number: 1,
            addr: "tcp://h:1".to_owned(),
            epoch: 0,
            seed: 1,
        };
        Session::new(Arc::new(self.plan.clone()), peer, self.input, Time::ZERO)
    }

    /// Plays what happens, each at its time in milliseconds, and checks all that comes of it.
    #[track_caller]
    fn check(self, told: &[(u64, Do)], expected: &[&str]) {
        assert_eq!(self.run(told), expected);
    }

    /// What comes of it: `TIME WHAT`.
    fn run(self, told: &[(u64, Do)]) -> Vec<String> {
        let pair = self.play(told);
        pair.log()
            .iter()
            .filter(|entry| entry.side == Side::A)
            .map(|entry| {
                let time = Duration::from_nanos(entry.time.as_nanos()).as_millis();
                format!("{time} {}", words(&entry.output))
            })
            .collect()
    }

    fn events(self, told: &[(u64, Do)]) -> Vec<What> {
        self.play(told).events(Side::A).cloned().collect()
    }

    fn play(self, told: &[(u64, Do)]) -> Pair<Session, Other> {
        let session = self.session();
        let faults = Faults::default();
        let mut pair = match self.plan.shape() {
            Shape::Stream => Pair::stream(session, Other::default(), faults, 1),
            Shape::Datagram => Pair::new(session, Other::default(), faults, 1),
        };
        for (at, what) in told {
            let at = Time::ZERO + Duration::from_millis(*at);
            pair.run_for(at - pair.now());
            let plan = &self.plan;
            match what.clone() {
                Say(text) => {
                    let message = plan.message(Bytes::from_static(text.as_bytes())).unwrap();
                    pair.change_a(|session, now| session.transmit(now, message));
                }
                Finish => pair.change_a(Session::finish),
                Close => pair.change_a(|session, _| session.close()),
                Wake => pair.change_a(Session::handle_timeout),
                Hear(bytes) => pair.change_b(|other, _| other.send(bytes)),
                HearAll(bytes) => pair.change_b(|other, _| other.send(&bytes)),
                End => pair.change_b(|other, _| other.outputs.push(Output::Shutdown)),
                Fail(fault) => pair.inject(at, Side::A, fault),
            }
        }
        pair.run_for(Duration::from_secs(300));
        pair
    }
}

fn words(output: &Output<What>) -> String {
    match output {
        Output::Transmit(bytes) => format!("send {}", escape(bytes)),
        Output::Shutdown => "shutdown".to_owned(),
        Output::Close(reason) => format!("close {}", reason.as_str()),
        Output::Wait(_) => "wait".to_owned(),
        Output::Event(What::Fault {
            kind,
            message,
            count,
        }) => {
            let count = count.map(|count| format!(" {count}")).unwrap_or_default();
            format!("fault {}{count}: {message}", kind.as_str())
        }
        Output::Event(What::Frame {
            direction,
            offset,
            payload,
            partial,
            full_len,
            ..
        }) => {
            let partial = if *partial { " partial" } else { "" };
            let full_len = full_len.map(|len| format!(" of {len}")).unwrap_or_default();
            format!(
                "{} {offset} {}{partial}{full_len}",
                direction.as_str(),
                escape(payload)
            )
        }
        Output::Event(what) => format!("{what:?}"),
    }
}

fn escape(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control()) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

fn send(text: &str) -> Step {
    after(0, text)
}

fn after(delay_ms: u64, text: &str) -> Step {
    let payload = Bytes::copy_from_slice(text.as_bytes());
    Step::Send {
        message: Message {
            wire: payload.clone(),
            payload,
        },
        delay: Duration::from_millis(delay_ms),
    }
}

fn expect(text: &str) -> Step {
    Step::Expect {
        pattern: Pattern::parse_expectation(text).unwrap(),
        within: Duration::from_secs(5),
        label: text.to_owned(),
        exit: 3,
    }
}

fn frame(
    direction: Direction,
    offset: u64,
    payload: &[u8],
    text: Option<&str>,
    malformed: bool,
) -> What {
    What::Frame {
        direction,
        offset,
        payload: Bytes::copy_from_slice(payload),
        text: text.map(str::to_owned),
        malformed,
        partial: false,
        full_len: None,
    }
}

/// Feeds a session chunks and the end, and then wakes it until it rests; gives all that it wants.
fn play<'a>(session: &mut Session, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Output<What>> {
    let mut outputs = Vec::new();
    for chunk in chunks {
        if drain(session, &mut outputs).is_none() {
            return outputs;
        }
        session.handle_input(Time::ZERO, chunk);
    }
    if drain(session, &mut outputs).is_none() {
        return outputs;
    }
    session.handle_end(Time::ZERO);
    while let Some(Some(wake)) = drain(session, &mut outputs) {
        session.handle_timeout(wake);
    }
    outputs
}

/// What is carried out.
fn deeds(outputs: &[Output<What>]) -> Vec<Output<What>> {
    let carried = |output: &&Output<What>| !matches!(output, Output::Event(_));
    outputs.iter().filter(carried).cloned().collect()
}

/// Takes all outputs; `None` once it has closed, else the time that it wants to be woken at.
fn drain(session: &mut Session, outputs: &mut Vec<Output<What>>) -> Option<Option<Time>> {
    if matches!(outputs.last(), Some(Output::Close(_))) {
        return None;
    }
    loop {
        match session.poll_output() {
            Output::Wait(wake) => return Some(wake),
            output => {
                let closes = matches!(output, Output::Close(_));
                outputs.push(output);
                if closes {
                    return None;
                }
            }
        }
    }
}

/// A peer that does what it is told.
#[derive(Default)]
struct Other {
    outputs: Vec<Output<What>>,
}

impl Other {
    fn send(&mut self, bytes: &[u8]) {
        self.outputs
            .push(Output::Transmit(Bytes::copy_from_slice(bytes)));
    }
}

impl Machine for Other {
    type Event = What;

    fn handle_input(&mut self, _now: Time, _chunk: &[u8]) {}

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        if self.outputs.is_empty() {
            Output::Wait(None)
        } else {
            self.outputs.remove(0)
        }
    }
}
