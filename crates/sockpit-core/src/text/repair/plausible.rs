//! How likely a text is what somebody wrote, judged by its characters and their neighbours.

use super::frequent::{FREQUENT_HAN, FREQUENT_HANGUL};
use crate::text::charset::Charset;
use crate::text::escape::is_hidden;

/// What is not told apart by any charset: plain ASCII.
const PLAIN: i32 = 800;

/// Two characters stand together whose scripts do not.
const CLASH: i32 = -450;

/// The scripts that meet in one word, or do not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Han and kana.
    East,
    Hangul,
    Cyrillic,
    Greek,
    /// Letters beyond ASCII.
    Latin,
    Other,
    /// Stands with any.
    Neutral,
}

/// About 1000 for common words, about 0 for characters that are seldom seen together, far below for
/// controls, private characters and U+FFFD. Only characters beyond ASCII, and controls, count.
#[must_use]
pub fn plausibility(text: &str) -> i32 {
    let chars: Vec<char> = text.chars().collect();
    let mut sum = 0_i64;
    let mut count = 0_i64;
    for (index, character) in chars.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| chars[before]);
        let after = chars.get(index + 1).copied();
        let is_plain = matches!(character, ' '..='~' | '\n' | '\r' | '\t');
        if !is_plain {
            sum += i64::from(value(*character, before, after));
            count += 1;
        }
        if before.is_some_and(|before| clashes(before, *character)) {
            sum += i64::from(CLASH);
        }
        sum += i64::from(intrusion(*character, before, after));
    }
    if count == 0 {
        return PLAIN;
    }
    // A sum of so many values is as large as one of them.
    i32::try_from(sum / count).unwrap_or(i32::MIN)
}

fn clashes(one: char, other: char) -> bool {
    let (one, other) = (script(one), script(other));
    one != other && one != Script::Neutral && other != Script::Neutral
}

/// What it says against a character that it stands in a word of plain letters.
fn intrusion(character: char, before: Option<char>, after: Option<char>) -> i32 {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let is_foreign = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
    let sides = [before, after];
    let letters = sides.iter().filter(|side| is_letter(**side)).count();
    match script(character) {
        Script::Cyrillic | Script::Greek => match letters {
            0 => 0,
            _ => -1200,
        },
        Script::East | Script::Hangul => match letters {
            0 => 0,
            1 if is_foreign(before) || is_foreign(after) => -150,
            1 => -500,
            _ => -1500,
        },
        _ => 0,
    }
}

fn script(character: char) -> Script {
    match character {
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{3ffff}' => {
            Script::East
        }
        '\u{3041}'..='\u{30ff}' => Script::East,
        '\u{ac00}'..='\u{d7a3}' => Script::Hangul,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{370}'..='\u{3ff}' => Script::Greek,
        '\u{c0}'..='\u{24f}' => Script::Latin,
        '\u{530}'..='\u{10ff}' | '\u{ff61}'..='\u{ff9f}' => Script::Other,
        _ => Script::Neutral,
    }
}

fn value(character: char, before: Option<char>, after: Option<char>) -> i32 {
    match character {
        char::REPLACEMENT_CHARACTER => -2000,
        '\u{80}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => -1500,
        c if c.is_control() => -1000,
        c if is_hidden(c) => -800,
        '\u{4e00}'..='\u{9fff}' => han(character),
        '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{3ffff}' => -600,
        '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}' => 900,
        '\u{ac00}'..='\u{d7a3}' => hangul(character),
        // Russian, and the letters of its neighbours.
        'А'..='я' | 'Ё' | 'ё' => cyrillic(character, before),
        'І' | 'і' | 'Ї' | 'ї' | 'Є' | 'є' | 'Ґ' | 'ґ' | 'Ў' | 'ў' => 300,
        '\u{1f300}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{fe0f}' => 350,
        '\u{400}'..='\u{52f}' | '\u{1100}'..='\u{11ff}' => -350,
        '\u{391}'..='\u{3c9}' | '\u{386}'..='\u{390}' | '\u{3ca}'..='\u{3ce}' => {
            let is_greek = |c: Option<char>| c.is_some_and(|c| script(c) == Script::Greek);
            if is_greek(before) || is_greek(after) {
                500
            } else {
                -100
            }
        }
        '×' | '÷' => -200,
        '\u{c0}'..='\u{17f}' => latin(character, before, after),
        '、' | '。' | '《'..='】' | '！' | '，' | '：' | '；' | '？' | '（' | '）' => {
            800
        }
        '\u{ff01}'..='\u{ff5e}' | '\u{3000}' => 250,
        '\u{ff61}'..='\u{ff9f}' => -150,
        '‘' | '’' | '“' | '”' | '–' | '—' | '…' => 400,
        '°' | '±' | '§' | '©' | '®' | '«' | '»' | '·' | '€' | '→' | '←' | '↑' | '↓' | '℃' | '№' => {
            100
        }
        '\u{2500}'..='\u{25ff}' => -500,
        '\u{590}'..='\u{74f}' | '\u{900}'..='\u{109f}' | '\u{10a0}'..='\u{10ff}' => 150,
        _ => -300,
    }
}

