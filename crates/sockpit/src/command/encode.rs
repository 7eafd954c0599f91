//! `sockpit encode`: text, or bytes in any form, as the bytes that would leave.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;
use sockpit_core::frame::Framing;
use sockpit_core::text::charset::Charset;
use sockpit_core::text::checksum::ChecksumSpec;
use sockpit_core::text::compose::{Form, encode_text};
use sockpit_core::text::hex::Hex;

use super::paste;
use crate::console::Console;
use crate::exit::Exit;

/// What `sockpit encode` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Forms:
  hex      01 03 C5          what it reads may have 0x, commas, colons, or nothing between
  c        0x01, 0x03, 0xC5  the elements of an array; reads whole declarations of many languages
  string   \"\\001\\003\\305\"    a string literal of C
  base64   AQPF              escapes  \\x01\\x03\\xc5        decimal  1 3 197        raw  the bytes

Checksums:
  modbus (= crc16)  ccitt  ccitt-false  xmodem  crc8  crc32  crc32c  sum8  sum16  sum32  xor (= bcc)
  lrc  fletcher16  adler32  internet  cksum, and the CRC catalogue by name, such as CRC-16/KERMIT.
  modbus is written low byte first, all others high byte first, unless `:le` or `:be` says otherwise.
  from=N and to=N say which bytes are checked, at=N where it is written instead of at the end;
  negative numbers count from the end, as in a slice of Python.

Examples:
  sockpit encode 你好 --text gbk                                   C4 E3 BA C3
  sockpit encode --from hex '01 03 00 00 00 0A' --checksum modbus  01 03 00 00 00 0A C5 CD
  sockpit encode 'AT+GMR\\r\\n' --escape --to c
  sockpit encode --from hex 'AA 55 01 02 00' --checksum sum8,from=2,at=-1
  sockpit encode hello --frame len:u16be --to raw | nc localhost 7000")]
pub(crate) struct Args {
    /// What to encode, words with a space between; `-` is stdin, as is a pipe; after `--` words may begin with `-`
    #[arg(value_name = "TEXT")]
    words: Vec<String>,
    /// Encode this file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// What is given is no text, but bytes as hex, c, string, base64, escapes, decimal or raw
    #[arg(long, value_name = "FORM")]
    from: Option<Form>,
    /// Charset of the bytes, such as `gbk`, `big5`, `shift_jis`, `utf-16le` [default: utf-8]
    #[arg(long, value_name = "CHARSET", conflicts_with = "from")]
    text: Option<Charset>,
    /// Understand `\r \n \t \0 \e \\ \xNN \u{..}` in the text
    #[arg(long, conflicts_with = "from")]
    escape: bool,
    /// Write a checksum into it, such as `modbus`, `crc32:le`, `sum8,from=2`, `xor,at=-1`
    #[arg(long, value_name = "SPEC")]
    checksum: Option<ChecksumSpec>,
    /// Frame it as one message, as `connect --frame` would
    #[arg(long, value_name = "FRAMING")]
    frame: Option<Framing>,
    /// How the bytes are shown: hex, c, string, base64, escapes, decimal, raw
    #[arg(long, value_name = "FORM", default_value = "hex")]
    to: Form,
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,
}

/// Shows the bytes.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    paste::explain(encode(args, console), console)
}

fn encode(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let given = paste::read(&args.words, args.file.as_ref(), "the text")?;
    let mut payload = match args.from {
        Some(form) => form.read(&given)?,
        None => {
            let text = std::str::from_utf8(&given).with_context(|| {
                "the text is not UTF-8; `--from raw` takes bytes as they are".to_owned()
            })?;
            encode_text(text, args.escape, args.text.unwrap_or_default())?
        }
    };
    if let Some(checksum) = &args.checksum {
        checksum.apply(&mut payload)?;
    }
    let wire = match &args.frame {
        Some(framing) => {
            let mut wire = Vec::new();
            framing.encode(&payload, &mut wire)?;
            wire
        }
        None => payload.clone(),
    };
    if args.json {
        let object = object(args, &payload, &wire);
        paste::write(format!("{object}\n").as_bytes(), console)?;
        return Ok(Exit::Done);
    }
    if let Some(checksum) = &args.checksum
        && io::stdout().is_terminal()
    {
        console.say(&checksum.words());
        console.say(&checksum.preview(&payload));
    }
    let mut shown = Vec::new();
    args.to.write(&wire, &mut shown);
    if args.to != Form::Raw {
        shown.push(b'\n');
    }
    paste::write(&shown, console)?;
    Ok(Exit::Done)
}

fn object(args: &Args, payload: &[u8], wire: &[u8]) -> serde_json::Value {
    let mut object = json!({
        "len": wire.len(),
        "hex": Hex(wire).to_string(),
        "payload": Hex(payload).to_string(),
    });
    if let Some(checksum) = &args.checksum {
        let field = checksum.field_of(payload.len()).unwrap_or_default();
        object["checksum"] = json!({
            "spec": checksum.to_string(),
            "algorithm": checksum.algorithm.name(),
            "order": checksum.order.as_str(),
            "at": field.start,
            "hex": Hex(payload.get(field).unwrap_or_default()).to_string(),
        });
    }
    if let Some(framing) = &args.frame {
        object["frame"] = json!(framing.to_string());
    }
    object
}
