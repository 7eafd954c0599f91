//! The packets of a session, beside it: a capture of its own, whose packets join the timeline.
//!
//! ```text
//!  capture, on a thread ──batch──▶ shard: whose is it? ──▶ bus (What::Packet)
//!        ▲                           ▲
//!        └── one batch at a time ────┘ What::Opened tells each peer's addresses
//! ```
//!
//! The capture is open before the session's first packet leaves. Packets come some milliseconds
//! late, so the last of them are waited for when the session is over. While the bus is full the
//! capture is not read; what its ring cannot hold then is counted by the kernel, and told.

mod counted;
mod peers;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sockpit_core::bpf::{Protocols, Wanted};
use sockpit_core::endpoint::{Address, Host, Transport};
use sockpit_core::event::{self, Direction, Event, What};
use sockpit_core::flow::{Content, Settings, Side};
use sockpit_core::plan::{Plan, Role};
use sockpit_core::sighting::{Kept, Observer};
use sockpit_core::time::Time;
use sockpit_core::wire::protocol;
use tokio::sync::{mpsc, oneshot};

use crate::capture::{Batch, Capture, Level, Place, Refusal, Request, Statistics, Stopper};
use crate::clock::Alignment;
use crate::error::cause_text;
use crate::session::Scene;
use crate::transport;

use counted::Counted;
use peers::Peers;

/// The kind of the notes that say where packets come from, and in the end how many came.
pub const NOTE: &str = sockpit_core::transcript::NOTE;

/// The kind of the notes that say what the kernel counted otherwise than was seen.
const COUNTED: &str = "counted";

/// How long packets are waited for that nobody saw, so that those of a peer that is still to be
/// accepted find it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the last packets of a conversation may take after the session is over: the peer's own
/// end, and what acknowledges it.
const FAREWELL: Duration = Duration::from_millis(200);

/// How often a conversation is asked whether its last packets have come.
const LOOK: Duration = Duration::from_millis(5);

/// Packets that are handed over together at most.
const BATCH: usize = 1024;

/// An event of a packet, of which neither peer nor time is known, with the moment at which it passed
/// the tap, in nanoseconds since 1970.
type Seen = (u64, Arc<Event>);

/// Packets on their way to the shard. The capture is not read again before they are published.
struct Delivery {
    packets: Vec<Seen>,
    taken: oneshot::Sender<()>,
}

/// The packets of one session.
pub(crate) struct Packets {
    /// Where a client is to connect to, in the order in which it should try.
    remote: Vec<SocketAddr>,
    peers: RefCell<Peers>,
    counted: RefCell<Counted>,
    narrowing: Narrowing,
    /// Whether packets come at all.
    stopper: Option<Stopper>,
    published: Cell<u64>,
    /// Rings when the capture's thread has given everything.
    done: RefCell<Option<oneshot::Receiver<Ending>>>,
}

/// What alone is wanted from here on, for the capture's thread: a client's own conversation, once its
/// port is known.
type Narrowing = Arc<Mutex<Option<Wanted>>>;

/// What the capture's thread has to say in the end.
struct Ending {
    observer: Observer,
    statistics: Option<Statistics>,
    failure: Option<io::Error>,
}

impl Packets {
    /// Begins to capture what goes to and comes from `local`, the addresses that the session has
    /// taken; without, what a connection to its endpoint will send and get.
    pub(crate) async fn start(scene: &Rc<Scene>, local: Option<&[String]>) -> Rc<Self> {
        if let Some(local) = local {
            let local = local.iter().filter_map(|text| plain_addr(text)).collect();
            let way = way_of_datagrams(&scene.plan).await;
            return Self::open(scene, Vec::new(), local, way).await;
        }
        let plan = &scene.plan;
        // Names that cannot be looked up, or not in time, are told of by the connection itself.
        let addresses = match is_ip(plan.transport) {
            true => {
                let found = transport::to_connect(&plan.address, plan.socket.family);
                let found = tokio::time::timeout(plan.timeout, found).await;
                found.map_or_else(|_| Vec::new(), Result::unwrap_or_default)
            }
            false => Vec::new(),
        };
        Self::open(scene, addresses, Vec::new(), None).await
    }

    /// The addresses that a client's endpoint was found to have; none where they are not known.
    pub(crate) fn remote(&self) -> &[SocketAddr] {
        &self.remote
    }

