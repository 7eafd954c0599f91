use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::Bells;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_bell_that_rings_often_is_heard_once() {
    let bells = Arc::<Bells>::default();
    let (third, first) = (bells.bell(3), bells.bell(1));
    for bell in [&third, &first, &third] {
        bell.wake_by_ref();
    }
    assert_eq!(taken(&bells), [3, 1]);
    assert_eq!(taken(&bells), [0; 0]);
    third.wake();
    assert_eq!(taken(&bells), [3], "it may ring again once it was heard");
}

#[test]
fn the_first_bell_wakes_whoever_waits_and_the_rest_do_not() {
    let bells = Arc::<Bells>::default();
    let count = Arc::<Count>::default();
    let waker = Waker::from(count.clone());
    bells.register(&waker);
    bells.ring(0);
    bells.ring(1);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(taken(&bells), [0, 1]);
    bells.register(&waker);
    bells.ring(1);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_bell_rings_from_another_thread() {
    let bells = Arc::<Bells>::default();
    let bell = bells.bell(7);
    std::thread::spawn(move || bell.wake()).join().unwrap();
    assert_eq!(taken(&bells), [7]);
}

fn taken(bells: &Bells) -> Vec<usize> {
    let mut places = Vec::new();
    bells.take(&mut places);
    places
}
