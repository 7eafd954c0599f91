//! `sockpit demo`: the main job, on a server of its own, in a few seconds.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use sockpit_core::endpoint::Endpoint;
use sockpit_core::event::{Direction, Event, What};
use sockpit_core::frame::Framing;
use sockpit_core::lens;
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::rule::{Reply, Rules};
use sockpit_core::session::{Input, Message, Session as Machine};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::{hex, width};
use sockpit_engine::bus::{Scope, Tap, TapLimit};
use sockpit_engine::recorder::{Recorder, RecordingForm};
use sockpit_engine::{Handle, Session, Target, Workbench};

use crate::console::{Canvas, Console, Lens, Style};
use crate::exit::{Exit, sentence};

/// A demo that hangs has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything is kept: there is little.
const LIMIT: TapLimit = TapLimit {
    bytes: 16 * 1024 * 1024,
    patience: None,
};

/// The number of the session that is opened first.
const SERVER: u32 = 1;

/// In columns: who, and which way.
const WHO: usize = 18;

/// What `sockpit demo` was told: nothing.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Shows the main job.
pub(crate) fn run(_args: &Args, console: &Console) -> Exit {
    match show(console) {
        Ok(()) => Exit::Done,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn show(console: &Console) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let bench = Workbench::start().context("cannot start")?;
    let path = recording_path().context("cannot make a folder for the recording")?;
    let recorder = runtime.block_on(async {
        let recorder = Recorder::start(&path, RecordingForm::Lines, bench.handle()).await?;
        let mut scene = Scene {
            console,
            tap: bench.handle().tap(LIMIT, Scope::Everything).await,
            lens: lens::Lens::new(lens::Options {
                charset: Some("gbk".parse()?),
                framing: Some(Framing::Lines),
                ..Lens::options(Canvas::stdout())
            }),
        };
        tokio::time::timeout(PATIENCE * 4, scene.play(bench.handle()))
            .await
            .context("the demo took too long")??;
        anyhow::Ok(recorder)
    })?;
    drop(bench);
    if let Some(untold) = runtime.block_on(recorder.finish()) {
        console.error(&untold);
    }
    say_what_to_try(console, &path);
    Ok(())
}

/// A new folder that nobody else can have prepared, below the system's folder for such things.
fn recording_path() -> io::Result<PathBuf> {
    let began = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let name = format!("sockpit-demo-{}-{}", std::process::id(), began.as_nanos());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder)?;
    Ok(folder.join("demo.jsonl"))
}

fn say_what_to_try(console: &Console, path: &std::path::Path) {
    let style = console.style();
    console.tell(&format!(
        "\n{}\n  {}\n\n{}\n  sockpit listen :7000 --frame lines --reply upper\n  \
         sockpit connect localhost:7000 --frame lines\n  \
         sockpit connect localhost:7000 --frame lines --send ping --expect PING; echo $?\n  \
         sockpit connect --help\n",
        style.bold("recorded, one JSON object an event:"),
        path.display(),
        style.bold("try next, each in a terminal of its own:"),
    ));
}

/// The stage: events of both ends, in their order.
struct Scene<'a> {
    console: &'a Console,
    tap: Tap,
    /// What the client writes, and what the server makes of it.
    lens: lens::Lens,
}

