//! A page: one tab of a browser that is connected.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use sockpit_core::strings::{Catalogue, Language};

use super::bell::{Bell, Topic};
use super::{ports, timeline, wire};

/// One tab of a browser that is connected, with what each area keeps for it alone. It is gone with
/// the connection.
pub(super) struct Page {
    /// Never given twice.
    pub(super) number: u64,
    is_chinese: AtomicBool,
    pub(super) bell: Bell,
    pub(super) timeline: timeline::OfPage,
    pub(super) wire: wire::OfPage,
    pub(super) ports: ports::OfPage,
}

impl Page {
    pub(super) fn new(number: u64, language: Language) -> Self {
        let bell = Bell::default();
        // Whoever comes is told everything.
        bell.ring_all();
        Self {
            number,
            is_chinese: AtomicBool::new(language == Language::Chinese),
            bell,
            timeline: timeline::OfPage::default(),
            wire: wire::OfPage::default(),
            ports: ports::OfPage::default(),
        }
    }

    /// Says that what this page alone is told has changed.
    pub(super) fn changed(&self, topic: Topic) {
        self.bell.ring(topic);
    }

    /// The language of whoever looks at it.
    pub(super) fn language(&self) -> Language {
        match self.is_chinese.load(Ordering::Relaxed) {
            true => Language::Chinese,
            false => Language::English,
        }
    }

    /// Speaks another language from here on.
    pub(super) fn speak(&self, language: Language) {
        let is_chinese = language == Language::Chinese;
        self.is_chinese.store(is_chinese, Ordering::Relaxed);
        self.bell.ring_all();
    }

    pub(super) fn catalogue(&self) -> &'static Catalogue {
        match self.language() {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }

    /// A sentence of the catalogue in that language.
    pub(super) fn say(&self, sentence: &str) -> String {
        self.catalogue().say(sentence).into_owned()
    }
}

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(Language::English));
static CHINESE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(Language::Chinese));
