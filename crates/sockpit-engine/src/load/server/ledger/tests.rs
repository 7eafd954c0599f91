use super::*;

fn count(ledger: &mut Ledger, run: u64, connections: u32, now: u64) {
    for connection in 0..connections {
        let header = Header {
            is_counted: true,
            run,
            connection,
            number: 0,
            due: 0,
        };
        ledger.count(&header, 100, now);
    }
}

#[test]
fn the_latest_load_is_counted_whole_however_many_were_before() {
    let mut ledger = Ledger::default();
    for run in 0..10 {
        count(&mut ledger, run, 20_000, run);
        let counts = ledger.counts(run).expect("it was counted");
        assert_eq!((counts.messages, counts.order.unique), (20_000, 20_000));
    }
    assert_eq!(ledger.counts(0), None);
    assert!(ledger.books <= MOST_BOOKS);
}

#[test]
fn a_load_that_is_heard_outlives_one_that_is_silent() {
    let mut ledger = Ledger::default();
    for run in 0..MOST_RUNS as u64 {
        count(&mut ledger, run, 1, run);
    }
    count(&mut ledger, 0, 1, 1000);
    count(&mut ledger, 1000, 1, 1001);
    assert_eq!(ledger.runs.len(), MOST_RUNS);
    assert_eq!(ledger.counts(0).map(|counts| counts.messages), Some(2));
    assert_eq!(ledger.counts(1), None);
}

#[test]
fn one_load_that_claims_any_number_of_connections_fills_no_memory() {
    let mut ledger = Ledger::default();
    let most = MOST_BOOKS as u32;
    count(&mut ledger, 7, most + 10, 0);
    assert_eq!(ledger.books, MOST_BOOKS);
    let counts = ledger.counts(7).expect("it was counted");
    assert_eq!(counts.messages, u64::from(most) + 10);
}
