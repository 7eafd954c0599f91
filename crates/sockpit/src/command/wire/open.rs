//! `sockpit wire open`: the packets of a capture file.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sockpit_core::pcap::Ending;
use sockpit_engine::recording::Recording;

use super::look::{Look, Print, Settings, filter_of};
use super::source::{CaptureFile, Source};
use super::view::{View, is_reader_gone};
use super::work::{self, Stop};
use crate::console::{Console, TimeForm};
use crate::exit::{Exit, sentence};

/// What `sockpit wire open` was told, as typed.
#[derive(clap::Args)]
#[group(skip)]
#[command(after_help = "\
Reads pcap and pcapng as Wireshark, tshark, dumpcap and tcpdump write them, what `--record x.pcapng`
and `wire -w` write, and the packets of a recording. `--labels wireshark` says of TCP exactly what
tshark 4.0 says. The number of a packet is `n` in a filter; `conversation 3` is tcp.stream 3 of
Wireshark. `in` and `out` are as seen from who opened the conversation.

Examples:
  sockpit wire open x.pcapng
  sockpit wire open x.pcapng tcp port 7000 and retransmission
  sockpit wire open x.pcapng 'n 40..60' -v -x         every field and byte of some packets
  sockpit wire open x.pcapng --conversations --expert
  sockpit wire open x.pcapng conversation 0 --ladder --svg ladder.svg
  sockpit wire open x.pcapng --graph rtt=rtt.svg --graph sequence=seq.svg
  sockpit wire open x.pcapng host 10.0.0.7 -w device.pcapng
  tcpdump -i eth0 -w - | sockpit wire open -          with the privilege of another tool")]
pub(super) struct Args {
    /// A capture file, or a recording with packets; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only packets that this filter wants, such as `tcp port 7000`
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    #[command(flatten)]
    look: Look,
}

pub(super) fn run(args: Args, console: &Console) -> Exit {
    let Args { file, filter, look } = args;
    let settings = filter_of(&filter)
        .and_then(|filter| look.decide(TimeForm::Relative, filter))
        .and_then(|settings| spare(&file, &settings).map(|()| settings));
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    let has_reader = settings.print != Print::Nothing;
    work::run(
        &Stop::default(),
        has_reader,
        console,
        move |console, stop| match Source::open(&file)? {
            Source::Capture(file) => capture(file, settings, console, stop),
            Source::Recording(recording) => record(recording, &file, settings, console, stop),
        },
    )
}

/// Refuses to write over the file that is read.
fn spare(file: &Path, settings: &Settings) -> anyhow::Result<()> {
    let of = |facts: fs::Metadata| facts.is_file().then(|| (facts.dev(), facts.ino()));
    let identity = |path: &Path| fs::metadata(path).ok().and_then(of);
    let own = match file == Path::new("-") {
        true => {
            let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
            stdin.and_then(|stdin| stdin.metadata()).ok().and_then(of)
        }
        false => identity(file),
    };
    let graphs = settings.graphs.iter().map(|graph| &graph.path);
    for path in settings.write.iter().chain(&settings.svg).chain(graphs) {
        anyhow::ensure!(
            identity(path).is_none_or(|it| own != Some(it)),
            "`{}` is the file that is read; write to another one",
            path.display()
        );
    }
    Ok(())
}

fn capture(
    file: CaptureFile,
    settings: Settings,
    console: &Console,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    let is_quiet = settings.is_quiet;
    let name = file.name().to_owned();
    let mut view = View::new(settings, console)?;
    let read = file.read(stop, &mut view, View::take, |view| view.idle(None));
    let mut told = None;
    let ending = match read {
        Ok(ending) => ending,
        Err(error) if is_reader_gone(&error) => return Ok(Exit::Done),
        Err(error) => {
            // What was read before it stays true.
            told = Some(error);
            None
        }
    };
    let said = match view.finish(None, console) {
        Err(error) if is_reader_gone(&error) => return Ok(Exit::Done),
        said => said?,
    };
    let warning = match ending {
        Some(Ending::Empty) => Some(format!("warning: {name} is empty")),
        Some(Ending::Torn { offset, len }) => Some(format!(
            "warning: {name} is cut off within a packet: {len} bytes at offset {offset} are left out"
        )),
        _ => None,
    };
    for line in said.iter().chain(&warning).filter(|_| !is_quiet) {
        console.say(line);
    }
    match told {
        Some(error) => Err(error),
        None => Ok(Exit::Done),
    }
}

/// The packets of a recording.
fn record(
    mut recording: Recording,
    path: &Path,
    settings: Settings,
    console: &Console,
    stop: &Stop,
) -> anyhow::Result<Exit> {
    let is_quiet = settings.is_quiet;
    let mut view = View::new(settings, console)?;
    while let Some(event) = recording.next_event()? {
        let epoch = recording.epoch().unwrap_or_default();
        match view.event(&event, epoch) {
            Ok(ControlFlow::Continue(())) if !stop.is_asked() => {}
            Ok(_) => break,
            Err(error) if is_reader_gone(&error) => return Ok(Exit::Done),
            Err(error) => return Err(error),
        }
    }
    let has_none = view.seen == 0;
    let said = match view.finish(None, console) {
        Err(error) if is_reader_gone(&error) => return Ok(Exit::Done),
        said => said?,
    };
    let warning = has_none.then(|| {
        let file = path.display();
        format!(
            "warning: the recording `{file}` holds no packets; `sockpit replay` shows what it holds"
        )
    });
    for line in said.iter().chain(&warning).filter(|_| !is_quiet) {
        console.say(line);
    }
    Ok(Exit::Done)
}
