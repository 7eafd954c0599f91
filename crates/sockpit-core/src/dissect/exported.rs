//! The tags of a message that was never a packet.

use super::tree::Tree;
use crate::text::escape::VisibleLine;
use crate::wire::cursor::View;
use crate::wire::exported::{Tag, Tags, address, tag};

pub(super) fn dissect<'a>(tree: &mut Tree<'a>, view: View<'a>) -> Option<()> {
    let mut end = Tags(view);
    while end.next().is_some() {}
    let message = end.0;
    let tags = view.limit(view.len().saturating_sub(message.len()));
    tree.within("Exported Message", "", tags, |tree| {
        let mut walk = Tags(tags);
        let mut at = tags;
        while let Some(Tag { kind, value }) = walk.next() {
            let here = at.limit(value.len().saturating_add(4));
            tree.need("a tag", here, 0, here.len())?;
            at = walk.0;
            let number = || value.u32(0).map_or_else(String::new, |n| n.to_string());
            let name = match kind {
                tag::DISSECTOR => "Dissector",
                tag::PROTOCOL_TEXT => "Protocol",
                tag::IPV4_SOURCE | tag::IPV6_SOURCE => "Source Address",
                tag::IPV4_DESTINATION | tag::IPV6_DESTINATION => "Destination Address",
                tag::PORT_TYPE => "Port Type",
                tag::SOURCE_PORT => "Source Port",
                tag::DESTINATION_PORT => "Destination Port",
                tag::DIRECTION => "Direction",
                _ => "Tag",
            };
            let value = match kind {
                tag::DISSECTOR | tag::PROTOCOL_TEXT => text(value),
                tag::IPV4_SOURCE
                | tag::IPV6_SOURCE
                | tag::IPV4_DESTINATION
                | tag::IPV6_DESTINATION => {
                    address(value).map_or_else(String::new, |address| address.to_string())
                }
                tag::PORT_TYPE => match value.u32(0) {
                    Some(2) => "TCP (2)".to_owned(),
                    Some(3) => "UDP (3)".to_owned(),
                    _ => number(),
                },
                tag::DIRECTION => match value.u32(0) {
                    Some(0) => "out (0)".to_owned(),
                    Some(1) => "in (1)".to_owned(),
                    _ => number(),
                },
                tag::SOURCE_PORT | tag::DESTINATION_PORT => number(),
                kind => kind.to_string(),
            };
            if kind == tag::DISSECTOR {
                tree.entitle(value.as_str());
            }
            tree.add(name, value, here);
        }
        Some(())
    });
    tree.data(message)
}

/// A text of somebody else's, fit for a terminal.
fn text(value: View<'_>) -> String {
    let bytes = value.captured();
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    VisibleLine(&String::from_utf8_lossy(bytes)).to_string()
}
