//! What the kernel knows of a TCP connection of ours, told on its timeline: only where the plan
//! wants it.
//!
//! ```text
//!  accepted ─▶ syn        opened, every second, closed ─▶ tcp        written ─▶ stage
//! ```
//!
//! Nothing tells when a stamp comes. It is looked for after each write, and then less and less
//! often; a stamp knows its time itself.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll};
use std::time::Duration;

use sockpit_core::event::Direction;
use sockpit_core::kernel::{
    Fact as _, Following, Icmp, Moment, Progress, Scale, Snapshot, Socket, Stage, State, Syn,
    Writes,
};
use sockpit_core::plan::Role;
use sockpit_core::time::Time;
use sockpit_sys::socket::Memory;
use sockpit_sys::tcp_info::TcpInfo;
use sockpit_sys::timestamping::{self, Stamp};
use sockpit_sys::{icmp, sock_diag, socket, tcp_info};

use crate::bus::Scope;
use crate::clock::Clock;
use crate::doctor::is_local;
use crate::session::Scene;
use crate::transport::StreamLink;

/// A snapshot asks about both ends, which takes several system calls.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(1);

/// First and longest pause between two looks for stamps.
const LOOK_PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// Where nothing is left to acknowledge after this long a pause, stamps that are missing were
/// dropped.
const LOST_STAMPS: Duration = Duration::from_millis(64);

/// Writes that are followed in a [`WINDOW`]: more are too many for anybody to read, and following
/// them would slow down what is watched.
const MOST_FOLLOWED: u32 = 250;

/// Writes are counted for so long.
const WINDOW: Duration = Duration::from_millis(250);

/// Watches one connection.
pub(crate) struct Watch {
    number: u32,
    congestion: Option<String>,
    /// The addresses of the peer's socket, its own first, where it is on this machine.
    peer: Option<(SocketAddr, SocketAddr)>,
    /// What is told of both ends was the same.
    last: Option<Snapshot>,
    /// When the next snapshot may be taken.
    next_snapshot: Time,
    /// Whether bytes went either way since the last one.
    has_traffic: bool,
    /// What was written since stamps are made; `None` where the kernel makes none.
    writes: Option<Writes>,
    /// Whether stamps are made at present.
    is_following: bool,
    /// Writes since the window began, and when it ends.
    window: (u32, Time),
    next_look: Time,
    pause: Duration,
}

impl Watch {
    /// Begins with a connection through which nothing has gone yet; `None` where it is none of TCP,
    /// or nobody wants to know.
    pub(crate) fn open(scene: &Scene, number: u32, link: &StreamLink) -> Option<Box<Self>> {
        if !scene.plan.wire {
            return None;
        }
        let (own, peer) = link.tcp_addrs()?;
        let fd = link.fd()?;
        let now = scene.now();
        let is_here = peer.ip().is_loopback() || is_local(peer.ip().to_canonical());
        let mut watch = Self {
            number,
            congestion: tcp_info::congestion(fd).ok(),
            peer: is_here.then_some((peer, own)),
            last: None,
            next_snapshot: now,
            has_traffic: false,
            writes: timestamping::enable(fd).is_ok().then(Writes::default),
            is_following: true,
            window: (0, now + WINDOW),
            next_look: now,
            pause: LOOK_PAUSES.0,
        };
        if scene.plan.role == Role::Server
            && let Ok(Some(packet)) = socket::saved_syn(fd)
            && let Some(syn) = Syn::of_packet(&packet)
        {
            scene.publish(number, syn.note());
        }
        watch.take_snapshot(scene, fd, Moment::Open);
        Some(Box::new(watch))
    }