    /// `way` is where packets pass, if it is neither where `remote` is nor where `local` is.
    async fn open(
        scene: &Rc<Scene>,
        remote: Vec<SocketAddr>,
        local: Vec<SocketAddr>,
        way: Option<Place>,
    ) -> Rc<Self> {
        let addresses = if remote.is_empty() { &local } else { &remote };
        if addresses.is_empty() {
            let message = match is_ip(scene.plan.transport) {
                true => "no packets are shown: the address is not known",
                false => "a Unix socket has no packets; what the program wrote and read is shown",
            };
            publish_level(scene, message.to_owned(), json!({ "level": "none" }));
            return Rc::new(Self::without(remote, local));
        }
        let mut request = request(&scene.plan, &remote, &local);
        request.place = way.unwrap_or(request.place);
        let side = side(&scene.plan, addresses);
        let (ready_sender, ready) = oneshot::channel();
        // Each is waited for, so that there is never a second one.
        let (deliveries, incoming) = mpsc::channel(1);
        let (done_sender, done) = oneshot::channel();
        let narrowing = Narrowing::default();
        let theirs = narrowing.clone();
        let thread = std::thread::Builder::new().name("sockpit-capture".to_owned());
        let spawned = thread.spawn(move || {
            let mut capture = match Capture::open(&request) {
                Ok(capture) => capture,
                Err(refusal) => return drop(ready_sender.send(Err(refusal))),
            };
            let facts = facts(&capture);
            if ready_sender.send(Ok((capture.stopper(), facts))).is_ok() {
                let ending = deliver(&mut capture, side, &deliveries, &theirs);
                // A session that was dropped waits for nothing.
                let _ = done_sender.send(ending);
            }
        });
        let opened = match spawned {
            Ok(_) => ready.await.ok(),
            Err(error) => Some(Err(Refusal::failed(&error))),
        };
        let (stopper, done) = match opened {
            Some(Ok((stopper, (message, mut data)))) => {
                if let Some(names) = names(&scene.plan, &remote) {
                    data["names"] = names;
                }
                publish_level(scene, message, data);
                (Some(stopper), Some(done))
            }
            Some(Err(refusal)) => {
                let mut data = json!({ "level": "none" });
                if let Some(command) = refusal.command() {
                    data["command"] = command.into();
                }
                publish_level(scene, refusal.to_string(), data);
                (None, None)
            }
            // A panic of the thread was told when it happened.
            None => (None, None),
        };
        let packets = Rc::new(Self {
            stopper,
            narrowing,
            done: RefCell::new(done),
            ..Self::without(remote, local)
        });
        tokio::task::spawn_local(publish(scene.clone(), packets.clone(), incoming));
        packets
    }

    fn without(remote: Vec<SocketAddr>, local: Vec<SocketAddr>) -> Self {
        let plain = remote.iter().copied().map(plain).collect();
        Self {
            remote,
            peers: RefCell::new(Peers::new(plain, local)),
            counted: RefCell::default(),
            narrowing: Narrowing::default(),
            stopper: None,
            published: Cell::new(0),
            done: RefCell::default(),
        }
    }

    /// Learns from what is told of a peer which packets are its own, and what the kernel counted.
    pub(crate) fn learn(&self, scene: &Scene, peer: u32, what: &What) {
        self.counted.borrow_mut().learn(peer, what);
        if let What::Opened { addr, local } = what
            && let (Some(remote), Some(local)) = (plain_addr(addr), plain_addr(local))
        {
            let is_tcp = scene.plan.transport == Transport::Tcp;
            if is_tcp && scene.plan.role == Role::Client {
                let own = Wanted::conversation(protocol::TCP, local, remote);
                *self.narrowing.lock().expect("no holder panics") = Some(own);
            }
            let held = self.peers.borrow_mut().open(peer, is_tcp, local, remote);
            self.tell(scene, held);
        }
    }

    /// Lets go of the capture: the session has come to nothing, and what passed was not its own.
    pub(crate) fn abandon(&self) {
        self.done.take();
        if let Some(stopper) = &self.stopper {
            stopper.stop();
        }
    }

    /// Waits for the last packets, and says how many there were.
    pub(crate) async fn finish(&self, scene: &Scene) {
        let Some(done) = self.done.take() else { return };
        let deadline = tokio::time::Instant::now() + FAREWELL;
        while !self.peers.borrow().are_complete() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        if let Some(stopper) = &self.stopper {
            stopper.stop();
        }
        self.end(scene, done).await;
    }

