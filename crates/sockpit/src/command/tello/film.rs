//! Video: taken from its port, told apart by drone, saved or given to a player.
//!
//! What a drone sends is the bytes of an H.264 stream, cut into datagrams; written one after the other
//! they are a file that players read. A file or player that takes nothing loses datagrams, which is
//! counted; the flight goes on.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::json;
use sockpit_core::event::What;
use sockpit_core::machine::{Fault, Machine, Output};
use sockpit_core::session::Peer;
use sockpit_core::tello::video::{Assembler, Counts};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::Time;
use sockpit_engine::tello::{self, Crew, addr_of};
use sockpit_engine::{Handle, Session};

/// Datagrams that wait for a file or a player: about a second of video.
const WAITING: usize = 256;

/// How long a player has to show the rest once the video is over.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// Where video goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Screening {
    /// Into a file; of several drones each has one with its number in its name.
    File(PathBuf),
    /// To the stdin of a shell command; each drone has its own player.
    Player(String),
}

/// The video of all drones.
pub(super) struct Film {
    session: Session<Footage>,
    reel: Reel,
}

/// What the session's machines and whoever asks share.
#[derive(Clone)]
struct Reel {
    drones: Arc<Mutex<Vec<Take>>>,
}

/// The video of one drone.
#[derive(Default)]
struct Take {
    sink: Option<Sink>,
    counts: Counts,
    /// Datagrams that a file or player had no room for.
    dropped: u64,
    /// Whether it was told that the file or player takes no more.
    is_end_told: bool,
}

/// A thread that writes.
struct Sink {
    sender: SyncSender<Bytes>,
    thread: JoinHandle<()>,
    name: String,
}

impl Film {
    /// Takes video from a port and screens it.
    ///
    /// # Errors
    ///
    /// Returns why the port, a file or a player cannot be had.
    pub(super) async fn start(
        handle: &Handle,
        port: u16,
        crew: &Crew,
        drones: usize,
        screening: &Screening,
    ) -> anyhow::Result<Self> {
        let mut takes = Vec::new();
        for drone in 0..drones {
            let sink = Sink::start(screening, (drones > 1).then_some(drone + 1))?;
            takes.push(Take {
                sink: Some(sink),
                ..Take::default()
            });
        }
        let reel = Reel {
            drones: Arc::new(Mutex::new(takes)),
        };
        let plan = Arc::new(tello::server(port)?);
        let (theirs, crew) = (reel.clone(), crew.clone());
        let make = move |peer: Peer, _: Time| Footage::new(&peer, &crew, theirs.clone());
        let session = handle.open(plan, make).await?;
        Ok(Self { session, reel })
    }

    /// The port that it really has.
    pub(super) fn port(&self) -> Option<u16> {
        let local = self.session.local().first()?;
        addr_of(local).map(|addr| addr.port())
    }

    /// What came so far, a line a drone.
    pub(super) fn lines(&self) -> Vec<String> {
        let takes = self.reel.drones.lock().expect("no holder panics");
        let lines = takes.iter().enumerate().map(|(drone, take)| {
            let name = take.sink.as_ref().map_or("", |sink| sink.name.as_str());
            take.line(drone + 1, name)
        });
        lines.collect()
    }

    /// Takes no more, and waits a moment for what is still to be written. Gives what came.
    pub(super) async fn finish(self) -> Vec<String> {
        self.session.close();
        let _ = self.session.outcome().await;
        // Until its end datagrams come, which the file has and the counts shall have.
        let lines = self.lines();
        let takes = std::mem::take(&mut *self.reel.drones.lock().expect("no holder panics"));
        // Its threads end once nobody sends to them.
        let threads: Vec<_> = takes
            .into_iter()
            .filter_map(|take| Some(take.sink?.thread))
            .collect();
        let wait = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A thread that panicked has told so.
                let _ = thread.join();
            }
        });
        let _ = tokio::time::timeout(LAST_FRAMES * 2, wait).await;
        lines
    }
}

impl Take {
    fn line(&self, drone: usize, name: &str) -> String {
        let Counts {
            frames,
            key_frames,
            bytes,
            flawed,
            ..
        } = self.counts;
        let mut line = format!(
            "video of drone {drone} to {name}: {frames} frames, {key_frames} key frames, {flawed} flawed, {bytes} bytes"
        );
        if self.dropped > 0 {
            let dropped = self.dropped;
            line.push_str(&format!(
                "; {dropped} datagrams were dropped, as they were not taken"
            ));
        }
        line
    }
}

impl Sink {
    fn start(screening: &Screening, number: Option<usize>) -> anyhow::Result<Self> {
        let (sender, datagrams) = mpsc::sync_channel::<Bytes>(WAITING);
        let (name, output) = match screening {
            Screening::File(path) => {
                let path = numbered(path, number);
                let name = format!("`{}`", VisibleLine(&path.display().to_string()));
                let file = File::create(&path).with_context(|| format!("cannot write {name}"))?;
                (name, Projector::File(file))
            }
            Screening::Player(command) => {
                let name = format!("`{}`", VisibleLine(command));
                let child = Command::new("sh")
                    .args(["-c", command])
                    .stdin(Stdio::piped())
                    // The terminal belongs to whoever flies.
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .with_context(|| format!("cannot start {name}"))?;
                (name, Projector::Player(child))
            }
        };
        let thread = std::thread::Builder::new()
            .name("sockpit-video".to_owned())
            .spawn(move || output.screen(&datagrams))?;
        Ok(Self {
            sender,
            thread,
            name,
        })
    }
}

