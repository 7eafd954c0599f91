//! `sockpit tello run`: a script of commands, flown or only drawn.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use sockpit_core::tello::command::{Command, Query};
use sockpit_core::tello::path;
use sockpit_core::tello::pilot::Event as Told;
use sockpit_core::tello::script::{Act, Do, Mistake, OnFailure, Outcome, Plan, Runner, Script};
use sockpit_core::tello::sdk::Sdk;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::{Time, TimeSpan};
use sockpit_engine::tello::{Audience, Landed, Origin};
use tokio::time::{Instant, interval};

use super::Flight;
use super::field::Field;
use super::fly::fail;
use super::links::{LinkArgs, SdkChoice};
use super::show::Form;
use crate::console::Console;
use crate::exit::Exit;
use crate::runtime::{at, carry_out};
use crate::signals::Signals;

/// In bytes: a script larger than this is none.
const MAX_SCRIPT: u64 = 1024 * 1024;

/// How often it is looked whether a drone says that it stands on the ground.
const LOOK: Duration = Duration::from_millis(200);

/// In cm/s: how fast a drone is taken to fly where a script does not say so.
const SPEED: f64 = 50.0;

/// What `sockpit tello run` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
A script is a command a line, as the drone takes it, and besides:
  2>forward 50        for drone 2 only (`*>` or nothing: for all)
  delay 2             wait two seconds
  sync 10             wait until all drones are done, 10 s at most
  battery_check 30    go on only with that much, in percent
  1=0TQDF6GBMB5SMF    drone 1 is the one with this serial number
  // anything         a remark

It is checked whole before anything is sent. When a step fails all drones land,
and the exit code is 3; with --keep-going the rest is flown. Ctrl-C lands, twice
stops the motors.

Examples:
  sockpit tello run square.tello --dry-run    what it does, and how long
  sockpit tello run square.tello --dry-run --svg square.svg    its path, drawn
  sockpit tello run square.tello --yes        fly it without being asked
  sockpit tello run pair.tello --host 10.0.0.7 --host 10.0.0.8

Exit codes: 0 flown, 1 no drone, 2 usage or a mistake in the script,
3 a step failed, 130 Ctrl-C, 143 SIGTERM (both land first)")]
pub(super) struct Args {
    /// The script; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    links: LinkArgs,
    /// Show what the script does and how long it takes; nothing is sent
    #[arg(long)]
    dry_run: bool,
    /// Draw the path from above and from the side
    #[arg(long, value_name = "FILE.svg", requires = "dry_run")]
    svg: Option<PathBuf>,
    /// Fly without asking
    #[arg(long)]
    yes: bool,
    /// Go on when a step fails, instead of landing
    #[arg(long)]
    keep_going: bool,
}

/// Carries the command out.
pub(super) fn run(args: &Args, console: &Console) -> Exit {
    let result = read(&args.file, args.links.sdk).and_then(|script| match args.dry_run {
        true => preview(args, &script, console),
        false => carry_out(fly(args, &script, console)),
    });
    result.unwrap_or_else(|error| match error.downcast_ref::<Mistakes>() {
        Some(Mistakes(mistakes)) => {
            for mistake in mistakes {
                console.error(&mistake.to_string());
            }
            Exit::Usage
        }
        None => fail(&error, console),
    })
}

fn read(path: &Path, choice: SdkChoice) -> anyhow::Result<Script> {
    let name = VisibleLine(&path.display().to_string()).to_string();
    let mut text = String::new();
    let file: Box<dyn std::io::Read> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin().lock()),
        _ => {
            let file = std::fs::File::open(path);
            Box::new(file.with_context(|| format!("cannot read {name}"))?)
        }
    };
    let read = file.take(MAX_SCRIPT + 1).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {name}"))?;
    if text.len() as u64 > MAX_SCRIPT {
        bail!("{name} is longer than 1 MiB");
    }
    let (script, unread) = Script::read(&text);
    if unread.is_empty() {
        return Ok(script);
    }
    // All that is wrong is told at once.
    let mut mistakes = unread;
    if let Err(unflown) = plan_alone(choice, &script) {
        mistakes.extend(unflown);
    }
    mistakes.sort_by_key(|mistake| mistake.line);
    Err(Mistakes(mistakes).into())
}

/// All mistakes of a script.
#[derive(Debug)]
struct Mistakes(Vec<Mistake>);

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sentences: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&sentences.join("; "))
    }
}

impl std::error::Error for Mistakes {}

