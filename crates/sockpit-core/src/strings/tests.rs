use std::borrow::Cow;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::catalogue::{CHINESE, ENGLISH, texts};
use super::template::Template;
use super::{Catalogue, Language};
use crate::text::width;

/// Asserts what an English sentence is in Chinese.
#[track_caller]
fn check(english: &str, chinese: &str) {
    assert_eq!(Catalogue::new(Language::Chinese).say(english), chinese);
}

/// The names of a template's places; those that another language may leave out are apart.
fn places(template: &str) -> BTreeSet<String> {
    let template = Template::new(template);
    let needed = template.names().filter(|name| !name.starts_with('_'));
    needed.map(str::to_owned).collect()
}

#[test]
fn both_languages_have_the_same_keys() {
    let english: Vec<_> = texts(ENGLISH).into_keys().collect();
    let chinese: Vec<_> = texts(CHINESE).into_keys().collect();
    assert_eq!(english, chinese);
}

#[test]
fn both_languages_have_the_same_places() {
    let chinese = texts(CHINESE);
    for (key, english) in texts(ENGLISH) {
        assert_eq!(places(&english), places(&chinese[&key]), "{key}");
    }
}

#[test]
fn no_sentence_is_there_twice() {
    let mut seen = BTreeSet::new();
    for (key, english) in texts(ENGLISH) {
        let nameless = Template::new(&english).render(|name| match name {
            // `{n} reads` is another sentence than `{who} reads`.
            "n" | "m" => "{n}".to_owned(),
            _ => "{}".to_owned(),
        });
        assert!(seen.insert(nameless), "{key}: {english}");
    }
}

#[test]
fn a_template_with_places_has_words_to_be_known_by() {
    for (key, english) in texts(ENGLISH) {
        let template = Template::new(&english);
        let places = template.names().count();
        let words = template.render(|_| String::new());
        let characters = words.chars().filter(|c| !c.is_whitespace()).count();
        let is_known = 4 <= characters || words.contains(['`', '@', ':', '.']);
        assert!(places < 2 || is_known, "{key}: {english}");
    }
}

#[test]
fn english_stays_english() {
    let catalogue = Catalogue::new(Language::English);
    for sentence in texts(ENGLISH).values() {
        assert!(matches!(catalogue.say(sentence), Cow::Borrowed(_)));
        assert!(matches!(catalogue.lay_out(sentence), Cow::Borrowed(_)));
    }
}

#[test]
fn a_chain_of_causes_is_said_part_by_part() {
    check(
        "cannot connect to tcp://127.0.0.1:1: connection refused",
        "无法连接 tcp://127.0.0.1:1：连接被拒绝",
    );
    check(
        "nothing that is known: permission denied",
        "nothing that is known：权限不足",
    );
    check(
        "`a:b` has no port; write `a:b:7000`, with the port you mean",
        "`a:b` 没有端口；请写 `a:b:7000`，换成实际的端口",
    );
}

#[test]
fn several_sentences_are_said_one_by_one() {
    check(
        "`a` (pid 1, user root) listening tcp://[::]:1, backlog 0/5; `b` (pid 2) bound udp://[::]:1",
        "`a`（pid 1，用户 root）正在监听 tcp://[::]:1, backlog 0/5；`b`（pid 2）已绑定 udp://[::]:1",
    );
    check(
        "address already in use (hint: `a` (pid 1) has held it for 3 s; `b` ends it)",
        "地址已被占用（提示：`a`（pid 1）已占用 3 秒；`b` 可结束它）",
    );
}

#[test]
fn what_is_quoted_stays_exact() {
    check(
        "cannot read `permission denied`: no such file",
        "无法读取 `permission denied`：没有这个文件",
    );
    check(
        "cannot read `你好`: no such file",
        "无法读取 `你好`：没有这个文件",
    );
    check(
        "expected `refused` within 5s; instead came `open`",
        "期望 5s 内收到 `refused`；收到的是 `open`",
    );
}

#[test]
fn what_has_no_entry_stays_as_it_is() {
    for text in [
        "",
        " ",
        "no such sentence was ever written",
        "你好",
        ": ; :",
        "`",
        "a: b; c",
    ] {
        check(text, text);
    }
}

#[test]
fn columns_stay_where_they_were() {
    let catalogue = Catalogue::new(Language::Chinese);
    let said = catalogue.lay_out("  answer   127.0.0.1:1: connection refused\n");
    assert_eq!(said, "  应答     127.0.0.1:1：连接被拒绝\n");
    let said = catalogue.lay_out("/help                        this list\n/x  no entry\n");
    let mut lines = said.lines();
    assert_eq!(
        lines.next(),
        Some("/help                        显示本列表")
    );
    assert_eq!(lines.next(), Some("/x  no entry"));
}

