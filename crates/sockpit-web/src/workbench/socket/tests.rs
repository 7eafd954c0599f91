use super::super::bell::{Bell, Topic};
use super::Teller;

#[tokio::test(start_paused = true)]
async fn news_of_a_topic_are_told_at_most_thirty_times_a_second() {
    let bell = Bell::default();
    let mut teller = Teller::default();
    assert_eq!(teller.due(), None);
    bell.ring(Topic::Views);
    bell.ring(Topic::Views);
    teller.wanted.add(bell.rung().await);
    assert!(teller.due().unwrap() <= tokio::time::Instant::now());
    teller.told_at[Topic::Views as usize] = Some(tokio::time::Instant::now());
    let due = teller.due().unwrap();
    assert_eq!(due - tokio::time::Instant::now(), super::NEWS_EVERY);
    // Another topic has a time of its own.
    bell.ring(Topic::Rooms);
    teller.wanted.add(bell.rung().await);
    assert!(teller.due().unwrap() <= tokio::time::Instant::now());
}

#[tokio::test]
async fn a_bell_that_rang_while_nobody_listened_is_heard_once() {
    let bell = Bell::default();
    for _ in 0..1000 {
        bell.ring(Topic::Peers);
    }
    let rung = bell.rung().await;
    assert!(rung.has(Topic::Peers) && !rung.has(Topic::Sessions));
    let again = tokio::time::timeout(std::time::Duration::from_millis(20), bell.rung()).await;
    assert!(again.is_err());
}
