//! `sockpit decode`: bytes in any form as text, and what is wrong with them.

mod checks;
mod mend;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use serde_json::{Value, json};
use sockpit_core::frame::{Frame, Framing};
use sockpit_core::text::charset::Charset;
use sockpit_core::text::compose::{Form, ParseFormError};
use sockpit_core::text::hex::Hex;
use sockpit_core::text::repair::{self, Diagnosis, Reading};
use sockpit_core::time::Time;

use super::paste;
use crate::console::Console;
use crate::exit::Exit;

/// Invalid bytes of which the places are told.
const PLACES: usize = 8;

/// Invalid bytes of which a program is told the places.
const MOST_PLACES: usize = 1000;

/// Readings that are told beside the best.
const OTHERS: usize = 3;

/// Exit code of a text that is none, and of a checksum that does not hold.
const UNMET: u8 = 3;

/// What `sockpit decode` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Without `--from` the form of the paste is guessed; without `--text` the charset is, where the bytes
are not UTF-8: the likeliest reading goes to stdout, the others are told.

Examples:
  sockpit decode C4 E3 BA C3                       你好, and why: not utf-8 but gb18030
  sockpit decode 'c4e3bac3' --text gbk             你好
  sockpit decode --from base64 5L2g5aW9 --to hex   E4 BD A0 E5 A5 BD
  sockpit decode 01 03 00 00 00 0A C5 CD --checksum       which checksum it ends in
  sockpit decode 01 03 00 00 00 0A C5 CD --checksum=modbus    whether it holds: exit code 0 or 3
  sockpit decode --repair 浣犲ソ                    你好: utf-8 read as gb18030
  sockpit decode --file dump.bin --from raw --frame len:u16be --to hex

Exit codes: 0 read, 2 usage, 3 not text of the charset, or a checksum that does not hold")]
pub(crate) struct Args {
    /// What to decode, words with a space between; `-` is stdin, as is a pipe
    #[arg(value_name = "DATA")]
    words: Vec<String>,
    /// Decode this file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// What the data is: auto, hex, c, string, base64, escapes, decimal, raw, or a charset
    #[arg(long, value_name = "FORM|CHARSET", default_value = "auto")]
    from: From,
    /// Charset of the bytes, such as `gbk`, `big5`, `shift_jis`, `utf-16le`
    #[arg(long, value_name = "CHARSET")]
    text: Option<Charset>,
    /// What is shown: text, or bytes as hex, c, string, base64, escapes, decimal, raw
    #[arg(long, value_name = "FORM", default_value = "text")]
    to: To,
    /// Check this checksum, or find out which one the bytes end in
    #[arg(long, value_name = "SPEC", num_args = 0..=1, default_missing_value = "")]
    checksum: Option<String>,
    /// Cut the bytes into messages, as `connect --frame` would
    #[arg(long, value_name = "FRAMING", conflicts_with = "checksum")]
    frame: Option<Framing>,
    /// Find out what a text was before it was read in a wrong charset
    #[arg(long, conflicts_with_all = ["frame", "checksum", "text", "to", "from"])]
    repair: bool,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// What a paste is: its form, or the charset of the bytes; what is not said is guessed.
#[derive(Clone, Copy, Default)]
struct From {
    form: Option<Form>,
    charset: Option<Charset>,
}

/// Why a text says of no paste what it is.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{text}` is neither one of auto, hex, c, string, base64, escapes, decimal, raw nor a charset \
     such as `gbk`"
)]
struct ParseFromError {
    text: String,
}

impl FromStr for From {
    type Err = ParseFromError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = text.parse::<Form>().ok();
        let charset = text.parse::<Charset>().ok().filter(|_| form.is_none());
        if form.is_none() && charset.is_none() && text != "auto" {
            return Err(ParseFromError {
                text: text.to_owned(),
            });
        }
        Ok(Self { form, charset })
    }
}

