//! A tree that grows field by field, within its limits.

use std::borrow::Cow;

use super::{DEPTH_LIMIT, Mark, NODE_LIMIT, Node};
use crate::wire::cursor::{Missing, View};
use crate::wire::{CaptureFacts, Packet};

/// The nodes of a packet in the making.
///
/// Reads answer `None` where the bytes are not there, and leave a node that says so: whoever reads
/// returns early, and the fields before stay.
pub(super) struct Tree<'a> {
    whole: View<'a>,
    facts: CaptureFacts,
    /// Nodes that are open, from the outermost.
    open: Vec<Node>,
    done: Vec<Node>,
    count: usize,
    /// How many packets within one another were begun.
    packets: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn new(packet: &Packet<'a>) -> Self {
        Self {
            whole: packet.view(),
            facts: packet.facts,
            open: Vec::new(),
            done: Vec::new(),
            count: 0,
            packets: 0,
        }
    }

    pub(super) const fn whole(&self) -> View<'a> {
        self.whole
    }

    pub(super) const fn facts(&self) -> CaptureFacts {
        self.facts
    }

    pub(super) fn finish(self) -> Vec<Node> {
        self.done
    }

    /// Adds a node whose parts `fill` adds.
    pub(super) fn within(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        view: View<'a>,
        fill: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        if DEPTH_LIMIT <= self.open.len().saturating_add(2) {
            self.note(view, Mark::Cut, "deeper nesting is not shown");
            return None;
        }
        if !self.take() {
            return None;
        }
        self.open.push(node(name, value, view, Mark::Plain));
        let filled = fill(self);
        if let Some(node) = self.open.pop() {
            self.place(node);
        }
        filled
    }

    /// Begins a packet, which may lie in another; each costs stack, so that only some are shown.
    pub(super) fn begin_packet(&mut self, view: View<'a>) -> Option<()> {
        self.packets = self.packets.saturating_add(1);
        if DEPTH_LIMIT < self.packets {
            self.note(view, Mark::Cut, "deeper nesting is not shown");
            return None;
        }
        Some(())
    }

    /// Names what the open node says, once its fields are known.
    pub(super) fn entitle(&mut self, value: impl Into<String>) {
        if let Some(open) = self.open.last_mut() {
            open.value = value.into();
        }
    }

    pub(super) fn add(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        view: View<'a>,
    ) {
        self.add_marked(name, value, view, Mark::Plain);
    }

    pub(super) fn add_marked(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
        view: View<'a>,
        mark: Mark,
    ) {
        if self.take() {
            self.place(node(name, value, view, mark));
        }
    }

    /// Says that what begins at `view` is not what it should be.
    pub(super) fn malformed(&mut self, view: View<'a>, why: impl Into<String>) {
        let name = format!("malformed at offset {}", view.start());
        self.add_marked(name, why, view, Mark::Malformed);
    }

    /// What nobody here reads.
    pub(super) fn data(&mut self, view: View<'a>) -> Option<()> {
        if !view.is_empty() {
            let (len, captured) = (view.len(), view.captured_len());
            let value = match captured < len {
                true => format!("{captured} bytes of {len} captured"),
                false => count(len, "byte"),
            };
            let mark = match captured < len {
                true => Mark::Cut,
                false => Mark::Plain,
            };
            self.add_marked("Data", value, view, mark);
        }
        Some(())
    }

    /// Reads bytes without adding a field.
    pub(super) fn need(
        &mut self,
        what: &str,
        view: View<'a>,
        at: usize,
        len: usize,
    ) -> Option<&'a [u8]> {
        match view.get(at, len) {
            Ok(bytes) => Some(bytes),
            Err(Missing::Absent) => {
                let there = view.len().saturating_sub(at);
                let why = format!("{what} needs {}, {there} are there", count(len, "byte"));
                self.malformed(view.skip(at), why);
                None
            }
            Err(Missing::Uncaptured) => {
                self.note(view.skip(at), Mark::Cut, "the rest was not captured");
                None
            }
        }
    }

    pub(super) fn need_array<const N: usize>(
        &mut self,
        what: &str,
        view: View<'a>,
        at: usize,
    ) -> Option<[u8; N]> {
        self.need(what, view, at, N)?.first_chunk().copied()
    }

    /// Reads a number, and adds it as a field with the value that `show` makes of it.
    pub(super) fn u8<S: Into<String>>(
        &mut self,
        name: &'static str,
        view: View<'a>,
        at: usize,
        show: impl FnOnce(u8) -> S,
    ) -> Option<u8> {
        let [number] = self.need_array(name, view, at)?;
        self.add(name, show(number), view.skip(at).limit(1));
        Some(number)
    }

    pub(super) fn u16<S: Into<String>>(
        &mut self,
        name: &'static str,
        view: View<'a>,
        at: usize,
        show: impl FnOnce(u16) -> S,
    ) -> Option<u16> {
        let number = u16::from_be_bytes(self.need_array(name, view, at)?);
        self.add(name, show(number), view.skip(at).limit(2));
        Some(number)
    }

    pub(super) fn u32<S: Into<String>>(
        &mut self,
        name: &'static str,
        view: View<'a>,
        at: usize,
        show: impl FnOnce(u32) -> S,
    ) -> Option<u32> {
        let number = u32::from_be_bytes(self.need_array(name, view, at)?);
        self.add(name, show(number), view.skip(at).limit(4));
        Some(number)
    }

    fn note(&mut self, view: View<'a>, mark: Mark, why: &'static str) {
        let name = format!("cut short at offset {}", view.start());
        self.add_marked(name, why, view, mark);
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.done.push(node),
        }
    }

    /// Whether there is room for one more; the last one says that there is not.
    fn take(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        if self.count == NODE_LIMIT {
            let why = format!("more than {NODE_LIMIT} fields are not shown");
            let whole = self.whole.limit(0);
            self.place(node("cut short", why, whole, Mark::Cut));
        }
        self.count < NODE_LIMIT
    }
}

fn node(
    name: impl Into<Cow<'static, str>>,
    value: impl Into<String>,
    view: View<'_>,
    mark: Mark,
) -> Node {
    Node {
        name: name.into(),
        value: value.into(),
        span: view.span(),
        mark,
        children: Vec::new(),
    }
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(n: usize, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {what}{s}")
}
