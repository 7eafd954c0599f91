use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn check(numbers: &[u64], expected: &[Verdict]) {
    let mut book = Book::new();
    let verdicts: Vec<Verdict> = numbers.iter().map(|number| book.note(*number)).collect();
    assert_eq!(verdicts, expected, "of {numbers:?}");
}

#[test]
fn tells_order_from_the_numbers() {
    use Verdict::{Duplicate, Next, Reordered, Stale};
    check(&[0, 1, 2], &[Next, Next, Next]);
    check(&[0, 2, 1], &[Next, Next, Reordered]);
    check(&[0, 0, 1, 0], &[Next, Duplicate, Next, Duplicate]);
    check(&[5000, 0], &[Next, Stale]);
    check(&[0, 1024, 0, 1], &[Next, Next, Stale, Reordered]);
    check(&[1023, 0, 0], &[Next, Reordered, Duplicate]);
}

#[test]
fn a_number_that_claims_to_be_the_last_there_is_harms_nobody() {
    let mut book = Book::new();
    assert_eq!(book.note(u64::MAX), Verdict::Next);
    assert_eq!(book.note(u64::MAX), Verdict::Next);
    assert_eq!(book.note(3), Verdict::Stale);
}

#[test]
fn what_did_not_come_is_lost() {
    let mut book = Book::new();
    for number in [0, 1, 3, 3, 7] {
        book.note(number);
    }
    assert_eq!(book.order().lost(10), 6);
    assert_eq!(book.order().lost(2), 0);
}

#[test]
fn copies_that_come_very_late_do_not_hide_what_was_lost() {
    let mut book = Book::new();
    let is_lost = |number: &u64| number % 60 == 59;
    for number in (0..3000).filter(|number| !is_lost(number)) {
        book.note(number);
    }
    for copy in 0..50 {
        assert_eq!(book.note(copy), Verdict::Stale);
    }
    let order = book.order();
    assert_eq!(order.lost(3000), 50);
    assert_eq!((order.stale, order.reordered, order.duplicates), (50, 0, 0));
}

#[test]
fn what_was_waited_for_is_no_copy_however_late() {
    let mut book = Book::new();
    book.note(5000);
    book.note_awaited(1);
    book.note(2);
    let order = book.order();
    assert_eq!((order.unique, order.reordered, order.stale), (2, 1, 1));
}

proptest! {
    #[test]
    fn agrees_with_a_book_that_remembers_everything(numbers in prop::collection::vec(0..3000_u64, 0..400)) {
        let mut book = Book::new();
        let mut seen = BTreeSet::new();
        for number in numbers {
            let highest = seen.last().copied();
            let expected = match highest {
                Some(highest) if number + WINDOW <= highest => Verdict::Stale,
                _ if seen.contains(&number) => Verdict::Duplicate,
                Some(highest) if number < highest => Verdict::Reordered,
                _ => Verdict::Next,
            };
            seen.insert(number);
            prop_assert_eq!(book.note(number), expected);
        }
    }

    #[test]
    fn everything_that_came_is_unique_or_a_duplicate_or_too_late(numbers in prop::collection::vec(any::<u64>(), 0..400)) {
        let mut book = Book::new();
        for number in &numbers {
            book.note(*number);
        }
        let order = book.order();
        prop_assert_eq!(order.unique + order.duplicates + order.stale, numbers.len() as u64);
        prop_assert!(order.reordered <= order.unique);
    }

    #[test]
    fn what_was_lost_is_never_fewer_than_it_is(
        numbers in prop::collection::vec(0..3000_u64, 0..400),
        copies in prop::collection::vec(any::<prop::sample::Index>(), 0..50),
    ) {
        let sent = 3000;
        let arrived: BTreeSet<u64> = numbers.iter().copied().collect();
        let mut book = Book::new();
        for number in &numbers {
            book.note(*number);
        }
        for copy in copies.iter().filter(|_| !numbers.is_empty()) {
            book.note(*copy.get(&numbers));
        }
        prop_assert!(sent - arrived.len() as u64 <= book.order().lost(sent));
    }
}
