//! `sockpit tello simulate`: drones that are not there, for programs that fly drones.

mod hangar;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use sockpit_core::tello::drone::{self, Fault, Pad, SpeedUp};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::tello::{COMMAND_PORT, STATE_PORT, VIDEO_PORT};

use crate::console::Console;
use crate::exit::{Exit, sentence};
use crate::runtime::carry_out;
use hangar::Hangar;

/// In cm: drones that are started together stand this far from each other, one right of the other.
const APART: f64 = 100.0;

/// What `sockpit tello simulate` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
A program for the Tello flies a simulated one as it flies a real one; it only
has to send to another address. Replies come when a motion has ended, state goes
to port 8890 and, after `streamon`, video to port 11111 of whoever sent
`command`, from the drone's own address.

Faults are NAME[=VALUE][@WHEN]: a value is how often (`20%`) or how long (`3s`),
when is a command's number, counted from 1, or its first word:
  lose-command lose-reply double-reply late-reply=TIME junk-first reboot
  state-stop
  imu marker joystick motor timeout    (answered in place of flying)

Examples:
  sockpit tello simulate                      one drone on 127.0.0.1:8889
  sockpit tello simulate --count 3            also on 127.0.0.2 and 127.0.0.3
  sockpit tello simulate --sdk 3.0 --pad m1@100,0 --pad m2@200,100
  sockpit tello simulate --fault lose-reply=20% --seed 7
  sockpit tello simulate --fault late-reply=3s@takeoff --fault junk-first
  sockpit tello simulate --speed-up 10 --svg flight.svg    quickly, and drawn")]
pub(crate) struct Args {
    /// Firmware to be: 1.3, 2.0 (Tello EDU), 3.0 (Tello Talent), rmtt (Talent with its controller)
    #[arg(long, default_value = "2.0", value_name = "SDK")]
    sdk: Sdk,
    /// Where the first drone takes its commands; port 0 lets the system choose
    #[arg(long, default_value = "127.0.0.1:8889", value_name = "ADDR", value_parser = parse_bind)]
    bind: SocketAddr,
    /// How many drones: on loopback each has the next address, elsewhere the next port
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    count: u32,
    /// Port of the client to which the state goes
    #[arg(long, default_value_t = STATE_PORT, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    state_port: u16,
    /// Port of the client to which the video goes
    #[arg(long, default_value_t = VIDEO_PORT, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    video_port: u16,
    /// Charge of the battery at the start; below 10 it does not take off, at 5 it lands
    #[arg(long, default_value_t = 87, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    battery: u8,
    /// Fly so many times as fast; the 15 s until it lands by itself stay
    #[arg(long, default_value = "1", value_name = "FACTOR")]
    speed_up: SpeedUp,
    /// Put a mission pad: its number and place in cm ahead and left of the first drone, m1@100,50
    #[arg(long, value_name = "PAD")]
    pad: Vec<Pad>,
    /// Let something go wrong, such as lose-reply=20%, late-reply=3s@takeoff, imu@5
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// From which chance is drawn: the same number, the same chance
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// What a motion gets while another is under way: refuse (`error Not joystick`) or ignore
    #[arg(
        long,
        default_value = "refuse",
        value_name = "HOW",
        hide_possible_values = true
    )]
    busy: Busy,
    /// Be one that was never activated: `command` answers `unactive` (SDK 3.0)
    #[arg(long)]
    unactive: bool,
    /// Draw where the drones have flown into this file at the end
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print one JSON object for each thing that happens
    #[arg(long)]
    json: bool,
    /// Tell only what goes wrong
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Busy {
    /// `error Not joystick`
    Refuse,
    /// No answer
    Ignore,
}

/// What it will do, as decided.
pub(super) struct Settings {
    /// The drones, and where each takes its commands.
    pub(super) drones: Vec<(SocketAddr, drone::Settings)>,
    pub(super) svg: Option<PathBuf>,
    pub(super) form: Form,
}

/// What stdout gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for each thing that happens, and on a terminal a picture.
    Lines,
    /// Records.
    Json,
    /// The picture alone.
    Picture,
}

impl Settings {
    fn resolve(args: Args) -> anyhow::Result<Self> {
        let mut drones = Vec::new();
        for index in 0..args.count {
            let mut settings = drone::Settings::new(args.sdk);
            settings.number = index + 1;
            settings.start = [0.0, -APART * f64::from(index)];
            settings.battery = args.battery;
            settings.speed_up = args.speed_up;
            settings.state_port = args.state_port;
            settings.video_port = args.video_port;
            settings.pads.clone_from(&args.pad);
            settings.faults.clone_from(&args.fault);
            // Drones have chances of their own.
            settings.seed = args.seed.wrapping_add(u64::from(index));
            settings.is_active = !args.unactive;
            settings.busy = match args.busy {
                Busy::Refuse => drone::Busy::Refuse,
                Busy::Ignore => drone::Busy::Ignore,
            };
            drones.push((place(args.bind, index)?, settings));
        }
        Ok(Self {
            drones,
            svg: args.svg,
            form: match (args.json, args.quiet) {
                (true, _) => Form::Json,
                (false, true) => Form::Picture,
                (false, false) => Form::Lines,
            },
        })
    }
}

/// Where the drone with this index takes its commands.
fn place(first: SocketAddr, index: u32) -> anyhow::Result<SocketAddr> {
    match first.ip() {
        IpAddr::V4(ip) if ip.is_loopback() => {
            let next = u32::from(ip).checked_add(index).map(Ipv4Addr::from);
            let next = next.filter(Ipv4Addr::is_loopback);
            let ip =
                next.with_context(|| format!("there are not so many addresses from {ip} on"))?;
            Ok(SocketAddr::from((ip, first.port())))
        }
        ip if first.port() == 0 => Ok(SocketAddr::new(ip, 0)),
        ip => {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let port = first.port().checked_add(index);
            let port = port
                .with_context(|| format!("there are not so many ports from {} on", first.port()))?;
            Ok(SocketAddr::new(ip, port))
        }
    }
}

/// An address with its port, or without.
fn parse_bind(text: &str) -> anyhow::Result<SocketAddr> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, COMMAND_PORT)),
        Err(_) => {
            bail!("`{text}` is no address; write one of this machine's, such as 127.0.0.1:8889")
        }
    }
}

/// Carries the command out.
pub(super) fn run(args: Args, console: &Console) -> Exit {
    match simulate(args, console) {
        Ok(exit) => exit,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn simulate(args: Args, console: &Console) -> anyhow::Result<Exit> {
    let settings = Settings::resolve(args)?;
    if let Some(path) = &settings.svg {
        // A picture that cannot be written is better told before than after.
        std::fs::write(path, "").with_context(|| format!("cannot write {}", path.display()))?;
    }
    carry_out(async {
        match Hangar::open(&settings, console).await {
            Ok(hangar) => hangar.serve().await,
            Err(exit) => Ok(exit),
        }
    })
}

#[cfg(test)]
mod tests;
