//! `sockpit wire`: packets of this machine as they pass.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use sockpit_core::bpf::Wanted;
use sockpit_core::endpoint::{Address, Endpoint, Host, Transport};
use sockpit_core::filter::Filter;
use sockpit_core::pcap;
use sockpit_core::time::TimeSpan;
use sockpit_engine::capture::{Capture, Level, PacketFile, Place, Refusal, Request, Statistics};
use sockpit_engine::doctor;

use super::look::{Look, Print, Settings, filter_of};
use super::saved;
use super::turn::Turns;
use super::view::{View, is_reader_gone};
use super::work::{self, Stop};
use crate::console::{Console, TimeForm};
use crate::exit::{Exit, sentence};

/// How long packets are waited for before what waits is shown, and the progress drawn.
const PACE: Duration = Duration::from_millis(200);

/// Where packets are looked for, and which, as typed.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Watch {
    /// Watch these ports, of TCP and UDP
    #[arg(short, long, value_name = "N[,M]", value_delimiter = ',', value_parser = parse_port)]
    port: Vec<u16>,
    /// Watch what goes to and comes from this endpoint, such as `tcp://10.0.0.7:7000` or `:7000`
    #[arg(long = "for", value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Watch this interface, or `any` [default: any; with --for the one that leads there]
    #[arg(short, long, value_name = "IFACE")]
    interface: Option<String>,
    /// End after this long
    #[arg(long, value_name = "TIME")]
    pub(super) for_time: Option<TimeSpan>,
}

/// What `sockpit wire` was told, as typed.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    watch: Watch,
    /// Only packets that this filter wants, such as `tcp port 7000`
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    look: Look,
}

/// A live capture that was asked for.
pub(super) struct Asked {
    pub(super) capture: Capture,
    /// What the watch and the words want together.
    pub(super) filter: Option<Filter>,
}

impl Watch {
    /// Whether nothing says what to watch.
    pub(super) fn is_empty(&self) -> bool {
        self.port.is_empty() && self.endpoint.is_none() && self.interface.is_none()
    }

    /// Opens the capture.
    pub(super) fn open(&self, words: &[String]) -> anyhow::Result<Asked> {
        let typed = filter_of(words)?;
        if self.is_empty() && typed.is_none() {
            bail!(
                "nothing says what to watch; write `--port 7000`, `--for tcp://host:7000` or `-i any`"
            );
        }
        let mut parts = Vec::new();
        if !self.port.is_empty() {
            let ports: Vec<String> = self.port.iter().map(ToString::to_string).collect();
            parts.push(format!("port {}", ports.join(",")));
        }
        let mut addresses = Vec::new();
        if let Some(text) = &self.endpoint {
            let (part, found) = endpoint(text)?;
            parts.extend(part);
            addresses = found;
        }
        parts.extend(typed.as_ref().map(|filter| format!("({filter})")));
        let filter = match parts.is_empty() {
            true => None,
            false => Some(parts.join(" and ").parse::<Filter>()?),
        };
        let place = match &self.interface {
            Some(name) if name == "any" => Place::Any,
            Some(name) => Place::Named(name.clone()),
            None if addresses.is_empty() => Place::Any,
            None => Place::To(addresses),
        };
        let wanted = filter.as_ref().map_or(Wanted::Everything, Filter::wanted);
        let capture = Capture::open(&Request { place, wanted })?;
        Ok(Asked { capture, filter })
    }
}

/// What an endpoint means as a filter, and its addresses.
fn endpoint(text: &str) -> anyhow::Result<(Vec<String>, Vec<IpAddr>)> {
    let endpoint: Endpoint = text.parse()?;
    let protocol = match endpoint.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Unix | Transport::UnixDatagram => bail!(
            "`{text}` has no packets: what goes over a Unix socket never leaves the kernel; \
             `sockpit connect` and `listen` show what they say there"
        ),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let resolved = sockpit_engine::addresses_to_connect(&endpoint.address, None);
    let found = runtime.block_on(resolved)?;
    let port = found.first().map_or(0, SocketAddr::port);
    if port == 0 {
        bail!("port 0 is nobody's; name the port to reach");
    }
    // Errors about its packets are wanted too.
    let mut parts = vec![format!("({protocol} || icmp)"), format!("port {port}")];
    // A port alone, as in `:7000`, is whoever has it.
    let is_everywhere = matches!(
        endpoint.address,
        Address::Net {
            host: Host::Any,
            ..
        }
    ) || found.iter().all(|address| address.ip().is_unspecified());
    if is_everywhere {
        return Ok((parts, Vec::new()));
    }
    let addresses: Vec<IpAddr> = found.iter().map(|it| it.ip().to_canonical()).collect();
    let hosts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    parts.push(format!("host {}", hosts.join(",")));
    Ok((parts, addresses))
}

/// Says why a capture was not opened.
pub(super) fn refused(error: &anyhow::Error, console: &Console) -> Exit {
    console.error(&sentence(error));
    let refusal = error.downcast_ref::<Refusal>();
    if let Some(command) = refusal.and_then(Refusal::command) {
        console.hint(&format!("`{command}`"));
    }
    match crate::exit::engine_error(error) {
        Some(error) => Exit::of_error(error),
        None => Exit::Usage,
    }
}

