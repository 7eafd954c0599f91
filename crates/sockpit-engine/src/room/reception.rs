//! Where it is found out how a connection speaks, before it becomes a member.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::door::{Closing, Door, DoorLink, Visit, Web};
use crate::transport::StreamLink;

/// How a browser begins. Who speaks the line protocol begins with a nickname, which has no blank.
const HTTP: &[u8] = b"GET ";

/// How long a connection may keep silent before it is taken for one that waits to be greeted.
const SILENCE: Duration = Duration::from_millis(300);

/// The same where a browser came from of late: it opens connections ahead, and a busy one may take
/// its time to ask. Our own guests wait 1.5 s for a greeting.
const BUSY: Duration = Duration::from_millis(1200);

/// How long it is remembered that a browser came from an address.
const OF_LATE: Duration = Duration::from_secs(60);

/// Addresses that browsers came from which are remembered.
const MOST_BROWSERS: usize = 64;

/// A beginning that came in pieces is looked at again after this long.
const PIECE: Duration = Duration::from_millis(10);

/// Those who have come and are not yet let in.
const WAITING: usize = 64;

/// How long those who spoke for members may finish once the members are gone.
const LAST: Duration = Duration::from_secs(1);

/// Looks at those who come, where browsers are wanted, and takes those who come through the door.
pub(crate) struct Reception {
    web: Option<Web>,
    browsers: Rc<RefCell<Browsers>>,
    door: Door,
    /// By the door.
    entered: mpsc::Receiver<(DuplexStream, String)>,
    /// Held by each of these who is a member: the connection counts there, and not here.
    pass: Arc<()>,
    /// Connections that turned out to speak the line protocol.
    known: mpsc::Receiver<(StreamLink, String)>,
    knows: mpsc::Sender<(StreamLink, String)>,
    /// Those being looked at, and those that the handler has taken.
    visits: JoinSet<()>,
    closing: watch::Sender<bool>,
}

impl Reception {
    pub(super) fn new(web: Option<Web>) -> Self {
        let (enters, entered) = mpsc::channel(WAITING);
        let (knows, known) = mpsc::channel(WAITING);
        Self {
            web,
            browsers: Rc::default(),
            door: Door::new(enters),
            entered,
            pass: Arc::default(),
            known,
            knows,
            visits: JoinSet::new(),
            closing: watch::channel(false).0,
        }
    }

    /// Takes a connection to look at; gives it back where that is not needed.
    pub(crate) fn take(&mut self, link: StreamLink, addr: String) -> Option<(StreamLink, String)> {
        let (stream, web) = match (link, &self.web) {
            (StreamLink::Tcp(stream), Some(web)) => (stream, web.clone()),
            (link, _) => return Some((link, addr)),
        };
        let (door, knows) = (self.door.clone(), self.knows.clone());
        let browsers = self.browsers.clone();
        let closing = Closing(self.closing.subscribe());
        self.visits.spawn_local(async move {
            if begins_with_http(&stream, &browsers).await {
                let visit = Visit {
                    stream: Box::new(stream),
                    addr,
                    door,
                    closing,
                };
                web(visit).await;
            } else {
                // A room that is over lets nobody in.
                let _ = knows.send((StreamLink::Tcp(stream), addr)).await;
            }
        });
        None
    }

    /// The next one to be let in; `None` when a visit is over. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<(StreamLink, String)> {
        tokio::select! {
            Some(known) = self.known.recv() => Some(known),
            Some((stream, addr)) = self.entered.recv() => {
                let link = DoorLink {
                    stream,
                    addr: addr.clone(),
                    _pass: self.pass.clone(),
                };
                Some((StreamLink::Door(link), addr))
            }
            // A handler that panics has ended its own visit.
            Some(_) = self.visits.join_next(), if !self.visits.is_empty() => None,
        }
    }

    /// How many connections are held here, beside those of members.
    pub(crate) fn len(&self) -> usize {
        let inside = Arc::strong_count(&self.pass) - 1;
        self.visits.len().saturating_sub(inside)
    }

    /// Says that the room closes.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits for those who are about to finish, and ends the others.
    pub(crate) async fn end(mut self) {
        // Nobody waits for what nobody takes any more.
        self.known.close();
        self.entered.close();
        let finished = async { while self.visits.join_next().await.is_some() {} };
        // Who has not finished is dropped.
        let _ = timeout(LAST, finished).await;
    }
}

/// Where browsers came from of late, the oldest first.
#[derive(Default)]
struct Browsers(VecDeque<(IpAddr, Instant)>);

impl Browsers {
    fn note(&mut self, ip: IpAddr, now: Instant) {
        self.0.retain(|(other, _)| *other != ip);
        if self.0.len() == MOST_BROWSERS {
            self.0.pop_front();
        }
        self.0.push_back((ip, now));
    }

    fn have_come_from(&self, ip: IpAddr, now: Instant) -> bool {
        let is_late = |at: &Instant| now.duration_since(*at) < OF_LATE;
        self.0.iter().any(|(other, at)| *other == ip && is_late(at))
    }
}

/// Whether a connection begins as a browser does. Nothing of it is consumed.
async fn begins_with_http(stream: &TcpStream, browsers: &RefCell<Browsers>) -> bool {
    let begin = Instant::now();
    let Ok(ip) = stream.peer_addr().map(|addr| addr.ip()) else {
        return false;
    };
    let mut speaks = speaks_http(stream, begin + SILENCE).await;
    // Its first connection may have spoken while this one was silent.
    if speaks.is_none() && browsers.borrow().have_come_from(ip, Instant::now()) {
        speaks = speaks_http(stream, begin + BUSY).await;
    }
    let speaks = speaks.unwrap_or(false);
    if speaks {
        browsers.borrow_mut().note(ip, Instant::now());
    }
    speaks
}

/// Whether a connection begins with HTTP; `None` where that is not known by then.
async fn speaks_http(stream: &TcpStream, deadline: Instant) -> Option<bool> {
    let mut start = [0; HTTP.len()];
    loop {
        let peeked = timeout_at(deadline, stream.peek(&mut start)).await;
        let Ok(len) = peeked.ok()? else {
            return Some(false);
        };
        let start = &start[..len];
        if start.len() == HTTP.len() || start.is_empty() || !HTTP.starts_with(start) {
            return Some(start == HTTP);
        }
        if Instant::now() + PIECE >= deadline {
            return None;
        }
        sleep_until(Instant::now() + PIECE).await;
    }
}

#[cfg(test)]
mod tests;