/// The form of what is shown; `None` is text.
#[derive(Clone, Copy)]
struct To(Option<Form>);

impl FromStr for To {
    type Err = ParseFormError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self(None)),
            _ => text.parse().map(|form| Self(Some(form))),
        }
    }
}

/// Bytes that were read, and in which form they stood.
struct Paste {
    bytes: Vec<u8>,
    form: Form,
}

/// How the bytes are read as text.
struct Choice {
    charset: Charset,
    /// Why it is not read as UTF-8, where nobody chose.
    why: Option<String>,
    /// Other readings, the likeliest first.
    others: Vec<Reading>,
}

/// Shows the text.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    paste::explain(decode(args, console), console)
}

fn decode(mut args: Args, console: &Console) -> anyhow::Result<Exit> {
    checks::give_back_data(&mut args)?;
    args.text = args.text.or(args.from.charset);
    let given = paste::read(&args.words, args.file.as_ref(), "the data")?;
    if args.repair {
        return mend::run(&given, args.json, console);
    }
    let form = args.from.form.unwrap_or_else(|| Form::guess(&given));
    let paste = Paste {
        bytes: form.read(&given)?,
        form,
    };
    if args.from.form.is_none() && io::stdout().is_terminal() && !args.json {
        let len = paste.bytes.len();
        console.say(&format!(
            "taken as {form}, {len} bytes; `--from` says otherwise"
        ));
    }
    if let Some(spec) = &args.checksum {
        return checks::run(spec, &paste.bytes, args.json, console);
    }
    let choice = choose(&paste.bytes, args.text);
    if let Some(framing) = &args.frame {
        return cut(framing, &paste, &choice, &args, console);
    }
    if args.json {
        let object = object(&paste, &choice);
        let is_valid = object["valid"] == true;
        paste::write(format!("{object}\n").as_bytes(), console)?;
        return Ok(exit(is_valid));
    }
    match args.to.0 {
        Some(form) => {
            let mut shown = Vec::new();
            form.write(&paste.bytes, &mut shown);
            if form != Form::Raw {
                shown.push(b'\n');
            }
            paste::write(&shown, console)?;
            Ok(Exit::Done)
        }
        None => show_text(&paste.bytes, &choice, console),
    }
}

fn show_text(bytes: &[u8], choice: &Choice, console: &Console) -> anyhow::Result<Exit> {
    let mut text = choice.charset.decode(bytes).text;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    paste::write(text.as_bytes(), console)?;
    if let Some(why) = &choice.why {
        console.hint(why);
    }
    for other in &choice.others {
        let shown = repair::excerpt(&other.text);
        console.say(&format!("  or {}: `{shown}`", other.charset));
    }
    let places = choice.charset.malformed(bytes, PLACES + 1);
    if !places.is_empty() {
        let more = if places.len() > PLACES { " …" } else { "" };
        let listed: Vec<String> = places
            .iter()
            .take(PLACES)
            .map(|place| {
                let bad = bytes.get(place.clone()).unwrap_or_default();
                format!("{} ({})", place.start, Hex(bad))
            })
            .collect();
        let places = listed.join(", ") + more;
        console.error(&format!(
            "not {} at byte {places}; it stands as U+FFFD",
            choice.charset
        ));
    }
    Ok(exit(places.is_empty()))
}

