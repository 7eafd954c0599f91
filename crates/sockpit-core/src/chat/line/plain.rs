//! Lines for people: `[room] nick: text`.

use jiff::{SignedDuration, Timestamp};

use super::{View, Voice};
use crate::chat::entry::{Entry, Kind};
use crate::chat::notice::{Notice, Shown};
use crate::strings::Language;

pub(super) fn entry(entry: &Entry, view: &View, voice: Voice) -> String {
    let Entry { room, from, to, .. } = entry;
    let (room, from, to, text) = (Shown(room), Shown(from), Shown(to), Shown(&entry.text));
    let place = match view {
        View::Replayed => format!("[{room} {}]", clock(entry.at, voice)),
        View::Live | View::Own(_) => format!("[{room}]"),
    };
    let is_chinese = voice.language == Language::Chinese;
    match entry.kind {
        Kind::Text => format!("{place} {from}: {text}"),
        Kind::Me => format!("{place} * {from} {text}"),
        Kind::Direct => match view {
            View::Own(_) => format!("{from} -> {to}: {text}"),
            View::Live | View::Replayed => format!("-> {from}: {text}"),
        },
        Kind::Notice if entry.room.is_empty() => format!("[#notice] {text}"),
        Kind::Notice => format!("[#notice {room}] {text}"),
        Kind::Joined if is_chinese => format!("* {from} 进入了 {room}"),
        Kind::Joined => format!("* {from} joined {room}"),
        Kind::Left => {
            let mut line = match is_chinese {
                true => format!("* {from} 离开了 {room}"),
                false => format!("* {from} left {room}"),
            };
            if !entry.text.is_empty() {
                line += &format!(": {text}");
            }
            line
        }
        Kind::Renamed if is_chinese => format!("* {from} 改名为 {text}"),
        Kind::Renamed => format!("* {from} is now {text}"),
        Kind::Topic => topic(entry, is_chinese),
        Kind::Kicked => {
            let mut line = match is_chinese {
                true => format!("* {to} 被踢出 {room}"),
                false => format!("* {to} was thrown out of {room}"),
            };
            if !entry.text.is_empty() {
                line += &format!(": {text}");
            }
            line
        }
    }
}

fn topic(entry: &Entry, is_chinese: bool) -> String {
    let (room, from, text) = (Shown(&entry.room), Shown(&entry.from), Shown(&entry.text));
    let has_topic = !entry.text.is_empty();
    match (entry.from.is_empty(), is_chinese) {
        (false, true) if has_topic => format!("* {from} 把 {room} 的话题改为：{text}"),
        (false, true) => format!("* {from} 清除了 {room} 的话题"),
        (false, false) if has_topic => format!("* {from} set the topic of {room}: {text}"),
        (false, false) => format!("* {from} took the topic from {room}"),
        (true, true) => format!("* {room} 的话题：{text}"),
        (true, false) => format!("* the topic of {room}: {text}"),
    }
}

pub(super) fn notice(notice: &Notice, voice: Voice) -> String {
    let mark = notice.mark();
    let text = notice.say(voice.language);
    let mut lines = String::with_capacity(text.len() + 16);
    for (index, line) in text.split('\n').enumerate() {
        if 0 < index {
            lines.push('\n');
        }
        lines.push_str(mark);
        lines.push_str(line);
    }
    lines
}

/// A character that a charset does not have.
pub(super) fn escape(character: char) -> String {
    format!("\\u{{{:x}}}", u32::from(character))
}

/// Day and time of day, where the server is.
fn clock(at: u64, voice: Voice) -> String {
    let offset = SignedDuration::from_secs(voice.utc_offset.into());
    let moment = Timestamp::from_nanosecond(i128::from(at))
        .and_then(|moment| moment.checked_add(offset))
        .unwrap_or_default();
    moment.strftime("%m-%d %H:%M:%S").to_string()
}
