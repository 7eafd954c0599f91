use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn a_place_that_another_peer_has_taken_is_not_his() {
    let mut table = Table::new();
    table.insert(1, "one");
    let old = table.place(1).unwrap();
    assert_eq!(table.remove(1), Some("one"));
    table.insert(2, "two");
    table.recall(old);
    assert_eq!(table.get(1), None);
    assert_eq!(table.get_mut(1), None);
    assert_eq!(table.get(2), Some(&"two"));
    assert_eq!(table.places.len(), 1);
}

#[test]
fn nobody_has_a_number_that_was_never_given() {
    let mut table: Table<&str> = Table::new();
    assert_eq!(table.get_mut(0), None);
    table.insert(1, "one");
    assert!(!table.contains(0) && table.contains(1));
    assert_eq!(table.remove(7), None);
}

proptest! {
    /// Whatever comes and leaves, the table is the map that it stands for.
    #[test]
    fn it_is_a_map_in_the_order_of_numbers(steps in prop::collection::vec((0..4u8, 1..12u32), 0..80)) {
        let mut table = Table::new();
        let mut map = BTreeMap::new();
        let mut places = Vec::new();
        for (index, (step, number)) in steps.into_iter().enumerate() {
            match step {
                0 if !map.contains_key(&number) => {
                    table.insert(number, index);
                    map.insert(number, index);
                    places.extend(table.place(number));
                }
                1 => prop_assert_eq!(table.remove(number), map.remove(&number)),
                2 => {
                    if let Some(&place) = places.get(number as usize % places.len().max(1)) {
                        table.recall(place);
                        prop_assert_eq!(table.get(place.number), map.get(&place.number));
                    }
                }
                _ => prop_assert_eq!(table.get_mut(number), map.get_mut(&number)),
            }
            prop_assert!(table.iter().eq(map.iter().map(|(number, value)| (*number, value))));
            prop_assert_eq!(table.len(), map.len());
            prop_assert_eq!(table.last(), map.keys().last().copied());
            prop_assert_eq!(table.values_mut().count(), map.len());
            prop_assert!(table.numbers().iter().eq(map.keys()));
        }
    }
}
