//! The server's sentences in Chinese.

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
                "" => "欢迎".to_owned(),
                node => format!("欢迎来到 {}", Shown(node)),
            };
            text += &format!("；{room} 里有 {count} 人，`/help` 列出全部命令");
            for line in greeting.lines() {
                text += &format!("\n{}", Shown(line));
            }
            text + "\n请输入昵称（`昵称` 或 `昵称@聊天室`）"
        }
        Notice::Named { nick, wanted: None } => format!("你的昵称是 {nick}"),
        Notice::Named {
            nick,
            wanted: Some(wanted),
        } => format!("你的昵称是 {nick}，因为 {wanted} 已有人使用"),
        Notice::Entered {
            room,
            topic,
            members,
            count,
        } => {
            let mut text = match count {
                0 => format!("你在聊天室 {room}，没有其他人"),
                count => format!("你在聊天室 {room}，还有 {}", Row(members, *count, "、")),
            };
            if !topic.is_empty() {
                text += &format!("\n话题：{}", Shown(topic));
            }
            text
        }
        Notice::Exited {
            room,
            current: Some(current),
        } => format!("你离开了 {room}；现在的发言会发到 {current}"),
        Notice::Exited {
            room,
            current: None,
        } => format!("你离开了 {room}，现在不在任何聊天室；用 `/join 聊天室` 进入一个"),
        Notice::Current(room) => format!("现在的发言会发到 {room}"),
        Notice::Members {
            room,
            members,
            count,
        } => match count {
            0 => format!("{room} 里没有人"),
            count => format!("{room} 里有 {count} 人：{}", Row(members, *count, "、")),
        },
        Notice::Rooms { rooms, count } => {
            let mut text = format!("共有 {count} 个聊天室");
            for line in rooms {
                text += &format!("\n  {}（{}）", line.room, line.members);
                if !line.topic.is_empty() {
                    text += &format!(" {}", Shown(&line.topic));
                }
            }
            match count.saturating_sub(rooms.len()) {
                0 => text,
                more => text + &format!("\n  … 另有 {more} 个"),
            }
        }
        Notice::TopicIs { room, topic } if topic.is_empty() => {
            format!("{room} 没有话题；用 `/topic 文字` 设定")
        }
        Notice::TopicIs { room, topic } => format!("{room} 的话题：{}", Shown(topic)),
        Notice::NoHistory(room) => format!("{room} 里还没有人说过话"),
        Notice::Pong(text) if text.is_empty() => "pong".to_owned(),
        Notice::Pong(text) => format!("pong {}", Shown(text)),
        Notice::Help => HELP.to_owned(),
        Notice::Echo(true) => "你的发言也会回显给你".to_owned(),
        Notice::Echo(false) => "你的发言不会回显给你".to_owned(),
        Notice::Json(true) => "从现在起使用 JSON，每行一个对象".to_owned(),
        Notice::Json(false) => "从现在起使用文本行".to_owned(),
        Notice::Charset(name) => format!("你的字符集是 {}", Shown(name)),
        Notice::Bye => "再见".to_owned(),
        Notice::Closing => "服务器即将关闭，再见".to_owned(),
        Notice::Kicked(why) => because("你被踢出了", why),
        Notice::Banned(why) => because("你已被封禁", why),
        Notice::Lost(count) => format!("丢失了 {count} 行：你读得太慢"),
        Notice::Flooded(count) => format!("有 {count} 行没有转发：你发得太快"),
        Notice::Flooding => "你发得太多太久，再见".to_owned(),
        Notice::Late => "没有等到昵称，再见".to_owned(),
        Notice::Full => "人数已满，请稍后再来".to_owned(),
        Notice::Http => "这里按行交谈，不使用 HTTP；再见".to_owned(),
        Notice::Cut(limit) => format!("你的一行在 {limit} 字节处被截断"),
        Notice::Unnamed => "请先取一个昵称：`/nick 昵称`".to_owned(),
        Notice::BadNick(error) => name_error("昵称", *error),
        Notice::BadRoom(error) => name_error("聊天室名", *error),
        Notice::NoSuchNick(nick) => format!("没有人叫 `{}`", VisibleLine(nick)),
        Notice::NoSuchRoom(room) => format!(
            "没有聊天室 `{}`；`/rooms` 列出全部聊天室",
            VisibleLine(room)
        ),
        Notice::NotIn(room) => format!(
            "你不在 `{room}` 里；用 `/join {room}` 进入",
            room = VisibleLine(room)
        ),
        Notice::Nowhere => "你不在任何聊天室；用 `/join 聊天室` 进入一个".to_owned(),
        Notice::TooManyRooms(most) => format!("已有 {most} 个聊天室，不能再多"),
        Notice::TooManyRoomsEach(most) => {
            format!("你已在 {most} 个聊天室里，不能再多；用 `/leave 聊天室` 离开一个")
        }
        Notice::BadCharset(name) => format!(
            "`{}` 不是字符集；可用 `utf-8`、`gbk`、`big5`、`shift_jis` 等",
            VisibleLine(name)
        ),
        Notice::Mistake(Mistake::Unknown(command)) => format!(
            "没有命令 `/{}`；`/help` 列出全部命令，`//` 发送一个斜杠",
            VisibleLine(command)
        ),
        Notice::Mistake(Mistake::Wants(usage)) => format!("请写成 `{usage}`"),
        Notice::Mistake(Mistake::Json(why)) => format!("不是 JSON 对象：{}", Shown(why)),
        Notice::Mistake(Mistake::Long(limit)) => {
            format!("一个对象最多 {limit} 字节；没有接受")
        }
    }
}

const HELP: &str = "\
/nick 昵称          改昵称
/join 聊天室        进入聊天室，之后的发言发到那里
/leave [聊天室]     离开当前或指定的聊天室
/rooms              列出聊天室
/who [聊天室]       列出聊天室里的人
/msg 昵称 文字      私聊；`/msg #聊天室 文字` 发到聊天室
/me 文字            描述你的动作
/topic [文字]       查看或设定话题，`-` 清除
/history [N]        最近说过的话
/echo on|off        是否回显你的发言
/charset 名称       你的字符集，例如 gbk
/json on|off        用 JSON 对象代替文本行，供程序使用
/ping、/help、/quit
//文字              发送以斜杠开头的文字";

fn because(what: &str, why: &str) -> String {
    match why {
        "" => what.to_owned(),
        why => format!("{what}：{}", Shown(why)),
    }
}

fn name_error(what: &str, error: NameError) -> String {
    match error {
        NameError::Empty => format!("{what}至少有一个字符"),
        NameError::Long => format!("{what}最多 {LONGEST} 个字符"),
        NameError::Character(' ') => format!("{what}里不能有空格"),
        NameError::Character(character) => {
            let character = character.encode_utf8(&mut [0; 4]).to_owned();
            format!("{what}里不能有 `{}`", VisibleLine(&character))
        }
    }
}