/// By the order of the charsets, which put the common ones first: level 1 of GB 2312 and Big5, and
/// of JIS X 0208.
fn han(character: char) -> i32 {
    if FREQUENT_HAN.contains(character) {
        return 1000;
    }
    let pair = |charset: Charset| -> Option<(u8, u8)> {
        let mut utf8 = [0; 4];
        let bytes = charset.encode(character.encode_utf8(&mut utf8)).ok()?;
        match bytes[..] {
            [lead, trail] => Some((lead, trail)),
            _ => None,
        }
    };
    let in_rows = |name: &str, first: u8, last: u8| {
        let charset = name.parse().expect("it is a charset");
        let place = pair(charset);
        place.is_some_and(|(lead, trail)| (first..=last).contains(&lead) && trail >= 0xa1)
    };
    let in_big5 = |first: u8, last: u8| {
        let place = pair("big5".parse().expect("it is a charset"));
        place.is_some_and(|(lead, _)| (first..=last).contains(&lead))
    };
    if in_rows("gbk", 0xb0, 0xd7) {
        550
    } else if in_rows("euc-jp", 0xb0, 0xcf) || in_big5(0xa4, 0xc6) {
        400
    } else if in_rows("gbk", 0xd8, 0xf7) || in_rows("euc-jp", 0xd0, 0xf4) {
        0
    } else {
        -350
    }
}

fn hangul(character: char) -> i32 {
    if FREQUENT_HANGUL.contains(character) {
        return 1000;
    }
    // The 2,350 syllables of KS X 1001, which has no room for the rest.
    let mut utf8 = [0; 4];
    let euc_kr: Charset = "euc-kr".parse().expect("it is a charset");
    match euc_kr.encode(character.encode_utf8(&mut utf8)).as_deref() {
        Ok([0xb0..=0xc8, 0xa1..=0xfe]) => 350,
        _ => -400,
    }
}

/// KOI8-R read as windows-1251, and the other way, turns capitals round, and puts rare letters where
/// the frequent ones were.
fn cyrillic(character: char, before: Option<char>) -> i32 {
    const FREQUENT: &str = "оеаинтсрвлкмдпуяы";
    let before = before.filter(|before| script(*before) == Script::Cyrillic);
    let value = if FREQUENT.contains(character) {
        900
    } else {
        600
    };
    match before {
        Some(before) if before.is_lowercase() && character.is_uppercase() => -2500,
        None if matches!(character, 'Ъ' | 'Ь' | 'Ы' | 'ъ' | 'ь' | 'ы') => -800,
        _ => value,
    }
}

/// A letter with an accent stands among plain ones; several in a row are seldom a word.
fn latin(character: char, before: Option<char>, after: Option<char>) -> i32 {
    let is_plain = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let is_accented = |c: Option<char>| c.is_some_and(|c| matches!(c, '\u{a1}'..='\u{24f}'));
    if is_accented(before) || is_accented(after) {
        return if is_plain(before) || is_plain(after) {
            400
        } else {
            -300
        };
    }
    let is_capital_inside =
        before.is_some_and(|c| c.is_ascii_lowercase()) && character.is_uppercase();
    match (is_plain(before), is_plain(after)) {
        _ if is_capital_inside => -300,
        (true, true) => 800,
        (true, false) | (false, true) => 700,
        (false, false) => 0,
    }
}
