//! The page of the drones.

use std::net::SocketAddr;

use super::caller::Caller;
use super::*;

#[tokio::test]
async fn a_simulated_drone_is_flown_and_lands() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let simulate = json!({ "bind": "127.0.0.1:0", "sdk": "3.0", "speed_up": 20.0 });
    let simulated = page.ok("tello.simulate", simulate).await;
    let fly = json!({ "address": simulated["address"], "state_port": 0 });
    let flown = page.ok("tello.fly", fly).await["id"].clone();
    let is_ready = |drones: &Value| {
        let real = drones
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["kind"] == "real");
        real.is_some_and(|it| it["ready"] == true && it["state"]["bat"].as_i64() > Some(0))
    };
    page.news("drones", is_ready).await;
    let command = |text: &str| json!({ "id": flown, "command": text });
    let told = page.ask("tello.do", command("forward 5")).await;
    assert_eq!(told["error"]["field"], "command", "{told}");
    for text in ["takeoff", "forward 100", "cw 90"] {
        let done = page.ok("tello.do", command(text)).await;
        assert_eq!(done["end"], "done", "{text}: {done}");
        assert_eq!(done["reply"], "ok");
    }
    let battery = page.ok("tello.do", command("battery?")).await;
    assert!(
        battery["reply"]
            .as_str()
            .unwrap()
            .trim()
            .parse::<u8>()
            .is_ok()
    );
    let path = page.ok("tello.path", json!({ "id": flown })).await;
    let last = path.as_array().unwrap().last().unwrap();
    assert_eq!(last["x"], 100.0, "{path}");
    page.ok(
        "tello.sticks",
        json!({ "id": flown, "sticks": [0, 0, 0, 0] }),
    )
    .await;
    page.refused(
        "tello.sticks",
        json!({ "id": flown, "sticks": [0, 101, 0, 0] }),
    )
    .await;
    let words = page.ok("tello.words", json!({ "id": flown })).await;
    assert!(
        words
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["word"] == "takeoff")
    );
    // It is in the air, and lands before it is let go.
    let closed = page.ok("tello.close", json!({ "id": flown })).await;
    assert_eq!(closed["landed"], "all");
    page.news("drones", |drones| {
        let drones = drones.as_array().unwrap();
        drones.len() == 1 && drones[0]["flying"] == false
    })
    .await;
    page.refused(
        "tello.do",
        json!({ "id": simulated["id"], "command": "takeoff" }),
    )
    .await;
    page.ok("tello.close", json!({ "id": simulated["id"] }))
        .await;
}

#[tokio::test]
async fn every_drone_is_told_to_land_when_the_workbench_ends_though_one_does_not_answer() {
    let mut bed = start().await;
    let mut page = Caller::new(&bed).await;
    let drones = [flying(&mut page).await, flying(&mut page).await];
    let served = bed.served.take().unwrap();
    let closing = tokio::spawn(served.close());
    let landing = async {
        for drone in &drones {
            while heard(drone).await.0 != "land" {}
        }
    };
    // A landing that nobody answers is waited for much longer.
    let told = timeout(Duration::from_secs(4), landing).await;
    assert!(told.is_ok(), "one of them was left in the air");
    closing.abort();
}

#[tokio::test]
async fn an_emergency_leaves_while_another_command_is_outstanding() {
    let bed = start().await;
    let mut page = Caller::new(&bed).await;
    let simulate = json!({ "bind": "127.0.0.1:0", "sdk": "3.0" });
    let simulated = page.ok("tello.simulate", simulate).await;
    let fly = json!({ "address": simulated["address"], "state_port": 0, "sdk": "3.0" });
    let flown = page.ok("tello.fly", fly).await["id"].clone();
    let is_ready = |drones: &Value| {
        drones
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "real" && it["ready"] == true)
    };
    page.news("drones", is_ready).await;
    let takeoff =
        json!({ "id": 900, "op": "tello.do", "with": { "id": flown, "command": "takeoff" } });
    page.socket.say(&takeoff).await;
    page.news("drones", |drones| {
        drones
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["waiting"] == "takeoff")
    })
    .await;
    // Taking off takes four seconds.
    let stopped = timeout(
        Duration::from_secs(2),
        page.ok("tello.emergency", json!({ "id": flown })),
    );
    let stopped = stopped.await.expect("it does not wait");
    assert_eq!(stopped["end"], "done", "{stopped}");
    page.ok("tello.close", json!({ "id": flown })).await;
}

/// A drone that takes off, and what it hears from then on; it says nothing when it is to land.
async fn flying(page: &mut Caller) -> tokio::net::UdpSocket {
    let drone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = drone.local_addr().unwrap().to_string();
    let fly = json!({ "address": address, "state_port": 0, "sdk": "2.0" });
    let id = page.ok("tello.fly", fly).await["id"].clone();
    let takeoff =
        json!({ "id": 901, "op": "tello.do", "with": { "id": id, "command": "takeoff" } });
    page.socket.say(&takeoff).await;
    loop {
        let (heard, from) = heard(&drone).await;
        let reply = if heard.ends_with('?') { "50" } else { "ok" };
        drone.send_to(reply.as_bytes(), from).await.unwrap();
        if heard == "takeoff" {
            break;
        }
    }
    while page.next().await["id"] != 901 {}
    drone
}

async fn heard(drone: &tokio::net::UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 200];
    let heard = timeout(DEADLINE, drone.recv_from(&mut buffer)).await;
    let (len, from) = heard.expect("it is spoken to").unwrap();
    (String::from_utf8_lossy(&buffer[..len]).into_owned(), from)
}
