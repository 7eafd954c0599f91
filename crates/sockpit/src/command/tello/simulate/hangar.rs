//! The drones that are simulated: their sessions, opened and closed as their clients want them, and
//! what is shown of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockpit_core::event::{Event, What};
use sockpit_core::record;
use sockpit_core::tello::drone::{Clip, Glance, HEARD, Pad, Picture, draw_tracks};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::Time;
use sockpit_engine::Workbench;
use sockpit_engine::bus::{Scope, Tap, TapLimit};
use sockpit_engine::stdio::Departure;
use sockpit_engine::tello::Stand;

use super::{Form, Settings};
use crate::command::tello::open_error;
use crate::console::{Board, Console, departure};
use crate::exit::{Exit, engine_error, hint, sentence};
use crate::signals::Signals;

/// What may wait for stdout to be read. The drones pause beyond it, for as long as it takes.
const LIMIT: TapLimit = TapLimit {
    bytes: 4 * 1024 * 1024,
    patience: None,
};

/// Events that are taken before the picture and the signals have their turn.
const BURST: usize = 256;

/// The picture is drawn no more often.
const PACE: Duration = Duration::from_millis(100);

/// Sticks that stand still are shown no more often.
const STICKS_PACE: Duration = Duration::from_secs(1);

/// In rows: the picture without the lines below it.
const PICTURE: usize = 13;

/// Drones that have a line of their own below the picture.
const LISTED: usize = 6;

/// All drones, and what shows them.
pub(super) struct Hangar<'a> {
    console: &'a Console,
    form: Form,
    svg: Option<PathBuf>,
    pads: Vec<Pad>,
    bench: Workbench,
    tap: Tap,
    signals: Signals,
    stands: Vec<Stand>,
    clip: Arc<Clip>,
    board: Board,
    picture: Picture,
    /// Tells when nobody reads stdout any more.
    gone: Departure,
    /// Sessions whose failure was told.
    troubled: BTreeSet<u32>,
    /// Of each session, the line about the sticks that was shown last, and when.
    sticks: BTreeMap<u32, (String, Time)>,
}

impl<'a> Hangar<'a> {
    /// Opens the command link of every drone, and tells what failed.
    pub(super) async fn open(settings: &Settings, console: &'a Console) -> Result<Self, Exit> {
        let told = |error: anyhow::Error| {
            console.error(&sentence(&error));
            Exit::Usage
        };
        let bench = Workbench::start().context("cannot start").map_err(told)?;
        let signals = Signals::new()
            .context("cannot take signals")
            .map_err(told)?;
        let output = console.board().and_then(|board| Ok((board, departure()?)));
        let (board, gone) = output.context("cannot write to stdout").map_err(told)?;
        let tap = bench.handle().tap(LIMIT, Scope::Life).await;
        let pads = settings
            .drones
            .first()
            .map(|(_, drone)| drone.pads.clone())
            .unwrap_or_default();
        let mut stands = Vec::new();
        for (addr, drone) in &settings.drones {
            let plan = Stand::plan(*addr).map_err(|error| told(error.into()))?;
            let stand = Stand::open(bench.handle(), *addr, drone.clone()).await;
            let stand = stand.map_err(|error| {
                let error = open_error(error);
                let exit = engine_error(&error).map_or(Exit::Usage, Exit::of_error);
                console.error(&sentence(&error));
                if let Some(hint) = hint(&error, &plan) {
                    console.hint(&hint);
                }
                exit
            })?;
            console.announce(&format!("listening on {}", stand.local()));
            stands.push(stand);
        }
        Ok(Self {
            console,
            form: settings.form,
            svg: settings.svg.clone(),
            picture: Picture::new(&pads),
            pads,
            bench,
            tap,
            signals,
            stands,
            clip: Arc::new(Clip::flight()),
            board,
            gone,
            troubled: BTreeSet::new(),
            sticks: BTreeMap::new(),
        })
    }

    /// Lets the drones be flown until somebody ends it.
    pub(super) async fn serve(mut self) -> anyhow::Result<Exit> {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let has_picture = self.board.is_drawn() && self.form != Form::Json;
        let exit = loop {
            tokio::select! {
                biased;
                exit = self.signals.next() => break exit,
                () = self.gone.told() => break Exit::Done,
                _ = pace.tick(), if has_picture => {
                    if self.show(&[]).is_err() {
                        break Exit::Done;
                    }
                }
                event = self.tap.next() => {
                    let Some(event) = event else {
                        break Exit::Done;
                    };
                    if self.take(&event).await.is_err() {
                        break Exit::Done;
                    }
                }
            }
        };
        self.close().await?;
        Ok(exit)
    }

