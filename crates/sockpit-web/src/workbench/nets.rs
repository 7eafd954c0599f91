//! Networks: interfaces and routes of this machine, and how far an endpoint can be reached.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use sockpit_core::endpoint::{Address, Endpoint};
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{
    self, DefaultRoute, Examination, Interface, Reach, Step, Verdict, examine, step_text,
};

use super::Shared;
use super::call::{Answer, With, waited};
use super::complaint::Complaint;
use super::page::Page;

/// A host that answers at all does so sooner.
const STREAM_PATIENCE: Duration = Duration::from_secs(5);

/// Silence is what most datagram servers answer an empty datagram with.
const DATAGRAM_PATIENCE: Duration = Duration::from_secs(1);

/// In milliseconds: nobody waits longer for one answer.
const LONGEST_PATIENCE: u64 = 60_000;

/// Carries out a call.
pub(super) async fn answer(_bench: &Shared, page: &Arc<Page>, op: &str, with: With) -> Answer {
    match op {
        "nets.list" => {
            let Nothing {} = with.read()?;
            list().await
        }
        "doctor" => look(page, with.read()?).await,
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn list() -> Answer {
    let found =
        waited(|| doctor::interfaces().and_then(|found| Ok((found, doctor::default_routes()?))));
    let (interfaces, routes) = found.await?.map_err(|error| {
        Complaint::new(format!(
            "the system does not tell its interfaces: {}",
            cause_text(&error)
        ))
    })?;
    let interfaces: Vec<Value> = interfaces.iter().map(interface).collect();
    let routes: Vec<Value> = routes.iter().map(route).collect();
    Ok(json!({ "interfaces": interfaces, "routes": routes }))
}

fn interface(interface: &Interface) -> Value {
    let addresses = interface
        .addresses
        .iter()
        .map(|(ip, prefix)| json!({ "address": ip.to_string(), "prefix": prefix }));
    let groups = interface.groups.iter().map(ToString::to_string);
    json!({
        "interface": interface.name,
        "index": interface.index,
        "state": interface.state.text(),
        "mtu": interface.mtu,
        "mac": interface.mac,
        "loopback": interface.is_loopback,
        "addresses": addresses.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
    })
}

fn route(route: &DefaultRoute) -> Value {
    json!({
        "family": if route.is_v6 { "ipv6" } else { "ipv4" },
        "gateway": route.gateway.map(|ip| ip.to_string()),
        "interface": route.interface,
        "metric": route.metric,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    endpoint: String,
    timeout_ms: Option<u64>,
}

async fn look(page: &Arc<Page>, look: Look) -> Answer {
    let endpoint: Endpoint = look
        .endpoint
        .trim()
        .parse()
        .map_err(|error| Complaint::new(format!("{error}")).field("endpoint"))?;
    if let Address::Net { port: 0, .. } = endpoint.address {
        let complaint = Complaint::new("port 0 is nobody's; name the port to reach");
        return Err(complaint.field("endpoint"));
    }
    let timeout = match (look.timeout_ms, endpoint.transport.is_stream()) {
        (Some(millis), _) => Duration::from_millis(millis.clamp(1, LONGEST_PATIENCE)),
        (None, true) => STREAM_PATIENCE,
        (None, false) => DATAGRAM_PATIENCE,
    };
    let examination = Examination {
        endpoint,
        family: None,
        timeout,
    };
    let mut steps = Vec::new();
    let reach = examine(&examination, |step, took| steps.push((step, took))).await;
    let mut findings = Vec::new();
    for (step, took) in &steps {
        if let Some((head, text)) = step_text(step) {
            findings.push(json!({
                "verdict": verdict_of(step),
                "head": head,
                "text": page.say(&text),
                "took_ms": took.as_secs_f64() * 1000.0,
            }));
        }
    }
    // Judging it may ask the system who is in the way.
    let verdict = waited(move || {
        let steps: Vec<Step> = steps.into_iter().map(|(step, _)| step).collect();
        Verdict::of(&examination, &steps, reach)
    });
    let verdict = verdict.await?;
    findings.push(json!({
        "verdict": word(reach),
        "head": "verdict",
        "text": page.say(&verdict.sentence),
        "hint": verdict.advice.map(|advice| page.say(&advice)),
        "took_ms": null,
    }));
    let reach = match reach {
        Reach::Reachable => "reachable",
        Reach::Unreachable => "unreachable",
        Reach::Silent => "silent",
    };
    Ok(json!({ "reach": reach, "findings": findings }))
}

const fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Reachable => "good",
        Reach::Unreachable => "bad",
        Reach::Silent => "unknown",
    }
}

fn verdict_of(step: &Step) -> &'static str {
    let is_good = match step {
        Step::Name { found, .. } => found.is_ok(),
        Step::Way { way, .. } => way.is_ok(),
        Step::File { found, .. } => matches!(found, Ok(file) if file.is_socket),
        Step::Asked { answer, .. } => return word(answer.reach()),
        Step::Holders(_) => true,
    };
    if is_good { "good" } else { "bad" }
}