enum Projector {
    File(File),
    Player(Child),
}

impl Projector {
    /// Writes what comes until nothing comes any more or nobody takes it.
    fn screen(self, datagrams: &mpsc::Receiver<Bytes>) {
        match self {
            Self::File(mut file) => pour(datagrams, &mut file),
            Self::Player(mut player) => {
                if let Some(mut stdin) = player.stdin.take() {
                    pour(datagrams, &mut stdin);
                }
                let until = Instant::now() + LAST_FRAMES;
                while Instant::now() < until {
                    if !matches!(player.try_wait(), Ok(None)) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                // It may have ended just then.
                let _ = player.kill();
                let _ = player.wait();
            }
        }
    }
}

fn pour(datagrams: &mpsc::Receiver<Bytes>, output: &mut impl Write) {
    // A full disk or a closed player ends it; what follows is counted as dropped.
    while let Ok(datagram) = datagrams.recv() {
        if output.write_all(&datagram).is_err() {
            return;
        }
    }
}

/// `flight.h264` of the second of several drones is `flight-2.h264`.
fn numbered(path: &Path, number: Option<usize>) -> PathBuf {
    let Some(number) = number else {
        return path.to_owned();
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

/// One address that sends video.
struct Footage {
    from: String,
    drone: Option<usize>,
    assembler: Assembler,
    reel: Reel,
    has_begun: bool,
    notes: VecDeque<What>,
}

impl Footage {
    fn new(peer: &Peer, crew: &Crew, reel: Reel) -> Self {
        let addr = addr_of(&peer.addr);
        Self {
            from: addr.map_or_else(|| peer.addr.clone(), |addr| addr.ip().to_string()),
            drone: addr.and_then(|addr| crew.who(addr)),
            assembler: Assembler::new(),
            reel,
            has_begun: false,
            notes: VecDeque::new(),
        }
    }

    fn note(&mut self, kind: &str, message: String) {
        self.notes.push_back(What::Note {
            kind: kind.to_owned(),
            message,
            data: json!({ "port": "video" }),
        });
    }
}

impl Machine for Footage {
    type Event = What;

    fn handle_input(&mut self, _now: Time, chunk: &[u8]) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        let from = self.from.clone();
        let Some(drone) = self.drone else {
            if is_first {
                let message =
                    format!("video came from {from}, which is none of the drones; ignored");
                self.note("tello.foreign", message);
            }
            return;
        };
        // The file gets the stream as it is; here frames are only counted.
        self.assembler.push(chunk);
        let mut ended = None;
        let mut takes = self.reel.drones.lock().expect("no holder panics");
        if let Some(take) = takes.get_mut(drone) {
            take.counts = *self.assembler.counts();
            let datagram = Bytes::copy_from_slice(chunk);
            if let Some(sink) = &take.sink
                && let Err(error) = sink.sender.try_send(datagram)
            {
                take.dropped += 1;
                let has_ended = matches!(error, TrySendError::Disconnected(_));
                if has_ended && !std::mem::replace(&mut take.is_end_told, true) {
                    ended = Some(sink.name.clone());
                }
            }
        }
        drop(takes);
        if let Some(name) = ended {
            let message =
                format!("{name} takes no more video; `/video off` ends it, and it can begin anew");
            self.note("tello.untaken", message);
        }
        if is_first {
            let message = format!("video comes from {from}");
            self.note("tello.video", message);
        }
    }

    fn handle_end(&mut self, _now: Time) {}

    fn handle_fault(&mut self, _now: Time, _fault: Fault) {}

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        match self.notes.pop_front() {
            Some(note) => Output::Event(note),
            None => Output::Wait(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use sockpit_engine::Workbench;

    use super::*;

    #[tokio::test]
    async fn what_comes_while_it_ends_is_counted_if_it_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flight.h264");
        let bench = Workbench::start().unwrap();
        let crew = Crew::new(&[(Ipv4Addr::LOCALHOST, 8889).into()]);
        let screening = Screening::File(path.clone());
        for _ in 0..20 {
            let film = Film::start(bench.handle(), 0, &crew, 1, &screening)
                .await
                .unwrap();
            let port = film.port().unwrap();
            let drone = std::thread::spawn(move || {
                let drone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                // Fewer than may wait for the file, so that it gets all that come.
                for _ in 0..WAITING {
                    // Its port may be closed already.
                    let _ = drone.send_to(&[0; 100], (Ipv4Addr::LOCALHOST, port));
                }
            });
            let until = Instant::now() + Duration::from_secs(30);
            while film.lines()[0].ends_with(" 0 bytes") {
                assert!(Instant::now() < until, "nothing came");
                tokio::task::yield_now().await;
            }
            let lines = film.finish().await;
            drone.join().unwrap();
            let len = std::fs::metadata(&path).unwrap().len();
            assert!(
                lines[0].ends_with(&format!(", {len} bytes")),
                "{len}: {lines:?}"
            );
        }
    }

    #[test]
    fn files_of_a_swarm_have_numbers() {
        let path = Path::new("a/flight.h264");
        assert_eq!(numbered(path, None), Path::new("a/flight.h264"));
        assert_eq!(numbered(path, Some(2)), Path::new("a/flight-2.h264"));
        assert_eq!(
            numbered(Path::new("flight"), Some(2)),
            Path::new("flight-2")
        );
    }
}