/// The charset that was told, UTF-8 where that is what the bytes are, or the likeliest one.
fn choose(bytes: &[u8], told: Option<Charset>) -> Choice {
    if let Some(charset) = told {
        return Choice {
            charset,
            why: None,
            others: Vec::new(),
        };
    }
    let as_utf8 = Choice {
        charset: Charset::UTF_8,
        why: None,
        others: Vec::new(),
    };
    // UTF-16 is full of zeros, which are valid and no text.
    let broken_at = Charset::UTF_8.decode(bytes).malformed_at;
    if broken_at.is_none() && !bytes.contains(&0) {
        return as_utf8;
    }
    let mut readings = repair::readings(bytes);
    readings.retain(|reading| reading.is_valid && reading.score > 0);
    if readings.is_empty() || readings[0].charset == Charset::UTF_8 {
        return as_utf8;
    }
    let best = readings.remove(0);
    readings.retain(|reading| reading.text != best.text);
    readings.truncate(OTHERS);
    let charset = best.charset;
    let why = match broken_at {
        Some(at) => Diagnosis {
            charset: Charset::UTF_8,
            at: at as u64,
            reading: Some(best),
        }
        .to_string(),
        None => format!("utf-8 with zeros between; as {charset} it is text without"),
    };
    Choice {
        charset,
        why: Some(why),
        others: readings,
    }
}

/// Cuts the bytes into messages, and shows each on a line.
fn cut(
    framing: &Framing,
    paste: &Paste,
    choice: &Choice,
    args: &Args,
    console: &Console,
) -> anyhow::Result<Exit> {
    if matches!(framing, Framing::Gap(_)) {
        bail!("`gap` cuts where the peer was silent, and a paste has no times");
    }
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    let mut is_whole = true;
    let mut take = |frame: Frame<'_>| {
        is_whole &= !frame.is_partial && !frame.is_malformed;
        let text = choice.charset.decode(frame.payload).text;
        match args.to.0 {
            _ if args.json => objects.push(json!({
                "offset": frame.offset,
                "len": frame.payload.len(),
                "hex": Hex(frame.payload).to_string(),
                "text": text,
                "partial": frame.is_partial,
                "malformed": frame.is_malformed,
            })),
            Some(form) => form.write(frame.payload, &mut lines),
            None => lines.extend_from_slice(text.as_bytes()),
        }
        if args.to.0 != Some(Form::Raw) {
            lines.push(b'\n');
        }
        if frame.is_partial {
            console.error(&format!(
                "the message at byte {} is not whole: {} bytes, and then the end",
                frame.offset,
                frame.payload.len()
            ));
        } else if frame.is_malformed {
            let at = frame.offset;
            console.error(&format!("the message at byte {at} is not valid {framing}"));
        }
    };
    let mut decoder = framing.decoder(usize::MAX);
    let result = decoder.push(Time::ZERO, &paste.bytes, &mut take);
    if result.is_ok() {
        decoder.finish(&mut take);
    }
    if args.json {
        let object = json!({
            "from": paste.form.as_str(),
            "frame": framing.to_string(),
            "charset": choice.charset.to_string(),
            "frames": objects,
        });
        lines = format!("{object}\n").into_bytes();
    }
    paste::write(&lines, console)?;
    if let Err(error) = result {
        console.error(&error.to_string());
        return Ok(Exit::Unmet(UNMET));
    }
    Ok(exit(is_whole))
}

fn object(paste: &Paste, choice: &Choice) -> Value {
    let bytes = &paste.bytes;
    let decoded = choice.charset.decode(bytes);
    let malformed: Vec<Value> = choice
        .charset
        .malformed(bytes, MOST_PLACES)
        .into_iter()
        .map(|place| {
            let bad = bytes.get(place.clone()).unwrap_or_default();
            json!({ "at": place.start, "hex": Hex(bad).to_string() })
        })
        .collect();
    let others: Vec<Value> = choice
        .others
        .iter()
        .map(|other| json!({ "charset": other.charset.to_string(), "text": other.text }))
        .collect();
    json!({
        "from": paste.form.as_str(),
        "len": bytes.len(),
        "hex": Hex(bytes).to_string(),
        "charset": choice.charset.to_string(),
        "text": decoded.text,
        "valid": malformed.is_empty(),
        "malformed": malformed,
        "others": others,
    })
}

fn exit(is_good: bool) -> Exit {
    if is_good {
        Exit::Done
    } else {
        Exit::Unmet(UNMET)
    }
}
