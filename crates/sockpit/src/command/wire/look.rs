//! What both a live capture and a file are asked for: how packets are shown, and what is made of
//! them.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context as _;
use sockpit_core::filter::Filter;
use sockpit_core::flow::Mode;
use sockpit_core::graph::Kind;
use sockpit_core::ladder::Numbers;
use sockpit_core::plan::TextChoice;
use sockpit_core::text::charset::Charset;

use crate::console::{PacketLook, TimeForm};

/// How packets are shown, as typed.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Look {
    /// Times since the first packet (relative), since the one before (delta), of the day (clock), with the date (date), since 1970 (epoch)
    #[arg(long, value_name = "FORM", help_heading = "Show")]
    time: Option<TimeForm>,
    /// Sequence numbers from the conversation's beginning (relative), as on the wire (absolute), or both
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "relative",
        help_heading = "Show"
    )]
    numbers: Numbers,
    /// What is noteworthy: as far as it can be known (truth), or exactly as Wireshark says it (wireshark)
    #[arg(long, value_name = "WHOSE", default_value = "truth", help_heading = "Show", value_parser = parse_labels)]
    labels: Mode,
    /// Read payload as text in this charset, such as `gbk`, or `none`
    #[arg(
        long,
        value_name = "CHARSET",
        default_value = "utf-8",
        help_heading = "Show"
    )]
    text: TextChoice,
    /// Show the bytes beneath each line
    #[arg(short = 'x', long, help_heading = "Show")]
    hex: bool,
    /// Show the fields beneath each line, each with its place in the packet
    #[arg(short = 'v', long, help_heading = "Show")]
    tree: bool,
    /// Records, one JSON object a packet
    #[arg(long, help_heading = "Show", conflicts_with_all = ["hex", "tree", "ladder"])]
    json: bool,
    /// Draw a ladder: both ends, each packet an arrow
    #[arg(long, help_heading = "Show", conflicts_with_all = ["hex", "tree"])]
    ladder: bool,
    /// Explain each step of the ladder
    #[arg(long, help_heading = "Show")]
    teach: bool,
    /// Show a table of the conversations at the end
    #[arg(long, help_heading = "Show")]
    conversations: bool,
    /// Show at the end what was noteworthy, how often and where
    #[arg(long, help_heading = "Show")]
    expert: bool,
    /// Show the packets even where something else is made of them
    #[arg(long, help_heading = "Show")]
    print: bool,

    /// Draw the ladder as a picture
    #[arg(long, value_name = "FILE.svg", help_heading = "Write")]
    svg: Option<PathBuf>,
    /// Draw a graph of a conversation: `sequence`, `rtt` or `throughput`
    #[arg(long, value_name = "KIND=FILE.svg", help_heading = "Write")]
    graph: Vec<GraphFile>,
    /// Write the packets to a pcapng file; `-` is stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Write")]
    write: Option<PathBuf>,

    /// End after so many packets
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Tell only errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// A graph, and where it goes.
#[derive(Clone)]
pub(super) struct GraphFile {
    pub(super) kind: Kind,
    pub(super) path: PathBuf,
}

impl FromStr for GraphFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let way = "write a kind and a file, such as `rtt=rtt.svg`";
        let (kind, path) = text.split_once('=').ok_or_else(|| way.to_owned())?;
        if path.is_empty() {
            return Err(way.to_owned());
        }
        Ok(Self {
            kind: kind.parse::<Kind>().map_err(|error| error.to_string())?,
            path: path.into(),
        })
    }
}

/// What is shown while packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Print {
    Nothing,
    Lines,
    Json,
    Ladder,
}

/// How packets are shown, as decided.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) print: Print,
    pub(super) packets: PacketLook,
    pub(super) teach: bool,
    pub(super) conversations: bool,
    pub(super) expert: bool,
    pub(super) svg: Option<PathBuf>,
    pub(super) graphs: Vec<GraphFile>,
    pub(super) write: Option<PathBuf>,
    pub(super) filter: Option<Filter>,
    pub(super) count: Option<u64>,
    pub(super) is_quiet: bool,
}

impl Look {
    /// Decides. Without a form of times they are in `time`.
    pub(super) fn decide(self, time: TimeForm, filter: Option<Filter>) -> anyhow::Result<Settings> {
        let has_other = self.conversations
            || self.expert
            || self.svg.is_some()
            || !self.graph.is_empty()
            || self.write.is_some();
        let is_asked = self.print || self.hex || self.tree;
        let print = match () {
            () if self.json => Print::Json,
            () if self.ladder || self.teach && self.svg.is_none() => Print::Ladder,
            () if has_other && !is_asked => Print::Nothing,
            () => Print::Lines,
        };
        let to_stdout = self
            .write
            .as_ref()
            .is_some_and(|path| path.as_os_str() == "-");
        let has_end = self.conversations || self.expert;
        anyhow::ensure!(
            !to_stdout || (print == Print::Nothing && !has_end),
            "`--write -` gives stdout to the packets; nothing else can go there"
        );
        let graphs = self.graph.iter().map(|graph| &graph.path);
        let mut files: Vec<&PathBuf> = self.write.iter().chain(&self.svg).chain(graphs).collect();
        files.sort();
        let twice = files.windows(2).find(|pair| pair.first() == pair.last());
        if let Some(path) = twice.and_then(|pair| pair.first()) {
            anyhow::bail!(
                "`{}` is to be written twice; give each its own file",
                path.display()
            );
        }
        Ok(Settings {
            print,
            packets: PacketLook {
                time: self.time.unwrap_or(time),
                numbers: self.numbers,
                labels: self.labels,
                charset: self.text.0,
                has_hex: self.hex,
                has_tree: self.tree,
            },
            teach: self.teach,
            conversations: self.conversations,
            expert: self.expert,
            svg: self.svg,
            graphs: self.graph,
            write: self.write,
            filter,
            count: self.count,
            is_quiet: self.quiet,
        })
    }
}

impl Settings {
    /// Whether packets are written to a file, and nothing else is made of them.
    pub(super) fn is_plain(&self) -> bool {
        self.print == Print::Nothing
            && !self.conversations
            && !self.expert
            && self.svg.is_none()
            && self.graphs.is_empty()
            && self.count.is_none()
    }

    /// What payload is read as where a filter looks for text.
    pub(super) fn charset(&self) -> Option<Charset> {
        let is_needed = self.filter.as_ref().is_some_and(Filter::needs_text);
        let charset = self.packets.charset.filter(|_| is_needed);
        charset.filter(|charset| *charset != Charset::UTF_8)
    }
}

/// The filter that words of the command line are, if there are any.
pub(super) fn filter_of(words: &[String]) -> anyhow::Result<Option<Filter>> {
    let text = words.join(" ");
    if text.is_empty() {
        return Ok(None);
    }
    let filter = text.parse::<Filter>();
    filter
        .map(Some)
        .with_context(|| format!("the filter `{text}`"))
}

fn parse_labels(text: &str) -> Result<Mode, String> {
    match text {
        "truth" => Ok(Mode::Truth),
        "wireshark" => Ok(Mode::Wireshark),
        _ => Err("write `truth` or `wireshark`".to_owned()),
    }
}
