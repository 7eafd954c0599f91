//! The list of strings (多条字符串) of SSCOM, from `sscom.ini` and `sscom51.ini`.
//!
//! The file is lines of text in GBK, `N` and a number, `=`, and a value; `;` begins a comment. What
//! the numbers mean, the file's own comments say:
//!
//! ```text
//!            SSCOM 3 and 4            SSCOM 5
//! entry      N1 … N32                 N1 … N99              H,13 00 FF 88   or   A,some text
//! its note   N101 … = ,note           N101 … = order,note,delay in ms
//! pause      N38=,1000                (each its own)
//! line end   N37=,Y                   N1057=,Y
//! checksum                            N1060=,1              0 none, 1 Modbus CRC16, 2 sum, 3 xor
//! ```
//!
//! `order` is the entry's place in the round that “循环发送” sends, 0 for none; `delay` passes after
//! the entry, before the next. A file of version 3 has no notes.
//!
//! Sources: files as the program itself wrote them, with their comments, in the public repositories
//! `Jayin-Zig/sscom` (5.13) and `FYSETC/FYSETC-sscom5.12.1`, `z940939971/serial_Software` (4.2),
//! `evansbuycosansolis/Embedded-System--Exploring-Sim800` (3.2); `sanonz/sscom-sortable`, which
//! writes such files, for their charset.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use super::{Import, Names, Place, Trouble, Unknown};
use crate::rule::{Item, List, Payload, Rules};
use crate::text::charset::Charset;
use crate::text::escape::VisibleLine;
use crate::text::hex;

/// The last entry there can be: the notes begin at 101.
const LAST: u32 = 99;
/// Where the note of entry 0 would be.
const NOTES: u32 = 100;
/// The settings of version 5 begin here.
const SETTINGS_5: u32 = 1000;

const LINE_END_4: u32 = 37;
const PAUSE_4: u32 = 38;
const LINE_END_5: u32 = 1057;
const CHECKSUM_5: u32 = 1060;

/// What the program writes for “no note yet”: version 4, simplified and traditional; version 5 puts
/// the entry's number before it.
const NO_NOTES: [&str; 3] = ["双击此处加入该条目注释", "雙擊此處加入該條目注釋", "无注释"];

/// The shortest round of a list that repeats.
const SHORTEST: Duration = Duration::from_millis(1);

/// A line `N12=value`.
struct Setting<'a> {
    line: usize,
    value: &'a str,
}

/// An entry that is not empty.
struct Entry {
    number: u32,
    note: Option<String>,
    payload: Payload,
    /// Its place in the round; 0 for none.
    order: u32,
    /// Until the next.
    pause: Duration,
}

/// Reads the file. Entries without anything to send are left out, as the program has them by the
/// dozen; what cannot be understood is told.
///
/// # Errors
///
/// Returns [`Unknown`] where the file has no entry at all.
pub fn read(bytes: &[u8]) -> Result<Import, Unknown> {
    let text = decode(bytes);
    let mut troubles = Vec::new();
    let settings = settings(&text, &mut troubles);
    let is_entry = |number: &u32, value: &str| {
        (1..=LAST).contains(number) && (value.starts_with("A,") || value.starts_with("H,"))
    };
    if !settings
        .iter()
        .any(|(number, setting)| is_entry(number, setting.value))
    {
        return Err(Unknown);
    }
    let form = Form::of(&settings);
    let entries: Vec<Entry> = settings
        .range(1..=LAST)
        .filter_map(|(number, setting)| form.entry(*number, setting, &settings, &mut troubles))
        .collect();
    troubles.sort_by_key(|trouble| trouble.place);
    let notes = form.notes(&entries);
    let rules = Rules::from_lists(lists(entries));
    Ok(Import {
        rules,
        troubles,
        notes,
    })
}

/// Files are in GBK; one that somebody saved in UTF-8 is read as such.
fn decode(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.trim_start_matches('\u{FEFF}').to_owned();
    }
    let gbk: Charset = "gbk".parse().unwrap_or_default();
    gbk.decode(bytes).text
}

