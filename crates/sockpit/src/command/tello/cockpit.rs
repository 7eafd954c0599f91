//! Where somebody flies: lines and keys come in, drones obey, and in the end they land.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sockpit_core::tello::command::Command;
use sockpit_core::tello::sdk::Sdk;
use sockpit_engine::Handle;
use sockpit_engine::tello::{self, Audience, Landed, Origin};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::Flight;
use super::aim::{self, Aim};
use super::copilot::Copilot;
use super::feed::Feed;
use super::film::{Film, Screening};
use super::fly::fail;
use super::show::Form;
use super::stick::{Move, Sticks};
use crate::console::{Console, Editor, Key};
use crate::exit::{Exit, hint, sentence};
use crate::signals::Signals;

/// How often the line of state is drawn, and the sticks are sent.
const TICK: Duration = Duration::from_millis(50);

/// Ticks between two drawings where nobody is at the sticks.
const DRAW_EVERY: u32 = 5;

/// A drone that was told to hover is told again this often, as a datagram may be lost.
const HOVER_TICKS: u32 = 6;

/// What a line comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Go on.
    More,
    /// The user wants to leave.
    Quit,
    /// It was not understood, and nothing was sent.
    Wrong,
}

/// Video, and the port for it; 0 lets the system choose.
pub(super) struct Video {
    pub(super) port: u16,
    pub(super) film: Option<Film>,
}

/// Somebody who flies.
pub(super) struct Cockpit<'a> {
    pub(super) flight: Flight<'a>,
    handle: &'a Handle,
    pub(super) console: &'a Console,
    video: Video,
    /// Whom lines without `2>` are for.
    pub(super) aim: Aim,
    pub(super) copilot: Arc<Copilot>,
    keys: mpsc::Receiver<Key>,
    pub(super) feed: Feed,
    /// Lines that were pasted.
    pub(super) pasted: VecDeque<String>,
    pub(super) sticks: Option<Sticks>,
    /// Ticks for which the drones are still told to hover.
    hover: u32,
    pub(super) began: Instant,
    pub(super) is_silence_told: bool,
    /// Whether a line of a pipe was no command.
    is_wrong: bool,
}

impl<'a> Cockpit<'a> {
    pub(super) fn new(
        flight: Flight<'a>,
        handle: &'a Handle,
        console: &'a Console,
        video: Video,
    ) -> Self {
        let (copilot, keys) = Copilot::new(flight.swarm.drones[0].sdk);
        Self {
            flight,
            handle,
            console,
            video,
            aim: Aim::All,
            copilot: Arc::new(copilot),
            keys,
            feed: Feed::None,
            pasted: VecDeque::new(),
            sticks: None,
            hover: 0,
            began: Instant::now(),
            is_silence_told: false,
            is_wrong: false,
        }
    }

    /// Flies until the user leaves, and lands.
    ///
    /// # Errors
    ///
    /// Returns why the terminal, a port or a file cannot be used.
    pub(super) async fn fly(
        &mut self,
        screening: Option<Screening>,
        signals: &mut Signals,
    ) -> anyhow::Result<Exit> {
        if let Some(screening) = &screening {
            if let Err(error) = self.start_film(screening).await {
                let exit = fail(&error, self.console);
                let plan = tello::server(self.video.port)?;
                if let Some(hint) = hint(&error, &plan) {
                    self.console.hint(&hint);
                }
                return Ok(exit);
            }
            self.flight.wants_video = true;
        }
        self.flight.get_to_know().await;
        let is_edited = self.flight.show.form() != Form::Lines && Editor::is_possible();
        let prompt = self.prompt();
        self.feed = Feed::start(&self.copilot, &prompt, is_edited).context("cannot read stdin")?;
        if is_edited {
            let addrs = self.flight.swarm.drones.iter();
            let addrs: Vec<String> = addrs.map(|drone| drone.addr.to_string()).collect();
            self.flight
                .show
                .say(&format!("speaking to {}", addrs.join(", ")));
            self.flight
                .show
                .say("`/help` lists the commands; Ctrl-C lands, twice stops the motors");
        }
        let exit = self.drive(signals).await;
        let exit = self.end(exit, signals).await;
        if let Some(film) = self.video.film.take() {
            let lines = film.finish().await;
            lines.iter().for_each(|line| self.flight.show.say(line));
        }
        Ok(exit)
    }

