use super::super::tests::Stage;
use super::*;
use crate::tello::sdk::Sdk;

/// Datagrams that leave within a second.
fn second(stage: &mut Stage) -> Vec<Bytes> {
    let clip = Arc::new(Clip::flight());
    let end = stage.now + Duration::from_secs(1);
    let mut camera = Camera::new(stage.drone.clone(), clip, stage.now);
    let mut sent = Vec::new();
    loop {
        match camera.poll_output() {
            Output::Transmit(bytes) => sent.push(bytes),
            Output::Wait(Some(wake)) if wake < end => camera.handle_timeout(wake),
            _ => return sent,
        }
    }
}

#[test]
fn frames_leave_at_the_rate_that_was_set() {
    let mut stage = Stage::of(Sdk::V3_0);
    assert!(second(&mut stage).is_empty(), "the video is off");
    stage.ask("streamon");
    for (order, rate) in [
        ("setfps high", 30),
        ("setfps middle", 15),
        ("setfps low", 5),
    ] {
        assert_eq!(stage.ask(order), ["ok"]);
        let sent = second(&mut stage);
        let ended = sent
            .iter()
            .filter(|bytes| bytes.len() < super::super::DATAGRAM);
        let frames = ended.count();
        assert!(
            (rate..=rate + 1).contains(&frames),
            "{frames} frames with `{order}`"
        );
        assert!(sent[0].starts_with(&[0, 0, 0, 1, 0x67]));
    }
}