impl Scene<'_> {
    async fn play(&mut self, handle: &Handle) -> anyhow::Result<()> {
        self.streams(handle).await?;
        self.datagrams(handle).await
    }

    /// Sticky, half, and cut in the middle of a character.
    async fn streams(&mut self, handle: &Handle) -> anyhow::Result<()> {
        let mut server = plan(Role::Server, "tcp://127.0.0.1:0?frame=lines&text=gbk")?;
        server.rules = Some(Arc::new(Rules::from_reply(Reply::Upper)));
        let server = handle.talk(Arc::new(server), Input::Closed, None).await?;
        let address = server.local().first().cloned().unwrap_or_default();
        let style = self.console.style();
        self.console.tell(&format!(
            "{} on {address}\n{}\n",
            style.bold("A server"),
            style.dim("messages are lines in GBK, answered in upper case"),
        ));
        let client = plan(Role::Client, &format!("{address}?frame=lines&text=gbk"))?;
        let client = handle.talk(Arc::new(client), Input::Open, None).await?;

        self.title("Two messages stick together in one packet (粘包)");
        self.write(&client, b"one\ntwo\n").await?;
        self.until_heard(&["ONE", "TWO"], &server, &client).await?;

        self.title("Half a message comes first (半包)");
        self.write(&client, b"hel").await?;
        self.until_read(&server, &client).await?;
        self.write(&client, b"lo\n").await?;
        self.until_heard(&["HELLO"], &server, &client).await?;

        self.title("A Chinese character is cut in the middle");
        let gbk: Charset = "gbk".parse()?;
        let bytes = gbk.encode("你好, sockpit\n")?.into_owned();
        self.write(&client, &bytes[..3]).await?;
        self.until_read(&server, &client).await?;
        self.write(&client, &bytes[3..]).await?;
        self.until_heard(&["你好, SOCKPIT"], &server, &client)
            .await?;

        self.title("The same bytes, as they were written, read, and meant");
        self.console.draw(&self.lens.finish());

        client.finish(Target::Latest).await;
        client.outcome().await;
        server.close();
        server.outcome().await;
        Ok(())
    }

    /// Datagrams keep their boundaries, and an empty one is a message too.
    async fn datagrams(&mut self, handle: &Handle) -> anyhow::Result<()> {
        let mut server = plan(Role::Server, "udp://127.0.0.1:0")?;
        server.rules = Some(Arc::new(Rules::from_reply(Reply::Echo)));
        let server = handle.talk(Arc::new(server), Input::Closed, None).await?;
        let address = server.local().first().cloned().unwrap_or_default();
        let client = Arc::new(plan(Role::Client, &format!("{address}?wait=1ms"))?);
        let client = handle.talk(client, Input::Open, None).await?;
        self.title("UDP keeps its boundaries, of an empty datagram too");
        for text in ["one", "", "two"] {
            self.write(&client, text.as_bytes()).await?;
            self.until_heard(&[text], &server, &client).await?;
        }
        client.finish(Target::Latest).await;
        client.outcome().await;
        server.close();
        server.outcome().await;
        Ok(())
    }

    fn title(&self, text: &str) {
        self.console
            .tell(&format!("\n{}\n", self.console.style().bold(text)));
    }

    /// One write of the client, whatever it does to the framing.
    async fn write(&self, client: &Session<Machine>, bytes: &[u8]) -> anyhow::Result<()> {
        let bytes = Bytes::copy_from_slice(bytes);
        let message = Message {
            wire: bytes.clone(),
            payload: bytes,
        };
        if !client.send(Target::Latest, message).await {
            bail!("the conversation ended early");
        }
        Ok(())
    }

    /// Shows what happens until the server has read something.
    async fn until_read(
        &mut self,
        server: &Session<Machine>,
        client: &Session<Machine>,
    ) -> anyhow::Result<()> {
        loop {
            let event = self.next().await?;
            self.show(&event, server, client);
            let is_read = matches!(
                &event.what,
                What::Chunk {
                    direction: Direction::In,
                    ..
                }
            );
            if is_read && event.session == server.number() {
                return Ok(());
            }
        }
    }

    /// Shows what happens until the client has got these answers, in this order.
    async fn until_heard(
        &mut self,
        answers: &[&str],
        server: &Session<Machine>,
        client: &Session<Machine>,
    ) -> anyhow::Result<()> {
        let mut wanted = answers.iter();
        let mut next = wanted.next();
        while let Some(answer) = next {
            let event = self.next().await?;
            self.show(&event, server, client);
            if event.session == client.number()
                && let What::Frame {
                    direction: Direction::In,
                    text: Some(text),
                    ..
                } = &event.what
            {
                if text != answer {
                    bail!("`{}` came where `{answer}` was due", VisibleLine(text));
                }
                next = wanted.next();
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> anyhow::Result<Arc<Event>> {
        let event = tokio::time::timeout(PATIENCE, self.tap.next()).await;
        let event = event
            .context("the demo took too long")?
            .context("the conversation ended early")?;
        let is_seen = match &event.what {
            What::Opened { .. } => true,
            What::Chunk { direction, .. } => {
                (event.session == SERVER) == (*direction == Direction::In)
            }
            // What the client writes in one go is no message.
            What::Frame { direction, .. } => event.session == SERVER && *direction == Direction::In,
            _ => false,
        };
        if is_seen {
            self.lens.push(0, &event);
        }
        Ok(event)
    }

    /// One line of the timeline: who, which way, and the bytes or the message.
    fn show(&self, event: &Event, server: &Session<Machine>, client: &Session<Machine>) {
        let who = match event.session {
            number if number == server.number() => "server",
            number if number == client.number() => "client",
            _ => return,
        };
        let style: Style = self.console.style();
        let (way, what) = match &event.what {
            What::Chunk {
                direction, bytes, ..
            } => {
                let way = match direction {
                    Direction::In => "reads",
                    Direction::Out => "writes",
                };
                let shown = if bytes.is_empty() {
                    style.dim("(empty)")
                } else {
                    style.dim(&hex::Hex(bytes).to_string())
                };
                (way, shown)
            }
            What::Frame {
                direction: Direction::In,
                text: Some(text),
                ..
            } => (
                "gets",
                style.colour("32", &format!("“{}”", VisibleLine(text))),
            ),
            _ => return,
        };
        let millis = event.time.as_nanos() / 1_000;
        let head = width::pad(&format!("{who} {way}"), WHO).into_owned();
        let time = style.dim(&format!("{:>7}.{:03} ms", millis / 1_000, millis % 1_000));
        self.console.tell(&format!("{time}  {head}{what}\n"));
    }
}

fn plan(role: Role, endpoint: &str) -> anyhow::Result<Plan> {
    let endpoint: Endpoint = endpoint.parse()?;
    Ok(Plan::resolve(role, &endpoint, Options::default())?)
}