    /// Tells what is left when the capture has ended, and how many there were.
    async fn end(&self, scene: &Scene, done: oneshot::Receiver<Ending>) {
        let ending = done.await;
        let held = self.peers.borrow_mut().give_up(None);
        self.tell(scene, held);
        if let Ok(ending) = ending {
            self.reconcile(scene, &ending);
            publish_ending(scene, &ending, self.published.get());
        }
    }

    /// Tells what the kernel counted otherwise than was seen, unless the capture has lost some.
    fn reconcile(&self, scene: &Scene, ending: &Ending) {
        if ending.statistics.is_none_or(|it| it.dropped != 0) || ending.failure.is_some() {
            return;
        }
        // What is published is learnt from again; nothing is borrowed then.
        let found = {
            let (counted, peers) = (self.counted.borrow(), self.peers.borrow());
            counted.compare(&peers, ending.observer.analyser())
        };
        for (peer, told) in found {
            let note = What::Note {
                kind: COUNTED.to_owned(),
                message: told.to_string(),
                data: json!({ "kernel": told.kernel, "wire": told.wire }),
            };
            scene.publish(peer, note);
        }
    }

    fn tell(&self, scene: &Scene, placed: Vec<Arc<Event>>) {
        for placed in placed {
            self.published.set(self.published.get() + 1);
            scene.publish_made(placed);
        }
    }
}

/// Puts packets into the timeline as they come.
async fn publish(scene: Rc<Scene>, packets: Rc<Packets>, mut incoming: mpsc::Receiver<Delivery>) {
    let clock = scene.shard.bus.clock();
    let mut aligned = Alignment::of_epoch(clock.epoch());
    while let Some(delivery) = incoming.recv().await {
        let mut registered = 0;
        std::future::poll_fn(|cx| scene.shard.bus.poll_ready(cx, &mut registered)).await;
        let placed = {
            let mut peers = packets.peers.borrow_mut();
            let long_ago = scene.now().earlier(PATIENCE);
            aligned = aligned.renewed(clock.align());
            let mut placed = peers.give_up(Some(long_ago));
            for (at, mut event) in delivery.packets {
                if let Some(made) = Arc::get_mut(&mut event) {
                    made.time = aligned.time(at);
                    made.session = scene.number;
                }
                placed.extend(peers.place(event));
            }
            placed
        };
        packets.tell(&scene, placed);
        // The thread may have ended.
        let _ = delivery.taken.send(());
    }
    // A capture that nobody stopped has failed, which is told at once.
    let done = packets.done.take();
    if let Some(done) = done {
        packets.end(&scene, done).await;
    }
}