    async fn drive(&mut self, signals: &mut Signals) -> Exit {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ticks = 0_u32;
        let mut is_over = false;
        loop {
            if is_over && self.flight.is_idle() {
                return Exit::Done;
            }
            if !self.is_edited() && self.flight.is_lost() {
                return Exit::Network;
            }
            while let Some(line) = self.pasted.pop_front() {
                if self.take_line(&line).await == Given::Quit {
                    return Exit::Done;
                }
            }
            self.ask();
            let may_read = !is_over && (self.is_edited() || self.flight.is_idle());
            tokio::select! {
                biased;
                exit = signals.next() => return exit,
                event = self.flight.next() => {
                    self.flight.hear(&event).await;
                    self.refresh_copilot();
                }
                key = self.keys.recv(), if self.sticks.is_some() => {
                    if let Some(key) = key {
                        self.press(key).await;
                    }
                }
                line = self.feed.next(), if may_read => match line {
                    None if self.is_edited() => return Exit::Done,
                    None => is_over = true,
                    Some(Err(error)) => {
                        let cause = sockpit_engine::cause_text(&error);
                        self.console.error(&format!("cannot read stdin: {cause}"));
                        return Exit::Usage;
                    }
                    Some(Ok(text)) => match self.take_lines(&text).await {
                        Given::Quit => return Exit::Done,
                        Given::Wrong if !self.is_edited() => {
                            self.is_wrong = true;
                            return Exit::Usage;
                        }
                        Given::Wrong | Given::More => {}
                    },
                },
                _ = tick.tick() => {
                    ticks = ticks.wrapping_add(1);
                    self.flight.notice_landings();
                    self.steer(Instant::now()).await;
                    if self.sticks.is_some() || ticks.is_multiple_of(DRAW_EVERY) {
                        self.draw();
                    }
                }
            }
        }
    }

    /// Lands what flies, and says what it all comes to.
    async fn end(&mut self, exit: Exit, signals: &mut Signals) -> Exit {
        self.copilot.take_sticks(false);
        if self.sticks.take().is_some() {
            self.move_sticks([0; 4]).await;
        }
        let landed = self.flight.land(signals).await;
        if self.video.film.is_some() && landed == Landed::All && !self.flight.is_lost() {
            self.stream(false).await;
        }
        match (exit, landed) {
            (_, Landed::Stopped) => Exit::Interrupted,
            (Exit::Interrupted | Exit::Terminated | Exit::Usage | Exit::Network, _) => exit,
            (_, Landed::Left) => Exit::Terminated,
            (_, Landed::Unsure) => Exit::Network,
            _ if !self.is_edited() && self.flight.failures > 0 => {
                Exit::Unmet(sockpit_core::rule::Step::UNMET)
            }
            _ => Exit::Done,
        }
    }

    async fn take_lines(&mut self, text: &str) -> Given {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        self.pasted.extend(lines.map(str::to_owned));
        self.take_line(first).await
    }

    async fn take_line(&mut self, line: &str) -> Given {
        let line = line.trim();
        if line.is_empty() || line.starts_with("//") || line.starts_with('#') {
            return Given::More;
        }
        if line.starts_with('/') {
            return self.obey(line).await;
        }
        match self.give(line).await {
            Ok(()) => Given::More,
            Err(message) => {
                self.console.error(&message);
                Given::Wrong
            }
        }
    }

    /// Gives a command to the drones that it is for, or to none of them.
    async fn give(&mut self, line: &str) -> Result<(), String> {
        let count = self.flight.count();
        let (aim, text) = aim::read(line, count)?;
        if let (Some(aim), "") = (aim, text) {
            self.aim = aim;
            return Ok(());
        }
        let aim = aim.unwrap_or(self.aim);
        let mut commands = Vec::new();
        for drone in aim.drones(count) {
            let sdk = self.flight.swarm.drones[drone].sdk;
            let command = Command::parse(text, sdk).map_err(|mistake| mistake.to_string())?;
            commands.push((drone, command));
        }
        for (drone, command) in commands {
            self.flight.order(drone, command, Origin::User).await;
        }
        Ok(())
    }

