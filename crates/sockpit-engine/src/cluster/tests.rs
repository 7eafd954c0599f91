//! A room's part in a cluster, with a NATS server of the test's own.

use std::io::{BufRead as _, BufReader, Write as _, stderr};
use std::process::{Child, Command, Stdio};

use sockpit_core::chat::{room as hub, visitor};
use sockpit_core::event::{FaultKind, What};
use sockpit_core::plan::{Options, Plan, Role};
use tempfile::TempDir;

use super::*;
use crate::bus::View;
use crate::room::Opening;
use crate::workbench::Workbench;

const DEADLINE: Duration = Duration::from_secs(20);

/// Else what is said to a member while NATS is away would be missed.
#[tokio::test]
async fn a_cluster_is_joined_once_there_is_a_place_in_both_streams() {
    let Some(nats) = Nats::start() else {
        return;
    };
    // As long as another stream takes what is said to single members, there is none of ours.
    let client = async_nats::connect(&nats.url).await.unwrap();
    let context = jetstream::new(client);
    let other = stream::Config {
        name: "OTHER".to_owned(),
        subjects: Kept::direct().config.subjects,
        ..stream::Config::default()
    };
    context.create_stream(other).await.unwrap();
    let bench = Workbench::start().unwrap();
    let mut events = bench.handle().view(1000).await;
    let endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let plan = Plan::resolve(Role::Server, &endpoint, Options::default()).unwrap();
    let settings = hub::Settings {
        node: "north".to_owned(),
        is_shared: true,
        ..hub::Settings::default()
    };
    let opening = Opening {
        cluster: Some(Settings {
            servers: nats.url.parse().unwrap(),
            node: "north".to_owned(),
        }),
        ..Opening::new(settings, visitor::Settings::default())
    };
    let _room = bench
        .handle()
        .open_room(vec![Arc::new(plan)], opening)
        .await
        .unwrap();
    let is_refused = |what: &What| is_fault(what, FaultKind::Failed);
    let told = told_until(&mut events, is_refused).await;
    assert!(!told.iter().any(is_joined), "{told:?}");
    context.delete_stream("OTHER").await.unwrap();
    told_until(&mut events, is_joined).await;
}

/// What is told of the cluster from here to what is looked for.
async fn told_until(events: &mut View, is_it: impl Fn(&What) -> bool) -> Vec<What> {
    let mut told = Vec::new();
    let telling = timeout(DEADLINE, async {
        while !told.last().is_some_and(&is_it) {
            let event = events.next().await.expect("the workbench is there");
            if let What::Fault { message, .. } | What::Note { message, .. } = &event.what
                && message.starts_with("the cluster")
            {
                told.push(event.what.clone());
            }
        }
    });
    assert!(telling.await.is_ok(), "{told:?}");
    told
}

fn is_fault(what: &What, wanted: FaultKind) -> bool {
    matches!(what, What::Fault { kind, .. } if *kind == wanted)
}

fn is_joined(what: &What) -> bool {
    matches!(what, What::Note { data, .. } if data["state"] == "joined")
}

/// A NATS server that ends with this.
struct Nats {
    url: String,
    child: Child,
    /// It ends where nobody can read what it says.
    _said: Box<dyn Iterator<Item = String>>,
    _store: TempDir,
}

impl Nats {
    /// `None` where there is none on this machine, which is told.
    fn start() -> Option<Self> {
        let store = tempfile::tempdir().unwrap();
        let mut command = Command::new("nats-server");
        // Port -1 is one that it chooses.
        command.args(["-a", "127.0.0.1", "-p", "-1", "-js", "-sd"]);
        command.arg(store.path()).stderr(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                writeln!(stderr(), "skipped: no nats-server: {error}").unwrap();
                return None;
            }
        };
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut said = BufReader::new(stderr).lines().map(Result::unwrap);
        let addr = said.find_map(|line| {
            let (_, addr) = line.split_once("Listening for client connections on ")?;
            Some(addr.to_owned())
        });
        let url = format!("nats://{}", addr.expect("it listens"));
        assert!(said.any(|line| line.contains("Server is ready")));
        Some(Self {
            url,
            child,
            _said: Box::new(said),
            _store: store,
        })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
