//! Wakers of many that are driven by one task: each rings for its place.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Wake, Waker};

/// The places that want to be driven. Bells may be rung from other threads.
#[derive(Default)]
pub(super) struct Bells(Mutex<Rung>);

#[derive(Default)]
struct Rung {
    places: Vec<usize>,
    /// By place, whether it is among them.
    is_rung: Vec<bool>,
    /// Of the task that drives them all.
    waker: Option<Waker>,
}

impl Bells {
    /// A waker for a place.
    pub(super) fn bell(self: &Arc<Self>, place: usize) -> Waker {
        let bells = self.clone();
        Waker::from(Arc::new(Bell { place, bells }))
    }

    /// Has `waker` woken by the next bell.
    pub(super) fn register(&self, waker: &Waker) {
        let mut rung = self.lock();
        match &mut rung.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(super) fn ring(&self, place: usize) {
        let mut rung = self.lock();
        if rung.is_rung.len() <= place {
            rung.is_rung.resize(place + 1, false);
        }
        if std::mem::replace(&mut rung.is_rung[place], true) {
            return;
        }
        rung.places.push(place);
        let waker = rung.waker.take();
        drop(rung);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the places whose bells have rung since it was asked last.
    pub(super) fn take(&self, places: &mut Vec<usize>) {
        let mut rung = self.lock();
        let rung = &mut *rung;
        for place in &rung.places {
            rung.is_rung[*place] = false;
        }
        places.append(&mut rung.places);
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().expect("no holder panics")
    }
}

struct Bell {
    place: usize,
    bells: Arc<Bells>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.bells.ring(self.place);
    }
}

#[cfg(test)]
mod tests;
