//! `sockpit tello fly`: a console for drones.

use std::path::PathBuf;

use sockpit_core::tello::VIDEO_PORT;

use super::cockpit::{Cockpit, Video};
use super::field::Field;
use super::film::Screening;
use super::links::LinkArgs;
use super::show::Form;
use crate::console::Console;
use crate::exit::{Exit, engine_error, sentence};
use crate::runtime::carry_out;
use crate::signals::Signals;

/// What `sockpit tello fly` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Commands are checked before they are sent: `forward 5` is refused here, with
the range, and not up in the air. A drone answers a movement once it has ended;
what is typed meanwhile waits (/queue), except `land`, `stop` and `emergency`,
which leave at once. Tab completes, /help lists, /help go explains.

Ctrl-C lands, waits for it and leaves; a second one stops the motors
(emergency). Ctrl-D and /quit land too. /stick steers with the keys: W A S D,
arrows, space to hover, Esc to go back.

Without a terminal, each line of stdin is a command; the next one waits for the
reply, which is a line on stdout. At the end what took off lands.

State comes to port 8890, video to 11111. If no state comes, a firewall may be
in the way:
  sudo ufw allow 8890/udp

Examples:
  sockpit tello fly                                   its Wi-Fi TELLO-… first
  sockpit tello fly --host 127.0.0.1                  one of `tello simulate`
  sockpit tello fly --video flight.h264               save what it sees
  sockpit tello fly --player 'ffplay -loglevel quiet -'
  sockpit tello fly --host 10.0.0.7 --host 10.0.0.8   `2>up 50`, `*>land`
  printf 'takeoff\\nland\\n' | sockpit tello fly --json    a flight as records

Exit codes: 0 done, 1 no drone, 2 usage or a command that no drone takes,
3 a drone refused or did not answer, 130 Ctrl-C, 143 SIGTERM (both land first)")]
pub(super) struct Args {
    #[command(flatten)]
    links: LinkArgs,
    /// Our port for the drones' video
    #[arg(long, value_name = "PORT", default_value_t = VIDEO_PORT)]
    video_port: u16,
    /// Save the video; of several drones, each in a file with its number
    #[arg(long, value_name = "FILE.h264")]
    video: Option<PathBuf>,
    /// Give the video to the stdin of a shell command, such as `ffplay -`
    #[arg(long, value_name = "CMD", conflicts_with = "video")]
    player: Option<String>,
}

/// Carries the command out.
pub(super) fn run(args: &Args, console: &Console) -> Exit {
    carry_out(fly(args, console)).unwrap_or_else(|error| fail(&error, console))
}

/// Says why nothing was flown.
pub(super) fn fail(error: &anyhow::Error, console: &Console) -> Exit {
    console.error(&sentence(error));
    engine_error(error).map_or(Exit::Usage, Exit::of_error)
}

async fn fly(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let links = args.links.resolve()?;
    let field = Field::open(&args.links, console).await?;
    let form = Form::of_stdout(args.links.json);
    let mut flight = field.flight(&links, form).await?;
    // Where the system is to choose one, it is told once there is one.
    flight.ports.video = match args.video_port {
        0 => VIDEO_PORT,
        port => port,
    };
    let screening = match (&args.video, &args.player) {
        (Some(path), _) => Some(Screening::File(path.clone())),
        (None, Some(command)) => Some(Screening::Player(command.clone())),
        (None, None) => None,
    };
    let video = Video {
        port: args.video_port,
        film: None,
    };
    let mut cockpit = Cockpit::new(flight, field.handle(), console, video);
    let exit = cockpit.fly(screening, &mut signals).await;
    drop(cockpit);
    field.close().await?;
    exit
}