#[test]
fn what_points_at_the_line_above_is_a_sentence_of_its_own() {
    let said = Catalogue::new(Language::Chinese);
    assert_eq!(
        said.lay_out("  ↑ read 1 holds messages 1 and 2 (sticky: writes 1 and 2 read as one)\n"),
        "  ↑ 第 1 次读到消息 1 和 2（粘包：第 1 和 2 次写被一次读走）\n"
    );
    assert_eq!(
        said.lay_out("  ↑ the two ends differ at byte 3: they are not one stream\n"),
        "  ↑ 两端在第 3 字节处不同：不是同一个流\n"
    );
}

#[test]
fn colours_stay_around_what_they_mark() {
    let said = Catalogue::new(Language::Chinese);
    let said = said.lay_out("\u{1b}[1mconnection refused\u{1b}[0m\n");
    assert_eq!(said, "\u{1b}[1m连接被拒绝\u{1b}[0m\n");
}

#[test]
fn a_locale_is_a_language() {
    for chinese in ["zh", "zh_CN.UTF-8", "zh-CN", "ZH_tw", "zh@pinyin", "zh.GBK"] {
        assert_eq!(Language::of_locale(chinese), Language::Chinese, "{chinese}");
        assert_eq!(chinese.parse(), Ok(Language::Chinese), "{chinese}");
    }
    for english in ["en", "C", "POSIX", "en_US.UTF-8", "C.UTF-8"] {
        assert_eq!(Language::of_locale(english), Language::English, "{english}");
        assert_eq!(english.parse(), Ok(Language::English), "{english}");
    }
    for other in ["", "fr_FR.UTF-8", "zhuang", "englisch", "é", "c++"] {
        assert_eq!(Language::of_locale(other), Language::English, "{other}");
        assert!(other.parse::<Language>().is_err(), "{other}");
    }
}

/// Rules A: no text of a peer or of a user makes this slow.
#[test]
fn a_long_line_of_separators_is_soon_said() {
    let catalogue = Catalogue::new(Language::Chinese);
    let text = "cannot a: b; `c` and ".repeat(190);
    for _ in 0..3 {
        let _ = catalogue.say(&text);
        let _ = catalogue.lay_out(&text);
    }
}

proptest! {
    // Each case goes through the whole catalogue.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_template_matches_what_it_renders(values in prop::collection::vec("[0-9]{1,6}", 8)) {
        for (key, english) in texts(ENGLISH) {
            let template = Template::new(&english);
            let names: Vec<String> = template.names().map(str::to_owned).collect();
            let value = |name: &str| {
                let at = names.iter().position(|known| known == name).unwrap_or(0);
                values[at % values.len()].clone()
            };
            let text = template.render(value);
            prop_assert!(template.values(&text).is_some(), "{key}: {text}");
        }
    }

    #[test]
    fn a_sentence_said_otherwise_holds_every_value(number in 1000_u32..9999) {
        let catalogue = Catalogue::new(Language::Chinese);
        for (key, english) in texts(ENGLISH) {
            let mut at = number;
            let mut values = Vec::new();
            let text = Template::new(&english).render(|name| {
                at += 1;
                if name.starts_with('_') {
                    return String::new();
                }
                values.push(at.to_string());
                at.to_string()
            });
            let repeated = Template::new(&english).names().collect::<BTreeSet<_>>().len() < values.len();
            let said = catalogue.say(&text).into_owned();
            for value in values.iter().filter(|_| !repeated) {
                prop_assert!(said.contains(value.as_str()), "{key}: {text} -> {said}");
            }
        }
    }

    #[test]
    fn any_text_can_be_said(text in "\\PC{0,80}") {
        let catalogue = Catalogue::new(Language::Chinese);
        let _ = catalogue.say(&text);
        let _ = width::width(&catalogue.lay_out(&text));
    }
}

#[test]
fn what_a_user_has_called_something_stays_as_it_is() {
    let chinese = Catalogue::new(Language::Chinese);
    let said = chinese
        .say("timeout: 3 passed, 0 failed in 0.1 s")
        .into_owned();
    assert!(said.contains("timeout"), "{said}");
    let said = chinese.say("client sends `x` (0.1 ms)").into_owned();
    assert!(said.contains("client"), "{said}");
}
