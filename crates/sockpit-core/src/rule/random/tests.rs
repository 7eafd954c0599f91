use proptest::prelude::*;

use super::Random;

#[test]
fn the_first_numbers_are_those_of_the_publication() {
    let mut random = Random::new(1_234_567);
    let numbers = [random.next(), random.next(), random.next()];
    assert_eq!(
        numbers,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}

#[test]
fn both_ends_of_a_range_come_up() {
    let mut random = Random::new(7);
    let numbers: Vec<u64> = (0..200).map(|_| random.between(1, 6)).collect();
    for face in 1..=6 {
        assert!(numbers.contains(&face), "{face}");
    }
}

proptest! {
    #[test]
    fn a_number_lies_in_its_range(seed: u64, a: u64, b: u64) {
        let (first, last) = (a.min(b), a.max(b));
        let number = Random::new(seed).between(first, last);
        prop_assert!((first..=last).contains(&number));
    }
}
