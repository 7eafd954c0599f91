//! The bench: all that pages share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use sockpit_core::record::Epoch;
use sockpit_core::strings::Language;
use sockpit_core::time::Time;
use sockpit_engine::project::Project;
use sockpit_engine::{Clock, Handle, history};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::bell::Topic;
use super::page::Page;
use super::{CLOSE_WITHIN, desk, drones, rooms, timeline, wire};

/// All that pages share: the engine's handle, the project folder, and what each area keeps.
pub(super) struct Bench {
    pub(super) handle: Handle,
    /// The only files (rule F5).
    pub(super) project: Arc<Project>,
    pub(super) desk: desk::Desk,
    pub(super) timeline: timeline::Timeline,
    pub(super) wire: wire::Wire,
    pub(super) rooms: rooms::Rooms,
    pub(super) drones: drones::Drones,
    clock: Clock,
    capture: OnceCell<Result<(), String>>,
    count: AtomicU64,
    pages: Mutex<BTreeMap<u64, Weak<Page>>>,
}

impl Bench {
    /// # Errors
    ///
    /// Returns the system's error where the history can have no thread or file.
    pub(super) async fn new(
        handle: &Handle,
        project: Project,
        history: history::Settings,
    ) -> std::io::Result<Arc<Self>> {
        let timeline = timeline::Timeline::start(handle, history).await?;
        let bench = Arc::new(Self {
            handle: handle.clone(),
            project: Arc::new(project),
            desk: desk::Desk::default(),
            timeline,
            wire: wire::Wire::default(),
            rooms: rooms::Rooms::default(),
            drones: drones::Drones::default(),
            clock: handle.clock().await,
            capture: OnceCell::new(),
            count: AtomicU64::new(0),
            pages: Mutex::default(),
        });
        timeline::attend(&bench);
        Ok(bench)
    }

    /// Takes in a page that has just connected. It is forgotten with its last holder.
    pub(super) fn admit(&self, language: Language) -> Arc<Page> {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let page = Arc::new(Page::new(number, language));
        let mut pages = self.pages();
        pages.retain(|_, page| page.strong_count() != 0);
        pages.insert(number, Arc::downgrade(&page));
        page
    }

    /// Lets a page go that has left, though calls of it may still be under way.
    pub(super) fn dismiss(&self, page: &Page) {
        self.pages().remove(&page.number);
    }

    /// Whether any page is connected.
    pub(super) fn has_pages(&self) -> bool {
        self.pages().values().any(|page| page.strong_count() != 0)
    }

    /// Says that what all pages are told has changed. From any thread, however often.
    pub(super) fn changed(&self, topic: Topic) {
        // A page that has left meanwhile is let go of when nobody holds the list any more.
        let pages: Vec<_> = self.pages().values().filter_map(Weak::upgrade).collect();
        for page in pages {
            page.changed(topic);
        }
    }

    /// A page that is still connected.
    pub(super) fn page(&self, number: u64) -> Option<Arc<Page>> {
        self.pages().get(&number)?.upgrade()
    }

    /// How late it is on the timeline.
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// When the timeline began.
    pub(super) fn epoch(&self) -> Epoch {
        self.clock.epoch()
    }

    /// Whether packets may be captured, or why not.
    pub(super) async fn capture(&self) -> Result<(), String> {
        let tried = self.capture.get_or_init(|| async {
            let tried = self.handle.may_capture().await;
            tried.map_err(|refusal| refusal.to_string())
        });
        tried.await.clone()
    }

    /// Ends what runs, in order.
    pub(super) async fn close(&self) {
        let others = async {
            tokio::join!(desk::close(self), rooms::close(self), timeline::close(self));
        };
        // What is in the air is not left there.
        let _ = tokio::join!(timeout(CLOSE_WITHIN, others), drones::close(self));
    }

    fn pages(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Page>>> {
        self.pages.lock().expect("no holder panics")
    }
}
