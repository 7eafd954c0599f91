//! News: what a page is told without asking.

use std::sync::Arc;

use serde_json::Value;

use super::bell::Topic;
use super::page::Page;
use super::{Shared, desk, drones, rooms, timeline, wire};

/// The whole state of a topic for a page, or `None` where there is nothing to tell.
pub(super) async fn of(bench: &Shared, page: &Arc<Page>, topic: Topic) -> Option<Value> {
    match topic {
        Topic::Sessions | Topic::Peers => desk::news(bench, page, topic).await,
        Topic::Views => timeline::news(bench, page, topic).await,
        Topic::Ladder => wire::news(bench, page, topic).await,
        Topic::Rooms => rooms::news(bench, page, topic).await,
        Topic::Drones => drones::news(bench, page, topic).await,
    }
}