/// The least that a drone must understand for a script, unless that is told.
fn plan_alone(choice: SdkChoice, script: &Script) -> Result<(Plan, Sdk), Vec<Mistake>> {
    let mut drones = script.drones();
    if drones.is_empty() {
        drones.push("1".to_owned());
    }
    if let SdkChoice::Is(sdk) = choice {
        return script.check(sdk, &drones).map(|plan| (plan, sdk));
    }
    for sdk in Sdk::ALL {
        if let Ok(plan) = script.check(sdk, &drones) {
            return Ok((plan, sdk));
        }
    }
    let plan = script.check(Sdk::Rmtt, &drones)?;
    Ok((plan, Sdk::Rmtt))
}

/// Says what a script would do, and draws it.
fn preview(args: &Args, script: &Script, console: &Console) -> anyhow::Result<Exit> {
    let (plan, sdk) = plan_alone(args.links.sdk, script).map_err(Mistakes)?;
    let mut text = String::new();
    for (name, steps) in plan.drones.iter().zip(plan.timeline(SPEED)) {
        let _ = writeln!(text, "drone {}", VisibleLine(name));
        for timed in steps {
            let (begin, end) = (timed.begin.as_secs_f64(), timed.end.as_secs_f64());
            let act = words(&timed.step.act);
            let line = timed.step.line;
            let _ = writeln!(text, "  {begin:6.1} s – {end:6.1} s  line {line:<4}  {act}");
        }
    }
    let options = path::Options {
        speed: SPEED,
        language: console.language(),
        ..path::Options::default()
    };
    let flight = path::follow(&plan, &options);
    let _ = writeln!(
        text,
        "about {:.0} s at {SPEED} cm/s; needs SDK {sdk}",
        flight.seconds
    );
    console.tell(&text);
    for warning in &flight.warnings {
        console.hint(warning);
    }
    if let Some(path) = &args.svg {
        let name = VisibleLine(&path.display().to_string()).to_string();
        let drawn = std::fs::write(path, flight.svg(&options));
        drawn.with_context(|| format!("cannot write {name}"))?;
    }
    Ok(Exit::Done)
}

/// A step as it is read.
fn words(act: &Act) -> String {
    match act {
        Act::Order(command) => VisibleLine(command.masked()).to_string(),
        Act::Delay(time) => format!("delay {}", TimeSpan(*time)),
        Act::Sync { within: None, .. } => "sync".to_owned(),
        Act::Sync {
            within: Some(time), ..
        } => format!("sync {}", TimeSpan(*time)),
        Act::BatteryCheck(percent) => format!("battery_check {percent}"),
    }
}

async fn fly(args: &Args, script: &Script, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    // What no drone could do is better known before one is spoken to.
    plan_alone(args.links.sdk, script).map_err(Mistakes)?;
    let mut links = args.links.resolve()?;
    if script.wants_again() && links.pilot.again.is_none() {
        links.pilot.again = Some(sockpit_core::tello::again::Again::Ascii);
    }
    if !args.yes && !confirm(args, &links, console)? {
        return Ok(Exit::Usage);
    }
    let field = Field::open(&args.links, console).await?;
    let form = match args.links.json {
        true => Form::Records,
        false => Form::Terminal,
    };
    let mut performance = Performance {
        flight: field.flight(&links, form).await?,
        failures: 0,
        began: Instant::now(),
    };
    let exit = performance.perform(args, script, &mut signals).await;
    drop(performance);
    field.close().await?;
    exit
}

/// Asks before something takes off.
fn confirm(
    args: &Args,
    links: &sockpit_engine::tello::Links,
    console: &Console,
) -> anyhow::Result<bool> {
    if !console.can_ask() {
        bail!(
            "nobody is there to say that it may be flown; `--yes` does, and `--dry-run` shows it"
        );
    }
    let name = VisibleLine(&args.file.display().to_string()).to_string();
    let addrs: Vec<String> = links.drones.iter().map(ToString::to_string).collect();
    Ok(console.confirm(&format!("fly {name} with {}?", addrs.join(", "))))
}

/// A script that is being flown.
struct Performance<'a> {
    flight: Flight<'a>,
    /// Steps that went wrong, and after which it went on.
    failures: usize,
    began: Instant,
}

