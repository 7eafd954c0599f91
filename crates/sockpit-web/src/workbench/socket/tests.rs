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
    assert!(teller.tell(Topic::Views, Some("a".into())).is_some());
    let pause = || teller.due().unwrap() - tokio::time::Instant::now();
    assert!(pause() >= super::NEWS_EVERY && pause() < super::NEWS_EVERY * 2);
    // What is said already is not said again.
    assert_eq!(teller.tell(Topic::Views, Some("a".into())), None);
    // Another topic has a time of its own.
    bell.ring(Topic::Rooms);
    teller.wanted.add(bell.rung().await);
    assert!(teller.due().unwrap() <= tokio::time::Instant::now());
}

#[tokio::test(start_paused = true)]
async fn long_news_are_told_more_seldom() {
    let mut teller = Teller::default();
    let told = teller.tell(Topic::Sessions, Some("a".repeat(4_000_000).into()));
    assert_eq!(told.map(|told| told.len() > 4_000_000), Some(true));
    let due = teller.due_of(Topic::Sessions);
    assert!(due - tokio::time::Instant::now() > std::time::Duration::from_millis(500));
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
