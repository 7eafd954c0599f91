//! `sockpit doctor`: how far an endpoint can be reached, and what to do.

mod words;

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use sockpit_core::endpoint::{Address, Endpoint};
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::time::TimeSpan;
use sockpit_engine::doctor::{Examination, Reach, Step, Verdict, examine, step_text};

use crate::command::family::FamilyArgs;
use crate::console::Console;
use crate::exit::{Exit, sentence};
use crate::runtime::carry_out;
use crate::signals::Signals;

/// A host that answers at all does so sooner.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// Silence is what most datagram servers answer an empty datagram with.
const DATAGRAM_PATIENCE: Duration = Duration::from_secs(1);

/// What `sockpit doctor` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Looks up the name, asks the system for the way to each of its addresses, then asks all of them at
once. TCP and Unix listeners see a connection that ends without a byte; a UDP port gets one empty
datagram, as nothing less makes it answer or refuse. Who sent an ICMP message is told.

Exit codes: 0 reachable, 1 refused or no way there, 2 usage or this machine, 4 nothing came back

Examples:
  sockpit doctor db.example.net:5432
  sockpit doctor udp://192.168.10.1:8889 --timeout 3s
  sockpit doctor localhost 8080
  sockpit doctor unix:///run/docker.sock")]
pub(crate) struct Args {
    /// What to reach, such as `tcp://host:7000`, `udp://host:9000`, `unix:///run/a.sock`
    #[arg(required = true, num_args = 1..=2, value_name = "ENDPOINT")]
    endpoint: Vec<String>,
    /// How long the name, and each answer, may take: 5s, for UDP 1s
    #[arg(long, value_name = "TIME")]
    timeout: Option<TimeSpan>,
    #[command(flatten)]
    family: FamilyArgs,
    /// One JSON object a step, and one for the verdict
    #[arg(long)]
    json: bool,
}

/// Examines the endpoint; shows each step as it happens, and then what it comes to.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    match settle(args).and_then(|examination| live(args, &examination, console)) {
        Ok(exit) => exit,
        Err(error) => {
            console.error(&sentence(&error));
            Exit::Usage
        }
    }
}

fn settle(args: &Args) -> anyhow::Result<Examination> {
    let endpoint = Endpoint::from_words(&args.endpoint)?;
    if let Address::Net { port: 0, .. } = endpoint.address {
        anyhow::bail!("port 0 is nobody's; name the port to reach");
    }
    let patience = if endpoint.transport.is_stream() {
        STREAM_PATIENCE
    } else {
        DATAGRAM_PATIENCE
    };
    Ok(Examination {
        family: args.family.choice(),
        timeout: args.timeout.map_or(patience, |timeout| timeout.0),
        endpoint,
    })
}

fn live(args: &Args, examination: &Examination, console: &Console) -> anyhow::Result<Exit> {
    carry_out(async {
        let mut signals = Signals::new().context("cannot start")?;
        Ok(tokio::select! {
            biased;
            exit = signals.next() => exit,
            exit = look(args, examination, console) => exit,
        })
    })
}

async fn look(args: &Args, examination: &Examination, console: &Console) -> Exit {
    let mut steps: Vec<Step> = Vec::new();
    let reach = examine(examination, |step, took| {
        if args.json {
            console.print(&format!("{}\n", words::object(&step, took)));
        } else if let Some((head, text)) = step_text(&step) {
            let style = console.style();
            let micros = took.as_micros();
            let time = style.dim(&format!("{:>6}.{:03} ms", micros / 1_000, micros % 1_000));
            console.tell(&format!("{time}  {head:<8}{text}\n"));
        }
        steps.push(step);
    })
    .await;
    let verdict = Verdict::of(examination, &steps, reach);
    if args.json {
        console.print(&format!("{}\n", object(&verdict, reach)));
    } else if reach == Reach::Reachable {
        console.tell(&format!(
            "{}\n",
            console
                .style()
                .colour("32", &VisibleLine(&verdict.sentence).to_string())
        ));
    } else {
        console.error(&verdict.sentence);
    }
    if let Some(advice) = verdict.advice.filter(|_| !args.json) {
        console.hint(&advice);
    }
    match reach {
        Reach::Reachable => Exit::Done,
        Reach::Unreachable => Exit::Network,
        Reach::Silent => Exit::TimedOut,
    }
}

/// The verdict as one object.
fn object(verdict: &Verdict, reach: Reach) -> Value {
    let reach = match reach {
        Reach::Reachable => "reachable",
        Reach::Unreachable => "unreachable",
        Reach::Silent => "silent",
    };
    let mut object = json!({ "step": "verdict", "reach": reach, "message": verdict.sentence });
    if let (Some(fields), Some(advice)) = (object.as_object_mut(), &verdict.advice) {
        fields.insert("hint".to_owned(), json!(advice));
    }
    object
}