impl Performance<'_> {
    async fn perform(
        &mut self,
        args: &Args,
        script: &Script,
        signals: &mut Signals,
    ) -> anyhow::Result<Exit> {
        self.flight.get_to_know().await;
        if script.serials().next().is_some() {
            for drone in 0..self.flight.count() {
                let question = Command::query(Query::SerialNumber);
                self.flight
                    .order(drone, question, Origin::Acquaintance)
                    .await;
            }
        }
        if let Some(exit) = self.wait_until_known(signals).await {
            return Ok(exit);
        }
        let names = self.names(script)?;
        let drones = &self.flight.swarm.drones;
        let sdk = drones.iter().map(|drone| drone.sdk).min();
        let plan = script.check(sdk.unwrap_or(Sdk::V1_3), &names);
        let plan = plan.map_err(Mistakes)?;
        let on_failure = match args.keep_going {
            true => OnFailure::Continue,
            false => OnFailure::Land,
        };
        let mut runner = Runner::new(plan, on_failure, self.now());
        let outcome = self.drive(&mut runner, signals).await;
        let landed = self.flight.land(signals).await;
        Ok(match (outcome, landed) {
            (_, Landed::Stopped) => Exit::Interrupted,
            (Err(exit), _) => exit,
            (_, Landed::Left) => Exit::Terminated,
            (Ok(Outcome::Failed(why)), _) => {
                self.flight.show.error(&why);
                Exit::Unmet(sockpit_core::rule::Step::UNMET)
            }
            (Ok(Outcome::Done), Landed::Unsure) => Exit::Network,
            (Ok(Outcome::Done), _) => {
                self.flight.show.say("flown");
                match self.failures {
                    0 => Exit::Done,
                    _ => Exit::Unmet(sockpit_core::rule::Step::UNMET),
                }
            }
        })
    }

    /// Waits until every drone has said what it is; an exit where that does not come about.
    async fn wait_until_known(&mut self, signals: &mut Signals) -> Option<Exit> {
        loop {
            if (0..self.flight.count()).all(|drone| self.flight.is_ready(drone)) {
                return None;
            }
            if self.flight.is_lost() {
                return Some(Exit::Network);
            }
            tokio::select! {
                biased;
                exit = signals.next() => return Some(exit),
                event = self.flight.next() => drop(self.flight.hear(&event).await),
            }
        }
    }

    /// What the script calls each drone.
    fn names(&self, script: &Script) -> anyhow::Result<Vec<String>> {
        let count = self.flight.count();
        let mut names: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
        for (name, serial) in script.serials() {
            let found = (0..count).find(|drone| self.flight.serial(*drone) == Some(serial));
            let Some(drone) = found else {
                bail!(
                    "no drone has the serial number {}, which the script calls {}",
                    VisibleLine(serial),
                    VisibleLine(name)
                );
            };
            // Whoever had that name by its place takes the place of this one.
            if let Some(other) = names.iter().position(|it| it == name) {
                names.swap(other, drone);
            } else {
                name.clone_into(&mut names[drone]);
            }
        }
        Ok(names)
    }

    /// Does what the runner wants until it is finished; an exit where a signal came.
    async fn drive(&mut self, runner: &mut Runner, signals: &mut Signals) -> Result<Outcome, Exit> {
        let mut look = interval(LOOK);
        loop {
            let until = match runner.poll() {
                // What never took off need not land.
                Do::Order {
                    drone, line: None, ..
                } if !self.flight.is_up(drone) => {
                    runner.ordered(drone, 0);
                    let (number, text) = (0, String::new());
                    runner.hear(self.now(), drone, &Told::Unanswered { number, text });
                    continue;
                }
                Do::Order { drone, command, .. } => {
                    match self.flight.order(drone, command, Origin::User).await {
                        Some(number) => runner.ordered(drone, number),
                        None => runner.is_lost(self.now(), drone),
                    }
                    continue;
                }
                Do::Tell(text) => {
                    self.failures += 1;
                    self.flight.show.say(&text);
                    continue;
                }
                Do::Finished(outcome) => return Ok(outcome),
                Do::Wait(until) => {
                    until.map(|time| self.began + Duration::from_nanos(time.as_nanos()))
                }
            };
            let event = tokio::select! {
                biased;
                exit = signals.next() => return Err(exit),
                event = self.flight.next() => event,
                () = at(until) => {
                    runner.handle_timeout(self.now());
                    continue;
                }
                _ = look.tick() => {
                    for (drone, number) in self.flight.notice_landings() {
                        let text = String::new();
                        runner.hear(self.now(), drone, &Told::Unanswered { number, text });
                    }
                    continue;
                }
            };
            if let Some(heard) = self.flight.hear(&event).await {
                runner.hear(self.now(), heard.drone, &heard.told);
            }
        }
    }

    /// The time since the flight began.
    fn now(&self) -> Time {
        let nanos = self.began.elapsed().as_nanos();
        Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