fn settings<'a>(text: &'a str, troubles: &mut Vec<Trouble>) -> BTreeMap<u32, Setting<'a>> {
    let mut settings = BTreeMap::new();
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        if content.trim().is_empty() || content.starts_with(';') {
            continue;
        }
        let pair = content
            .strip_prefix(['N', 'n'])
            .and_then(|rest| rest.split_once('='));
        let number = pair.and_then(|(number, _)| number.trim().parse::<u32>().ok());
        let (Some(number), Some((_, value))) = (number, pair) else {
            let shown: String = content.chars().take(60).collect();
            troubles.push(Trouble {
                place: Place::Line(line),
                what: format!("`{}` is no line such as `N1=A,text`", VisibleLine(&shown)),
            });
            continue;
        };
        if let Some(Setting { line: before, .. }) = settings.insert(number, Setting { line, value })
        {
            troubles.push(Trouble {
                place: Place::Line(line),
                what: format!("`N{number}` stands in line {before} already; this one counts"),
            });
        }
    }
    settings
}

/// What holds for all entries of a file.
struct Form {
    is_version_5: bool,
    /// Whether a line end goes after each text.
    ends_lines: bool,
    /// Until the next entry, where entries do not say it.
    pause: Duration,
    checksum: Option<String>,
}

impl Form {
    fn of(settings: &BTreeMap<u32, Setting<'_>>) -> Self {
        let is_version_5 = settings.range(SETTINGS_5..).next().is_some();
        let value = |number: u32| {
            let setting = settings.get(&number)?;
            setting.value.strip_prefix(',').map(str::trim)
        };
        let line_end = if is_version_5 { LINE_END_5 } else { LINE_END_4 };
        let pause = value(PAUSE_4).filter(|_| !is_version_5);
        let checksum = value(CHECKSUM_5).filter(|_| is_version_5);
        Self {
            is_version_5,
            ends_lines: value(line_end) == Some("Y"),
            pause: pause
                .and_then(|pause| pause.parse().ok())
                .map_or(Duration::ZERO, Duration::from_millis),
            checksum: checksum.filter(|word| *word != "0").map(str::to_owned),
        }
    }

    fn entry(
        &self,
        number: u32,
        setting: &Setting<'_>,
        settings: &BTreeMap<u32, Setting<'_>>,
        troubles: &mut Vec<Trouble>,
    ) -> Option<Entry> {
        let Setting { line, value } = *setting;
        let mut trouble = |line, what| {
            let place = Place::Line(line);
            troubles.push(Trouble { place, what });
        };
        let payload = match value.split_once(',') {
            // A setting of versions 3 and 4, or nothing to send.
            Some(("", _) | ("A" | "H", "")) => return None,
            Some(("A", text)) if text.contains(char::REPLACEMENT_CHARACTER) => {
                let what = format!(
                    "entry {number} is left out: it holds bytes that are no GBK; write them in hex"
                );
                trouble(line, what);
                return None;
            }
            Some(("A", text)) if self.ends_lines => Payload::text(&format!("{text}\r\n")),
            Some(("A", text)) => Payload::text(text),
            Some(("H", digits)) => match hex::parse(digits) {
                Ok(bytes) if bytes.is_empty() => return None,
                Ok(bytes) => Payload::bytes(bytes),
                Err(error) => {
                    trouble(line, format!("entry {number} is left out: {error}"));
                    return None;
                }
            },
            _ => {
                let shown: String = value.chars().take(60).collect();
                trouble(
                    line,
                    format!(
                        "entry {number} is left out: `{}` begins neither with `A,` nor with `H,`",
                        VisibleLine(&shown)
                    ),
                );
                return None;
            }
        };
        let mut entry = Entry {
            number,
            note: None,
            payload,
            order: 0,
            pause: self.pause,
        };
        if let Some(Setting { line, value }) = settings.get(&(NOTES + number)) {
            match self.note(value, &mut entry) {
                Ok(()) => {}
                Err(what) => trouble(*line, format!("the note of entry {number}: {what}")),
            }
        }
        Some(entry)
    }