    /// Writes to the link, and notes what was taken and when.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        link: &mut StreamLink,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let at = match self.is_following {
            true => Clock::wall(),
            false => 0,
        };
        let drain = |fd: BorrowedFd<'_>| drain(self.writes.as_mut(), fd);
        let written = std::task::ready!(link.poll_write_stamped(cx, bytes, drain))?;
        self.has_traffic = true;
        self.pause = LOOK_PAUSES.0;
        self.window.0 = self.window.0.saturating_add(1);
        if let Some(writes) = &mut self.writes {
            writes.wrote(written, at);
        }
        Poll::Ready(Ok(written))
    }

    /// Takes that bytes have come.
    pub(crate) fn hear(&mut self) {
        self.has_traffic = true;
    }

    /// Takes the stamps that are there, and tells of them and of what is due, where it may.
    pub(crate) fn look(&mut self, scene: &Scene, fd: BorrowedFd<'_>, may_publish: bool) {
        if self.is_settled() && !self.has_traffic && self.is_following {
            return;
        }
        self.take_stamps(fd);
        if !may_publish {
            return;
        }
        self.tell_stages(scene);
        let now = scene.now();
        self.follow(scene, fd, now);
        if !self.is_settled() && self.next_look <= now {
            self.next_look = now + self.pause;
            self.pause = (self.pause * 2).min(LOOK_PAUSES.1);
            if self.pause > LOST_STAMPS && socket::unsent(fd).is_ok_and(|unsent| unsent == 0) {
                self.forget_writes(fd);
                self.tell_stages(scene);
            }
        }
        if self.next_snapshot <= now {
            self.take_snapshot(scene, fd, Moment::While);
        }
    }

    /// When there is something to look for without being told.
    pub(crate) fn wake(&self) -> Option<Time> {
        let look = (!self.is_settled()).then_some(self.next_look);
        let snapshot = (self.has_traffic || !self.is_settled()).then_some(self.next_snapshot);
        let window = (!self.is_following).then_some(self.window.1);
        [look, snapshot, window].into_iter().flatten().min()
    }

    /// Tells what is known at the end.
    pub(crate) fn close(&mut self, scene: &Scene, fd: BorrowedFd<'_>) {
        self.take_stamps(fd);
        self.tell_stages(scene);
        self.take_snapshot(scene, fd, Moment::Close);
    }

    /// Stops following where there are too many writes, and begins again where there are fewer.
    fn follow(&mut self, scene: &Scene, fd: BorrowedFd<'_>, now: Time) {
        let (count, end) = self.window;
        if end <= now {
            self.window = (0, now + WINDOW);
        }
        let wanted = match self.is_following {
            true => count <= MOST_FOLLOWED,
            false => end <= now && count <= MOST_FOLLOWED,
        };
        let Some(writes) = self.writes.as_mut().filter(|_| wanted != self.is_following) else {
            return;
        };
        let set = match wanted {
            // Places count anew: no stamp of what was written before may come afterwards.
            true if socket::unsent(fd).is_ok_and(|unsent| unsent > 0) => return,
            true => timestamping::enable(fd).and_then(|()| timestamping::drain(fd, |_| {})),
            false => timestamping::disable(fd),
        };
        if set.is_err() {
            return;
        }
        match wanted {
            true => writes.resume(),
            false => writes.pause(),
        }
        self.is_following = wanted;
        let following = Following {
            direction: Direction::Out,
            offset: writes.written(),
            followed: wanted,
        };
        scene.publish(self.number, following.note());
    }

    fn is_settled(&self) -> bool {
        self.writes.as_ref().is_none_or(Writes::is_settled)
    }

    fn take_stamps(&mut self, fd: BorrowedFd<'_>) {
        if !self.is_settled() {
            drain(self.writes.as_mut(), fd);
        }
    }

    /// Takes that no further stamp of what was written will come.
    fn forget_writes(&mut self, fd: BorrowedFd<'_>) {
        self.take_stamps(fd);
        if let Some(writes) = &mut self.writes {
            writes.forget();
        }
    }

    fn tell_stages(&mut self, scene: &Scene) {
        let Some(writes) = &mut self.writes else {
            return;
        };
        while let Some(life) = writes.poll() {
            if scene.wants(Scope::Faults) {
                scene.publish(self.number, life.note());
            }
        }
    }

    /// Tells what TCP knows, unless it is the same as before.
    fn take_snapshot(&mut self, scene: &Scene, fd: BorrowedFd<'_>, when: Moment) {
        self.has_traffic = false;
        self.next_snapshot = scene.now() + SNAPSHOT_PAUSE;
        if !scene.wants(Scope::Faults) {
            return;
        }
        let Some(snapshot) = self.snapshot(fd, when) else {
            return;
        };
        let is_news = self
            .last
            .as_ref()
            .is_none_or(|last| !last.says_as(&snapshot));
        if is_news || when != Moment::While {
            scene.publish(self.number, snapshot.note());
            self.last = Some(snapshot);
        }
    }

    fn snapshot(&self, fd: BorrowedFd<'_>, when: Moment) -> Option<Snapshot> {
        let info = tcp_info::tcp_info(fd).ok()?;
        let own = socket_of(&info, Memory::of(fd).ok());
        let marks = own.state.unacked_marks();
        let own = Socket {
            congestion: self.congestion.clone(),
            unread: socket::unread(fd).ok(),
            unacked: socket::unsent(fd)
                .ok()
                .map(|count| count.saturating_sub(marks)),
            ..own
        };
        Some(Snapshot {
            when,
            own,
            peer: self.ask_peer(),
        })
    }

    fn ask_peer(&self) -> Option<Socket> {
        let (peer, own) = self.peer?;
        let end = sock_diag::tcp_end(peer, own).ok()??;
        let peer = socket_of(&end.info?, end.memory);
        let (queue, state) = (end.socket.queue, peer.state);
        Some(Socket {
            congestion: end.congestion,
            unread: Some(queue.incoming.saturating_sub(state.unread_marks())),
            unacked: Some(queue.outgoing.saturating_sub(state.unacked_marks())),
            ..peer
        })
    }
}