pub(super) fn run(args: Args, console: &Console) -> Exit {
    let asked = match args.watch.open(&args.filter) {
        Ok(asked) => asked,
        Err(error) => return refused(&error, console),
    };
    let Asked {
        mut capture,
        filter,
    } = asked;
    let settings = match args.look.decide(TimeForm::Clock, filter) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    let announced = (!settings.is_quiet).then(|| announcement(&capture));
    let has_reader = settings.print != Print::Nothing;
    let stop = Stop::with(capture.stopper());
    let until = args.watch.for_time.map(|time| Instant::now() + time.0);
    // What the capture wants is exactly what is wanted where nobody typed a filter.
    let plain = settings
        .write
        .clone()
        .filter(|_| settings.is_plain() && args.filter.is_empty());
    work::run(&stop, has_reader, console, move |console, _| {
        // Who is told that it watches may end it in order from here on.
        if let Some(announced) = announced {
            console.announce(&announced);
        }
        let result = match plain {
            Some(path) => save(&mut capture, &path, settings.is_quiet, until, console),
            None => watch(&mut capture, settings, until, console),
        };
        match result {
            Err(error) if is_reader_gone(&error) => Ok(Exit::Done),
            result => result.map(|()| Exit::Done),
        }
    })
}

/// Where it is listened.
pub(super) fn announcement(capture: &Capture) -> String {
    let names: Vec<&str> = capture
        .interfaces()
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    let how = match capture.level() {
        Level::Dumpcap => ", by way of dumpcap",
        Level::Ring => "",
    };
    format!("watching {}{how}", names.join(", "))
}

fn watch(
    capture: &mut Capture,
    settings: Settings,
    until: Option<Instant>,
    console: &Console,
) -> anyhow::Result<()> {
    let (is_quiet, shows) = (settings.is_quiet, settings.print != Print::Nothing);
    let mut view = View::new(settings, console)?;
    for interface in capture.interfaces() {
        view.interface(interface);
    }
    // Where the system does not tell them, less is known of each conversation.
    let own = doctor::interfaces().unwrap_or_default();
    let own = own.iter().flat_map(|interface| &interface.addresses);
    view.is_at(own.map(|(address, _)| *address).collect());
    let began = Instant::now();
    let started = now();
    let mut turns = Turns::new(PACE, until);
    loop {
        let flow = turns.take(capture, |packet| view.packet(packet, std::iter::empty()));
        view.idle(Some(now()))?;
        if !is_quiet
            && !shows
            && let Some(saved) = view.saved()
        {
            let dropped = capture.statistics().unwrap_or_default().dropped;
            console.progress(&format!("{saved} packets, {dropped} lost"));
        }
        if flow?.is_break() {
            break;
        }
    }
    if !is_quiet && !shows {
        console.end_progress();
    }
    let statistics = capture.statistics().unwrap_or_default();
    let counted = counted(&statistics, started);
    let sum = format!(
        "{} packets, {} bytes in {:.1} s; {} lost by the kernel",
        view.shown,
        view.bytes,
        began.elapsed().as_secs_f64(),
        statistics.dropped
    );
    for line in view.finish(Some(counted), console)? {
        if !is_quiet {
            console.say(&line);
        }
    }
    if !is_quiet || statistics.dropped > 0 {
        console.say(&sum);
    }
    turns.end()
}

/// Writes what comes into a file, and looks at nothing.
fn save(
    capture: &mut Capture,
    path: &Path,
    is_quiet: bool,
    until: Option<Instant>,
    console: &Console,
) -> anyhow::Result<()> {
    let (out, name) = saved::create(path)?;
    let began = Instant::now();
    let mut file = PacketFile::begin(out, saved::APPLICATION, capture.interfaces())?;
    let mut told = began;
    let unwritten = || format!("cannot write {name}");
    let mut turns = Turns::new(PACE, until);
    loop {
        let flow = turns.take(capture, |packet| {
            file.packet(packet, &[]).with_context(unwritten)?;
            Ok(ControlFlow::Continue(()))
        });
        let flow = flow?;
        file.flush().with_context(unwritten)?;
        let now = Instant::now();
        if !is_quiet && told + PACE <= now {
            told = now;
            let dropped = capture.statistics().unwrap_or_default().dropped;
            console.progress(&format!(
                "{} packets, {dropped} lost",
                file.written().packets
            ));
        }
        if flow.is_break() {
            break;
        }
    }
    if !is_quiet {
        console.end_progress();
    }
    let statistics = capture.statistics().unwrap_or_default();
    let recorded = file.finish(statistics);
    let recorded = recorded.with_context(unwritten)?;
    if !is_quiet {
        let (packets, len) = (recorded.packets, recorded.len);
        console.say(&format!("wrote {packets} packets, {len} bytes, to {name}"));
    }
    if !is_quiet || statistics.dropped > 0 {
        let seconds = began.elapsed().as_secs_f64();
        let dropped = statistics.dropped;
        console.say(&format!(
            "watched for {seconds:.1} s; {dropped} packets lost by the kernel"
        ));
    }
    turns.end()
}

fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    port.ok_or_else(|| "write a port from 1 to 65535, such as `7000`".to_owned())
}

fn counted(statistics: &Statistics, started: u64) -> pcap::Statistics {
    let now = now();
    pcap::Statistics {
        interface: 0,
        at: now,
        started: Some(started),
        ended: Some(now),
        received: Some(statistics.received.saturating_add(statistics.dropped)),
        dropped: Some(statistics.dropped),
        ..pcap::Statistics::default()
    }
}

/// In nanoseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