    async fn stream(&mut self, is_on: bool) {
        for drone in 0..self.flight.count() {
            let command = Command::stream(is_on);
            self.flight.order(drone, command, Origin::Beside).await;
        }
    }

    /// Gives the keys to the sticks.
    pub(super) fn take_sticks(&mut self) -> Result<(), String> {
        if !self.is_edited() {
            return Err("the sticks need a keyboard: a terminal on stdin and stdout".to_owned());
        }
        self.sticks = Some(Sticks::default());
        self.copilot.take_sticks(true);
        self.draw();
        Ok(())
    }

    async fn press(&mut self, key: Key) {
        let Some(sticks) = &mut self.sticks else {
            return;
        };
        let now = Instant::now();
        match sticks.press(now, key) {
            // At once: a key that waited for the next tick could have sprung back by then.
            Move::Sticks => {
                self.hover = HOVER_TICKS;
                self.steer(now).await;
            }
            Move::TakeOff => self.order_aimed(&Command::takeoff()).await,
            Move::Land => self.order_aimed(&Command::land()).await,
            Move::Leave => {
                self.sticks = None;
                self.copilot.take_sticks(false);
                self.move_sticks([0; 4]).await;
            }
            Move::Nothing => {}
        }
        self.draw();
    }

    async fn order_aimed(&mut self, command: &Command) {
        for drone in self.aim.drones(self.flight.count()) {
            self.flight
                .order(drone, command.clone(), Origin::User)
                .await;
        }
    }

    /// Sends where the sticks stand, as long as they stand anywhere but in the middle, and a few
    /// times after that.
    async fn steer(&mut self, now: Instant) {
        let Some(sticks) = &self.sticks else {
            return;
        };
        let position = sticks.position(now);
        if position != [0; 4] {
            self.hover = HOVER_TICKS;
        } else if self.hover == 0 {
            return;
        } else {
            self.hover -= 1;
        }
        self.move_sticks(position.map(i32::from)).await;
    }

    async fn move_sticks(&mut self, position: [i32; 4]) {
        for drone in self.aim.drones(self.flight.count()) {
            self.flight.swarm.drones[drone].sticks(position).await;
        }
    }

    /// Carries out `/video`.
    pub(super) async fn obey_video(&mut self, rest: &str) -> Result<(), String> {
        let screening = match rest.split_once(' ') {
            _ if rest.is_empty() => {
                match &self.video.film {
                    Some(film) => film.lines().iter().for_each(|line| self.console.say(line)),
                    None => self
                        .console
                        .say("no video is taken; `/video FILE.h264` saves it"),
                }
                return Ok(());
            }
            None if rest == "off" => {
                let Some(film) = self.video.film.take() else {
                    return Err("no video is taken".to_owned());
                };
                self.stream(false).await;
                let lines = film.finish().await;
                lines.iter().for_each(|line| self.console.say(line));
                return Ok(());
            }
            Some(("play", command)) => Screening::Player(command.trim().to_owned()),
            _ => Screening::File(rest.into()),
        };
        if self.video.film.is_some() {
            return Err("video is taken already; `/video off` ends that".to_owned());
        }
        let started = self.start_film(&screening).await;
        started.map_err(|error| sentence(&error))?;
        self.stream(true).await;
        Ok(())
    }

    async fn start_film(&mut self, screening: &Screening) -> anyhow::Result<()> {
        let count = self.flight.count();
        let crew = self.flight.swarm.crew.clone();
        let film = Film::start(self.handle, self.video.port, &crew, count, screening).await?;
        if let Some(port) = film.port() {
            if self.video.port == 0 {
                self.console
                    .announce(&format!("listening on udp://0.0.0.0:{port}"));
            }
            self.flight.move_video(port).await;
        }
        self.video.film = Some(film);
        Ok(())
    }

    /// What the drone understands that lines are for; of several that which understands most.
    pub(super) fn sdk(&self) -> Sdk {
        let aimed = self.aim.drones(self.flight.count());
        let known = aimed.map(|drone| self.flight.swarm.drones[drone].sdk);
        known.max().unwrap_or(Sdk::Rmtt)
    }

    pub(super) fn refresh_copilot(&self) {
        self.copilot.learn(self.sdk());
    }
}