fn drain(writes: Option<&mut Writes>, fd: BorrowedFd<'_>) {
    if let Some(writes) = writes {
        // A socket that is broken says so when it is read or written.
        let _ = timestamping::drain(fd, |stamp| put(writes, stamp));
    }
}

fn put(writes: &mut Writes, stamp: Stamp) {
    let stage = match stamp.stage {
        timestamping::Stage::Queued => Stage::Queued,
        timestamping::Stage::Sent => Stage::Sent,
        timestamping::Stage::Acknowledged => Stage::Acked,
    };
    let progress = Progress {
        cwnd: stamp.progress.cwnd,
        rtt_us: stamp.progress.rtt_us,
        unsent: stamp.progress.unsent,
    };
    writes.stamp(stage, stamp.last, stamp.at, progress);
}

/// Tells of the ICMP messages about what a datagram socket has sent.
pub(crate) fn tell_icmp(scene: &Scene, number: u32, fd: BorrowedFd<'_>) {
    // A queue that cannot be read has nothing to tell.
    while let Ok(Some(report)) = icmp::take(fd) {
        let (icmp_type, code) = report.icmp;
        if let Some(offender) = report.offender {
            let said = Icmp {
                offender,
                icmp_type,
                code,
            };
            scene.publish(number, said.note());
        }
    }
}

/// What `TCP_INFO` says of an end; its queues and its congestion control are told elsewhere.
fn socket_of(info: &TcpInfo, memory: Option<Memory>) -> Socket {
    Socket {
        state: State::of_linux(info.state),
        congestion: None,
        rtt_us: info.rtt_us,
        rtt_variance_us: info.rtt_variance_us,
        min_rtt_us: info.min_rtt_us,
        rto_us: info.rto_us,
        cwnd: info.cwnd,
        ssthresh: info.ssthresh,
        mss: info.mss,
        advertised_mss: info.advertised_mss,
        path_mtu: info.path_mtu,
        timestamps: info.options.timestamps,
        sack: info.options.sack,
        ecn: info.options.ecn,
        scale: info
            .options
            .window_scale
            .map(|(peer, own)| Scale { own, peer }),
        window: info.window,
        peer_window: info.peer_window,
        receive_space: info.receive_space,
        unread: None,
        unacked: None,
        unsent: info.unsent,
        segments_unacked: info.unacked,
        segments_sacked: info.sacked,
        segments_lost: info.lost,
        segments_again: info.segments_again,
        retransmits: info.retransmits.into(),
        probes: info.probes.into(),
        reordering: info.reordering,
        out_of_order: info.out_of_order,
        bytes_sent: info.bytes_sent,
        bytes_again: info.bytes_again,
        bytes_acked: info.bytes_acked,
        bytes_received: info.bytes_received,
        segments_sent: info.segments_sent,
        segments_received: info.segments_received,
        delivery_rate: info.delivery_rate,
        pacing_rate: info.pacing_rate,
        busy_us: info.busy_us,
        window_limited_us: info.window_limited_us,
        buffer_limited_us: info.buffer_limited_us,
        receive_buffer: memory.map(|memory| memory.receive_limit),
        send_buffer: memory.map(|memory| memory.send_limit),
        drops: memory.map(|memory| memory.drops),
    }
}

#[cfg(test)]
mod tests;