    /// Reads what stands beside an entry; says what is not understood.
    fn note(&self, value: &str, entry: &mut Entry) -> Result<(), String> {
        let (order, rest) = value.split_once(',').unwrap_or(("", value));
        let is_old = !self.is_version_5 && order.is_empty();
        let (note, pause) = if is_old {
            (rest, None)
        } else {
            // A note may hold commas.
            let (note, pause) = rest.rsplit_once(',').unwrap_or((rest, ""));
            (note, Some(pause))
        };
        let note = note.trim();
        let bare = note.trim_start_matches(|digit: char| digit.is_ascii_digit());
        entry.note = (!note.is_empty() && !NO_NOTES.contains(&bare)).then(|| note.to_owned());
        let Some(pause) = pause else { return Ok(()) };
        let number = |text: &str, what: &str| match text.trim() {
            "" => Ok(0),
            text => text
                .parse::<u32>()
                .map_err(|_| format!("`{}` is no {what}; 0 is taken", VisibleLine(text))),
        };
        let order = number(order, "place in the round");
        let pause = number(pause, "delay in milliseconds");
        entry.order = *order.as_ref().unwrap_or(&0);
        entry.pause = Duration::from_millis(u64::from(*pause.as_ref().unwrap_or(&0)));
        order.and(pause).map(drop)
    }

    fn notes(&self, entries: &[Entry]) -> Vec<String> {
        let mut notes = vec![format!(
            "{} imported from SSCOM; `/send NAME` at the keyboard sends one, or a list.",
            match entries.len() {
                1 => "One entry".to_owned(),
                count => format!("{count} entries"),
            }
        )];
        if entries
            .iter()
            .any(|entry| !entry.payload.is_hex() && !entry.payload.to_string().is_ascii())
        {
            notes.push(
                "SSCOM sends its texts in GBK: run the session with `--text gbk`.".to_owned(),
            );
        }
        if self.ends_lines {
            notes.push(
                "SSCOM was set to end each text with a line end: `\\r\\n` is added.".to_owned(),
            );
        }
        let algorithm = self.checksum.as_deref().map(|word| match word {
            "1" => "modbus",
            "2" => "sum8",
            "3" => "xor",
            _ => "…",
        });
        if let Some(algorithm) = algorithm {
            notes.push(format!(
                "SSCOM was set to append a checksum: run the session with `--checksum {algorithm}`."
            ));
        }
        notes
    }
}

/// All entries in their order, to be sent by name; and the round, where there is one.
fn lists(entries: Vec<Entry>) -> Vec<List> {
    let mut round: Vec<&Entry> = entries.iter().filter(|entry| entry.order > 0).collect();
    round.sort_by_key(|entry| entry.order);
    // A pause passes after its entry; that of the last one comes before the first, a round later.
    let last = round.last().map_or(Duration::ZERO, |entry| entry.pause);
    let pauses = std::iter::once(last).chain(round.iter().map(|entry| entry.pause));
    let mut looped: Vec<Item> = round
        .iter()
        .zip(pauses)
        .map(|(entry, delay)| Item {
            name: None,
            payload: entry.payload.clone(),
            delay,
        })
        .collect();
    if let Some(first) = looped.first_mut() {
        first.delay = first.delay.max(SHORTEST);
    }
    let mut names = Names::default();
    let mut before = Duration::ZERO;
    let all = entries
        .into_iter()
        .map(|entry| Item {
            name: Some(names.take(&entry.note.unwrap_or_else(|| entry.number.to_string()))),
            payload: entry.payload,
            delay: std::mem::replace(&mut before, entry.pause),
        })
        .collect::<Vec<_>>();
    let mut lists = Vec::new();
    if !all.is_empty() {
        lists.push(List {
            name: "sscom".to_owned(),
            start: false,
            rounds: Some(NonZeroU32::MIN),
            items: all,
        });
    }
    if !looped.is_empty() {
        lists.push(List {
            name: "sscom-loop".to_owned(),
            start: false,
            rounds: None,
            items: looped,
        });
    }
    lists
}