/// Reads the capture until it is stopped, a batch at a time.
fn deliver(
    capture: &mut Capture,
    side: Side,
    deliveries: &mpsc::Sender<Delivery>,
    narrowing: &Narrowing,
) -> Ending {
    let mut observer = Observer::new(Settings {
        side,
        content: Content::Ignored,
        placed: 0,
        ..Settings::default()
    });
    let mut failure = None;
    loop {
        let narrower = narrowing.lock().expect("no holder panics").take();
        if let Some(wanted) = narrower {
            // Where less cannot be had, the rest is nobody's and let go of.
            let _ = capture.narrow(&wanted);
        }
        let mut packets = Vec::new();
        // Those that nobody claims are given up in time, even if none follow them.
        let batch = capture.next_batch(Some(PATIENCE), |packet| {
            packets.push((packet.at, made(observer.observe(*packet).keep())));
        });
        let mut is_open = true;
        while is_open {
            let rest = packets.split_off(packets.len().min(BATCH));
            let (taken, wait) = oneshot::channel();
            let delivery = Delivery { packets, taken };
            is_open = deliveries.blocking_send(delivery).is_ok() && wait.blocking_recv().is_ok();
            packets = rest;
            if packets.is_empty() {
                break;
            }
        }
        match batch {
            Ok(Batch::Packets(_) | Batch::Quiet) if is_open => {}
            Ok(_) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    Ending {
        observer,
        statistics: capture.statistics().ok(),
        failure,
    }
}

/// An event of a packet whose peer is to be found.
fn made(packet: Kept) -> Arc<Event> {
    Arc::new(Event {
        number: 0,
        time: Time::ZERO,
        session: 0,
        peer: 0,
        what: What::Packet {
            direction: Direction::In,
            offset: None,
            packet: Box::new(packet),
        },
    })
}

fn request(plan: &Plan, remote: &[SocketAddr], local: &[SocketAddr]) -> Request {
    let protocols = match plan.transport {
        Transport::Udp => Protocols::Udp,
        _ => Protocols::Tcp,
    };
    let ips = |addresses: &[SocketAddr]| {
        addresses
            .iter()
            .map(SocketAddr::ip)
            .collect::<Vec<IpAddr>>()
    };
    if remote.is_empty() {
        Request {
            place: Place::At(ips(local)),
            wanted: Wanted::service(protocols, local),
        }
    } else {
        Request {
            place: Place::To(ips(remote)),
            wanted: Wanted::service(protocols, remote),
        }
    }
}

/// Where the datagrams of a client to one address pass; its socket need not have one of its own.
async fn way_of_datagrams(plan: &Plan) -> Option<Place> {
    if plan.role != Role::Client || plan.transport != Transport::Udp {
        return None;
    }
    let found = transport::to_connect(&plan.address, plan.socket.family).await;
    let ips: Vec<IpAddr> = found.ok()?.iter().map(SocketAddr::ip).collect();
    // A broadcast of which only the network knows ends so, too.
    let is_many = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.octets()[3] == 255,
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    (!ips.iter().any(is_many)).then_some(Place::To(ips))
}

/// At whose machine the tap is.
fn side(plan: &Plan, addresses: &[SocketAddr]) -> Side {
    let is_loopback = |addr: &SocketAddr| addr.ip().to_canonical().is_loopback();
    match plan.role {
        _ if addresses.iter().all(is_loopback) => Side::Both,
        Role::Client => Side::Client,
        Role::Server => Side::Server,
    }
}

/// What is said of a capture that is open: one sentence, and its facts.
fn facts(capture: &Capture) -> (String, Value) {
    let interfaces = capture.interfaces();
    let names: Vec<&str> = interfaces.iter().map(|it| it.name.as_str()).collect();
    let message = match capture.level() {
        Level::Dumpcap => format!("packets of {} are captured by dumpcap", names.join(", ")),
        _ => format!("packets of {} are captured", names.join(", ")),
    };
    let interfaces: Vec<Value> = interfaces
        .iter()
        .map(|it| json!({ "name": it.name, "filter": it.filter, "os": it.os, "snap_len": it.snap_len }))
        .collect();
    let level = match capture.level() {
        Level::Ring => "ring",
        Level::Dumpcap => "dumpcap",
    };
    let data = json!({ "level": level, "link": capture.link().0, "interfaces": interfaces });
    (message, data)
}

/// The name that the user has called the addresses by.
fn names(plan: &Plan, remote: &[SocketAddr]) -> Option<Value> {
    let Address::Net {
        host: Host::Name(name),
        ..
    } = &plan.address
    else {
        return None;
    };
    let named = remote.iter().map(|addr| {
        (
            addr.ip().to_canonical().to_string(),
            Value::from(name.as_str()),
        )
    });
    Some(Value::Object(named.collect()))
}

fn publish_level(scene: &Scene, message: String, data: Value) {
    scene.publish(
        0,
        What::Note {
            kind: NOTE.to_owned(),
            message,
            data,
        },
    );
}

fn publish_ending(scene: &Scene, ending: &Ending, published: u64) {
    let (received, dropped) = ending
        .statistics
        .map_or((0, 0), |it| (it.received, it.dropped));
    let message = match &ending.failure {
        None => format!("{published} packets were captured, {dropped} were lost by the capture"),
        Some(failure) => format!(
            "{published} packets were captured, {dropped} were lost by the capture; it ended early: {}",
            cause_text(failure)
        ),
    };
    let data = json!({ "packets": published, "received": received, "dropped": dropped });
    publish_level(scene, message, data);
}

fn is_ip(transport: Transport) -> bool {
    matches!(transport, Transport::Tcp | Transport::Udp)
}

/// The address in what an event calls one, as packets have it.
fn plain_addr(text: &str) -> Option<SocketAddr> {
    let (_, addr) = event::socket_addr(text)?;
    Some(plain(addr))
}

/// An address as packets have it: one of IPv4 as such, one of a link without its interface.
fn plain(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}
