use proptest::prelude::*;

use super::*;

#[test]
fn ids_grow_and_say_whose_they_are() {
    let mut ids = Ids::new(7);
    let made: Vec<Id> = [5_000_000, 5_000_001, 4_000_000, 9_000_000]
        .into_iter()
        .map(|at| ids.next(at))
        .collect();
    assert!(made.is_sorted_by(|one, other| one < other));
    assert!(made.iter().all(|id| id.is_of(7) && !id.is_of(8)));
    assert_eq!(made[0].to_string(), "00000000050000000700000001");
}

#[test]
fn a_moment_is_written_in_utc() {
    assert_eq!(moment(0), "1970-01-01T00:00:00Z");
    assert_eq!(moment(1_500_000_001), "1970-01-01T00:00:01.500000001Z");
    assert_eq!(moment(u64::MAX), "2554-07-21T23:34:33.709551615Z");
}

#[test]
fn what_is_no_entry_is_refused() {
    for text in ["", "{}", "[]", r#"{"id":"x","at":1,"kind":"text"}"#] {
        assert!(Entry::from_json(text).is_err(), "{text}");
    }
    assert!("ZZZZZZZZZZZZZZZZZZZZZZZZZZ".parse::<Id>().is_err());
}

proptest! {
    #[test]
    fn an_id_survives_being_written(id: u128) {
        prop_assert_eq!(Id(id).to_string().parse(), Ok(Id(id)));
    }

    #[test]
    fn an_entry_survives_being_written(
        (id, at, kind) in (any::<u128>(), any::<u64>(), 0..Kind::ALL.len()),
        texts: [String; 5],
    ) {
        let [node, room, from, to, text] = texts.map(Arc::from);
        let kind = Kind::ALL[kind];
        let entry = Entry { id: Id(id), at, kind, node, room, from, to, text };
        prop_assert_eq!(Entry::from_json(&entry.to_json()).unwrap(), entry);
    }
}
