//! The pages of this machine: ports and networks.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::caller::Caller;
use super::*;

/// A program that listens until it is ended.
struct Listener {
    child: Child,
    port: u16,
}

impl Listener {
    fn start() -> Self {
        let code = "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\n\
            s.listen()\nprint(s.getsockname()[1], flush=True)\ntime.sleep(120)\n";
        let mut child = Command::new("python3")
            .args(["-c", code])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { child, port }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn our_own_listener_is_listed_and_not_ended() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let listed = page.ok("ports.list", json!({ "port": bed.port })).await;
    let row = &listed[0];
    assert_eq!(row["transport"], "tcp");
    assert_eq!(row["state"], "listening");
    assert_eq!(row["pid"], std::process::id());
    assert_eq!(row["mine"], true);
    assert_eq!(row["may_end"], false);
    let end = json!({ "pid": row["pid"], "started": row["started"], "port": bed.port });
    let refused = page.refused("ports.end", end).await;
    assert!(refused.contains("is not ended"), "{refused}");
    let free = page.ok("ports.free", json!({ "transport": "udp" })).await;
    assert!(free["port"].as_u64().is_some_and(|port| port > 0));
}

#[tokio::test]
async fn only_a_process_that_was_listed_is_ended() {
    let bed = start().await;
    let mut listener = Listener::start();
    let port = listener.port;
    let mut page = Caller::new(&bed).await;
    let pid = listener.child.id();
    let unseen = json!({ "pid": pid, "started": 0, "port": port });
    let refused = page.refused("ports.end", unseen).await;
    assert!(refused.contains("only what the list shows"), "{refused}");
    let listed = page.ok("ports.list", json!({ "port": port })).await;
    assert_eq!(listed[0]["pid"], pid);
    let started = listed[0]["started"].as_u64().unwrap();
    // Another page was not shown it.
    let mut other = Caller::new(&bed).await;
    let end = json!({ "pid": pid, "started": started, "port": port });
    other.refused("ports.end", end.clone()).await;
    // More than clocks may differ by.
    let wrong = json!({ "pid": pid, "started": started + 10_000, "port": port });
    page.refused("ports.end", wrong).await;
    let ended = page.ok("ports.end", end).await;
    assert_eq!(ended["ended"], true, "{ended}");
    let status = listener.child.wait().unwrap();
    assert!(!status.success());
    let listed = page.ok("ports.list", json!({ "port": port })).await;
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["pid"] != pid)
    );
}

#[tokio::test]
async fn networks_are_listed_and_endpoints_examined() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let nets = page.ok("nets.list", json!({})).await;
    let interfaces = nets["interfaces"].as_array().unwrap();
    let loopback = interfaces.iter().find(|it| it["loopback"] == true).unwrap();
    let addresses = loopback["addresses"].as_array().unwrap();
    assert!(addresses.iter().any(|it| it["address"] == "127.0.0.1"));
    let endpoint = format!("127.0.0.1:{}", bed.port);
    let found = page.ok("doctor", json!({ "endpoint": endpoint })).await;
    assert_eq!(found["reach"], "reachable", "{found}");
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.last().unwrap()["head"], "verdict");
    assert_eq!(findings.last().unwrap()["verdict"], "good");
    let port = page.ok("ports.free", json!({})).await["port"].clone();
    // Another test may be given that port meanwhile, and not on this address.
    let endpoint = format!("tcp://127.0.0.86:{port}");
    let found = page.ok("doctor", json!({ "endpoint": endpoint })).await;
    assert_eq!(found["reach"], "unreachable", "{found}");
    for wrong in ["", "tcp://", "127.0.0.1:0", "gopher://x:1"] {
        page.refused("doctor", json!({ "endpoint": wrong })).await;
    }
}