    /// Takes an event and those behind it. The error is that of stdout.
    async fn take(&mut self, first: &Event) -> std::io::Result<()> {
        let mut out = Vec::new();
        let mut lines = Vec::new();
        self.note(first, &mut out, &mut lines);
        for _ in 0..BURST {
            let Some(event) = self.tap.try_next() else {
                break;
            };
            self.note(&event, &mut out, &mut lines);
        }
        for stand in &mut self.stands {
            // A failure is told, and is not tried again until the client is another.
            for failure in stand.connect(self.bench.handle(), &self.clip).await {
                self.console.error(&sentence(&open_error(failure)));
            }
        }
        match self.form {
            Form::Json => self.board.write(&out),
            Form::Lines | Form::Picture => self.show(&lines),
        }
    }

    fn note(&mut self, event: &Event, out: &mut Vec<u8>, lines: &mut Vec<String>) {
        if self.form == Form::Json {
            record::write(event, self.tap.epoch(), out);
            out.push(b'\n');
        }
        match &event.what {
            What::Note { kind, data, .. }
                if kind == HEARD && self.is_repeated(event.session, event.time, data) => {}
            What::Note { message, .. } if self.form == Form::Lines => {
                let said = self.console.said(message);
                let line = VisibleLine(&said).to_string();
                lines.push(match self.board.is_drawn() {
                    true => format!("{:9.3} s  {line}", seconds(event.time)),
                    false => line,
                });
            }
            // What nobody takes fails ten times a second, and is told once.
            What::Fault { message, .. } if self.troubled.insert(event.session) => {
                match self.board.is_drawn() {
                    true => lines.push(format!("error: {}", VisibleLine(message))),
                    false => self.console.error(message),
                }
            }
            _ => {}
        }
    }

    /// Whether it is about sticks that stand as they did a moment ago.
    fn is_repeated(&mut self, session: u32, now: Time, data: &serde_json::Value) -> bool {
        let Some(text) = data["command"]
            .as_str()
            .filter(|text| text.starts_with("rc "))
        else {
            return false;
        };
        match self.sticks.get(&session) {
            Some((last, at)) if last == text && now - *at < STICKS_PACE => true,
            _ => {
                self.sticks.insert(session, (text.to_owned(), now));
                false
            }
        }
    }

    fn show(&mut self, lines: &[String]) -> std::io::Result<()> {
        if !self.board.is_drawn() {
            return self.board.draw(lines, &[]);
        }
        let drones: Vec<(Glance, &str)> = self
            .stands
            .iter()
            .map(|stand| (stand.drone().with(|drone| drone.glance()), stand.local()))
            .collect();
        let (columns, rows) = self.board.size();
        let listed = drones.len().min(LISTED);
        let height = PICTURE.min(rows.saturating_sub(listed + 4));
        let glances: Vec<Glance> = drones.iter().map(|(glance, _)| glance.clone()).collect();
        let mut picture = self
            .picture
            .draw(&glances, columns.saturating_sub(1), height);
        picture.extend(
            drones
                .iter()
                .take(listed)
                .map(|(glance, local)| status(glance, local)),
        );
        if drones.len() > listed {
            picture.push(format!("and {} more", drones.len() - listed));
        }
        let picture: Vec<String> = picture
            .iter()
            .map(|line| self.console.said(line).into_owned())
            .collect();
        self.board.draw(lines, &picture)
    }

    async fn close(self) -> anyhow::Result<()> {
        Stand::close(&self.stands).await;
        if let Some(path) = &self.svg {
            let tracks: Vec<_> = self
                .stands
                .iter()
                .map(|stand| {
                    stand
                        .drone()
                        .with(|drone| (drone.glance().number, drone.track().to_vec()))
                })
                .collect();
            let drawing = draw_tracks(&tracks, &self.pads);
            std::fs::write(path, drawing)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// One line for a drone.
fn status(glance: &Glance, local: &str) -> String {
    let [x, y, z] = glance.pose.at.map(|cm| cm.round() as i32);
    let yaw = glance.pose.yaw.round() as i32;
    let pad = glance.pad.map(|pad| format!("  pad m{pad}"));
    let client = match (glance.client, glance.video_port) {
        (None, _) => "waits for `command`".to_owned(),
        (Some(client), None) => format!("client {client}"),
        (Some(client), Some(_)) => format!("client {client}, video on"),
    };
    format!(
        "{}  {}  battery {} %  x {x}  y {y}  height {z} cm  yaw {yaw}{}  {client}  {local}",
        glance.number,
        glance.phase.as_str(),
        glance.battery,
        pad.unwrap_or_default()
    )
}

fn seconds(time: Time) -> f64 {
    (time - Time::ZERO).as_secs_f64()
}
