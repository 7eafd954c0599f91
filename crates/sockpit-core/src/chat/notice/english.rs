//! The server's sentences in English.

use super::{Notice, Row, Shown};
use crate::chat::ask::Mistake;
use crate::chat::nick::{LONGEST, NameError};
use crate::text::escape::VisibleLine;

pub(super) fn say(notice: &Notice) -> String {
    match notice {
        Notice::Welcome {
            node,
            greeting,
            room,
            count,
        } => {
            let mut text = match node.as_str() {
                "" => "welcome".to_owned(),
                node => format!("welcome to {}", Shown(node)),
            };
            text += &format!(
                "; {} in {room}, and `/help` says what there is",
                people(*count)
            );
            for line in greeting.lines() {
                text += &format!("\n{}", Shown(line));
            }
            text + "\nwhat is your nickname? (`nick`, or `nick@room`)"
        }
        Notice::Named { nick, wanted: None } => format!("you are {nick}"),
        Notice::Named {
            nick,
            wanted: Some(wanted),
        } => format!("you are {nick}, because {wanted} is somebody else"),
        Notice::Entered {
            room,
            topic,
            members,
            count,
        } => {
            let mut text = match count {
                0 => format!("you are in {room}, alone"),
                count => format!("you are in {room}, with {}", Row(members, *count, ", ")),
            };
            if !topic.is_empty() {
                text += &format!("\nit is about: {}", Shown(topic));
            }
            text
        }
        Notice::Exited {
            room,
            current: Some(current),
        } => format!("you left {room}; what you say goes to {current}"),
        Notice::Exited {
            room,
            current: None,
        } => format!("you left {room}, and are in no room; `/join ROOM` enters one"),
        Notice::Current(room) => format!("what you say goes to {room}"),
        Notice::Members {
            room,
            members,
            count,
        } => match count {
            0 => format!("nobody is in {room}"),
            count => format!(
                "{} in {room}: {}",
                people(*count),
                Row(members, *count, ", ")
            ),
        },
        Notice::Rooms { rooms, count } => {
            let mut text = match count {
                0 => "there is no room".to_owned(),
                1 => "there is 1 room:".to_owned(),
                count => format!("there are {count} rooms:"),
            };
            for line in rooms {
                text += &format!("\n  {} ({})", line.room, line.members);
                if !line.topic.is_empty() {
                    text += &format!(" {}", Shown(&line.topic));
                }
            }
            match count.saturating_sub(rooms.len()) {
                0 => text,
                more => text + &format!("\n  … and {more} more"),
            }
        }
        Notice::TopicIs { room, topic } if topic.is_empty() => {
            format!("{room} has no topic; `/topic TEXT` sets one")
        }
        Notice::TopicIs { room, topic } => format!("{room} is about: {}", Shown(topic)),
        Notice::NoHistory(room) => format!("nothing has been said in {room}"),
        Notice::Pong(text) if text.is_empty() => "pong".to_owned(),
        Notice::Pong(text) => format!("pong {}", Shown(text)),
        Notice::Help => HELP.to_owned(),
        Notice::Echo(true) => "what you say comes back to you".to_owned(),
        Notice::Echo(false) => "what you say does not come back to you".to_owned(),
        Notice::Json(true) => "JSON from here on, one object a line".to_owned(),
        Notice::Json(false) => "lines of text from here on".to_owned(),
        Notice::Charset(name) => format!("your charset is {}", Shown(name)),
        Notice::Bye => "goodbye".to_owned(),
        Notice::Closing => "the server is closing; goodbye".to_owned(),
        Notice::Kicked(why) => because("you were thrown out", why),
        Notice::Banned(why) => because("you are banned", why),
        Notice::Lost(1) => "1 line was lost: you read too slowly".to_owned(),
        Notice::Lost(count) => format!("{count} lines were lost: you read too slowly"),
        Notice::Flooded(1) => "1 line was not passed on: you send too fast".to_owned(),
        Notice::Flooded(count) => format!("{count} lines were not passed on: you send too fast"),
        Notice::Flooding => "you sent too much for too long; goodbye".to_owned(),
        Notice::Late => "no nickname came; goodbye".to_owned(),
        Notice::Full => "there are as many members as there may be; come back later".to_owned(),
        Notice::Http => "here one speaks in lines, not in HTTP; goodbye".to_owned(),
        Notice::Cut(limit) => format!("your line was cut at {limit} bytes"),
        Notice::Unnamed => "choose a nickname first: `/nick NAME`".to_owned(),
        Notice::BadNick(error) => name_error("nickname", *error),
        Notice::BadRoom(error) => name_error("name of a room", *error),
        Notice::NoSuchNick(nick) => format!("nobody is called `{}`", VisibleLine(nick)),
        Notice::NoSuchRoom(room) => format!(
            "there is no room `{}`; `/rooms` lists them",
            VisibleLine(room)
        ),
        Notice::NotIn(room) => format!(
            "you are not in `{room}`; `/join {room}` enters it",
            room = VisibleLine(room)
        ),
        Notice::Nowhere => "you are in no room; `/join ROOM` enters one".to_owned(),
        Notice::TooManyRooms(most) => format!("there are {most} rooms already, which is the most"),
        Notice::TooManyRoomsEach(most) => {
            format!("you are in {most} rooms already, which is the most; `/leave ROOM` leaves one")
        }
        Notice::BadCharset(name) => format!(
            "`{}` is no charset; there are `utf-8`, `gbk`, `big5`, `shift_jis` and more",
            VisibleLine(name)
        ),
        Notice::Mistake(Mistake::Unknown(command)) => format!(
            "there is no command `/{}`; `/help` lists them, and `//` sends a slash",
            VisibleLine(command)
        ),
        Notice::Mistake(Mistake::Wants(usage)) => format!("write it as `{usage}`"),
        Notice::Mistake(Mistake::Json(why)) => {
            format!("that is no object of JSON: {}", Shown(why))
        }
        Notice::Mistake(Mistake::Long(limit)) => {
            format!("an object may have {limit} bytes; it was not taken")
        }
    }
}

const HELP: &str = "\
/nick NAME        be called NAME
/join ROOM        enter a room; what you say goes there
/leave [ROOM]     leave this room, or another
/rooms            list the rooms
/who [ROOM]       list who is in a room
/msg NICK TEXT    say it to one; `/msg #ROOM TEXT` in a room
/me TEXT          tell what you do
/topic [TEXT]     what the room is about; `-` for nothing
/history [N]      what was said last
/echo on|off      whether what you say comes back
/charset NAME     your charset, such as gbk
/json on|off      objects of JSON instead of lines, for programs
/ping, /help, /quit
//TEXT            say TEXT with a slash before it";

fn people(count: usize) -> String {
    match count {
        0 => "nobody is".to_owned(),
        1 => "1 is".to_owned(),
        count => format!("{count} are"),
    }
}

fn because(what: &str, why: &str) -> String {
    match why {
        "" => what.to_owned(),
        why => format!("{what}: {}", Shown(why)),
    }
}

fn name_error(what: &str, error: NameError) -> String {
    match error {
        NameError::Empty => format!("a {what} has at least one character"),
        NameError::Long => format!("a {what} has at most {LONGEST} characters"),
        NameError::Character(' ') => format!("a {what} has no blanks"),
        NameError::Character(character) => {
            let character = character.encode_utf8(&mut [0; 4]).to_owned();
            format!("a {what} has no `{}`", VisibleLine(&character))
        }
    }
}
