//! Bytes composed and taken apart by the real program, held against Python's own modules; and
//! checksums over real sockets, verified by the peer.

use std::io::Write as _;

use serde_json::Value;

use crate::support::{
    Finished, NOBODY, Program, accept, client, connect, folder, listen, need, python, read_exactly,
    read_to_end, server, sockpit,
};

/// A Modbus RTU request and its CRC.
const REQUEST: &str = "01 03 00 00 00 0A";
const CHECKED: [u8; 8] = [0x01, 0x03, 0x00, 0x00, 0x00, 0x0a, 0xc5, 0xcd];

fn encode(args: &[&str]) -> Finished {
    sockpit(&["encode"]).args(args).run()
}

fn decode(args: &[&str]) -> Finished {
    sockpit(&["decode"]).args(args).run()
}

/// Checks what `encode` prints.
#[track_caller]
fn check_encoded(args: &[&str], expected: &str) {
    encode(args)
        .check_code(0)
        .check_stdout(format!("{expected}\n"))
        .check_silent();
}

/// Checks what `decode` prints, and that it says nothing else.
#[track_caller]
fn check_decoded(args: &[&str], expected: &str) {
    decode(args)
        .check_code(0)
        .check_stdout(format!("{expected}\n"))
        .check_silent();
}

#[test]
fn text_becomes_bytes_in_every_form() {
    check_encoded(&["你好"], "E4 BD A0 E5 A5 BD");
    check_encoded(&["你好", "--text", "gbk"], "C4 E3 BA C3");
    check_encoded(&["AT\\r\\n", "--escape"], "41 54 0D 0A");
    check_encoded(&["AT\\r"], "41 54 5C 72");
    check_encoded(&["two", "words"], "74 77 6F 20 77 6F 72 64 73");
    check_encoded(&["--", "-1"], "2D 31");
    check_encoded(&["hi", "--to", "c"], "0x68, 0x69");
    check_encoded(&["hi\\x01", "--escape", "--to", "string"], "\"hi\\001\"");
    check_encoded(&["hi", "--to", "base64"], "aGk=");
    check_encoded(&["hi\\xff", "--escape", "--to", "escapes"], "hi\\xff");
    check_encoded(&["hi", "--to", "decimal"], "104 105");
    check_encoded(&["hi", "--frame", "len:u16be"], "00 02 68 69");
    check_encoded(&["{1, 2}", "--from", "c", "--to", "base64"], "AQI=");
}

#[test]
fn raw_bytes_go_into_a_pipe_exactly() {
    encode(&["--from", "hex", "00 ff 0a 1b", "--to", "raw"])
        .check_code(0)
        .check_stdout(b"\x00\xff\x0a\x1b")
        .check_silent();
    sockpit(&["decode", "--from", "raw", "--to", "raw", "-"])
        .stdin(b"\xff\x00\r\n".to_vec())
        .run()
        .check_code(0)
        .check_stdout(b"\xff\x00\r\n");
}

#[test]
fn stdin_and_a_file_are_taken_whole() {
    let piped = sockpit(&["encode"]).stdin("a\n").run();
    piped.check_code(0).check_stdout("61 0A\n");
    let folder = folder();
    let path = folder.path().join("paste");
    std::fs::write(&path, "0x01, 0x03").unwrap();
    let path = path.to_str().unwrap();
    check_decoded(&["--file", path, "--to", "hex"], "01 03");
    decode(&["--file", path, "x"])
        .check_code(2)
        .check_stderr(&["not both"]);
    decode(&["--file", &format!("{path}-not")])
        .check_code(2)
        .check_stderr(&["cannot read", "no such file"]);
}

#[test]
fn python_reads_what_encode_writes_and_writes_what_decode_reads() {
    if !need("python3") {
        return;
    }
    let script = "
import base64, binascii, subprocess, sys
sockpit = sys.argv[1]
data = bytes(range(256)) + b'0\\x000\"?' * 3
def run(*args, stdin=b''):
    return subprocess.run([sockpit, *args], input=stdin, stdout=subprocess.PIPE, check=True).stdout
def written(form):
    return run('encode', '--from', 'raw', '--to', form, '-', stdin=data).decode()
assert bytes.fromhex(written('hex')) == data
assert base64.b64decode(written('base64')) == data
assert bytes(eval('[' + written('c') + ']')) == data
assert eval('b' + written('string').replace('\\\\?', '?')) == data
assert bytes(map(int, written('decimal').split())) == data
def read(form, text):
    return run('decode', '--from', form, '--to', 'raw', '-', stdin=text)
assert read('hex', binascii.hexlify(data)) == data
assert read('base64', base64.encodebytes(data)) == data
assert read('base64', base64.urlsafe_b64encode(data).rstrip(b'=')) == data
assert read('string', repr(data).encode()) == data
assert read('c', ('{%s}' % ','.join(map(hex, data))).encode()) == data
assert read('decimal', ' '.join(map(str, data)).encode()) == data
print('same')
";
    python(script, &[env!("CARGO_BIN_EXE_sockpit")])
        .run()
        .check_code(0)
        .check_stdout("same\n");
}

#[test]
fn what_xxd_prints_is_read() {
    if !need("xxd") {
        return;
    }
    let folder = folder();
    let path = folder.path().join("paste");
    let bytes: Vec<u8> = (0..=255).collect();
    std::fs::write(&path, &bytes).unwrap();
    for (flag, form) in [("-i", "c"), ("-p", "hex"), ("-i", "auto"), ("-p", "auto")] {
        let printed = Program::new("xxd", &[flag, "paste"]).folder(&folder).run();
        sockpit(&["decode", "--from", form, "--to", "raw"])
            .stdin(printed.stdout)
            .run()
            .check_code(0)
            .check_stdout(&bytes);
    }
}

#[test]
fn checksums_are_those_of_python() {
    if !need("python3") {
        return;
    }
    let script = "
import binascii, subprocess, sys, zlib
sockpit = sys.argv[1]
def field(spec, data):
    args = [sockpit, 'encode', '--from', 'raw', '--to', 'hex', '--checksum', spec, '-']
    out = subprocess.run(args, input=data, stdout=subprocess.PIPE, check=True).stdout
    return bytes.fromhex(out.decode())[len(data):]
def modbus(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
for data in [b'', b'a', b'123456789', bytes(range(256)) * 5]:
    assert field('crc32', data) == binascii.crc32(data).to_bytes(4, 'big')
    assert field('crc32:le', data) == binascii.crc32(data).to_bytes(4, 'little')
    assert field('xmodem', data) == binascii.crc_hqx(data, 0).to_bytes(2, 'big')
    assert field('ccitt-false', data) == binascii.crc_hqx(data, 0xFFFF).to_bytes(2, 'big')
    assert field('adler32', data) == zlib.adler32(data).to_bytes(4, 'big')
    assert field('sum8', data) == bytes([sum(data) & 0xFF])
    assert field('lrc', data) == bytes([-sum(data) & 0xFF])
    assert field('modbus', data) == modbus(data).to_bytes(2, 'little')
print('same')
";
    python(script, &[env!("CARGO_BIN_EXE_sockpit")])
        .run()
        .check_code(0)
        .check_stdout("same\n");
}

#[test]
fn a_checksum_is_appended_or_written_in_place() {
    let hex = |spec: &str, data: &str, expected: &str| {
        check_encoded(&["--from", "hex", data, "--checksum", spec], expected);
    };
    hex("modbus", REQUEST, "01 03 00 00 00 0A C5 CD");
    hex("crc16:be", REQUEST, "01 03 00 00 00 0A CD C5");
    hex("sum8,from=2,at=-1", "AA 55 01 02 00", "AA 55 01 02 03");
    encode(&["a", "--checksum", "xor,at=4"])
        .check_code(2)
        .check_stderr(&["`at=4` lies outside a message of 1 bytes"]);
    encode(&["a", "--checksum", "md5"])
        .check_code(2)
        .check_stderr(&["`md5` is no checksum", "`modbus`"]);
}

#[test]
fn a_paste_is_read_whatever_its_form() {
    for paste in [
        "E4 BD A0 E5 A5 BD",
        "e4bda0e5a5bd",
        "0xE4,0xBD,0xA0,0xE5,0xA5,0xBD",
        "char s[] = {0xe4, 0xbd, 0xa0, 0xe5, 0xa5, 0xbd};",
        r#""\xe4\xbd\xa0\xe5\xa5\xbd""#,
        r"\xe4\xbd\xa0\xe5\xa5\xbd",
        "5L2g5aW9",
        "228 189 160 229 165 189",
        "你好",
    ] {
        check_decoded(&[paste], "你好");
    }
}

#[test]
fn bytes_of_another_charset_are_read_and_explained() {
    decode(&["C4", "E3", "BA", "C3"])
        .check_code(0)
        .check_stdout("你好\n")
        .check_stderr(&["not utf-8 at byte 0; as gb18030 it reads `你好`"]);
    decode(&["61 62 63 C4 E3 BA C3"])
        .check_code(0)
        .check_stderr(&["not utf-8 at byte 3; as gb18030 it reads `abc你好`"]);
    check_decoded(&["C4E3BAC3", "--text", "gbk"], "你好");
    decode(&["68 00 69 00"])
        .check_code(0)
        .check_stdout("hi\n")
        .check_stderr(&["as utf-16le"]);
}

#[test]
fn bytes_that_are_no_text_are_named_with_their_places() {
    decode(&["61 FF 62 C4 E3", "--text", "utf-8"])
        .check_code(3)
        .check_stdout("a\u{fffd}b\u{fffd}\u{fffd}\n")
        .check_stderr(&["not utf-8 at byte 1 (FF), 3 (C4), 4 (E3)"]);
    let object = decode(&["61 FF", "--text", "utf-8", "--json"]).check_code(3);
    let object: Value = serde_json::from_str(object.text()).unwrap();
    assert_eq!(object["malformed"][0]["at"], 1);
    assert_eq!(object["hex"], "61 FF");
    assert_eq!(object["valid"], false);
}

#[test]
fn what_is_not_in_the_form_is_an_error_of_usage() {
    let refused = |args: &[&str], part: &str| {
        decode(args).check_code(2).check_stderr(&[part]);
    };
    refused(&["zz", "--from", "hex"], "`z` at column 1");
    refused(&["256", "--from", "decimal"], "`256` at column 1");
    refused(&["a", "--from", "base64"], "base64 of 1 characters");
    refused(
        &["a", "--from", "hexx"],
        "`hexx` is neither one of auto, hex, c, string",
    );
    refused(&["a", "--frame", "gap:1ms"], "a paste has no times");
    encode(&["é", "--text", "gbk", "--from", "hex"]).check_code(2);
    encode(&["☃", "--text", "gbk"])
        .check_code(2)
        .check_stderr(&["cannot be said in gbk"]);
}

#[test]
fn a_paste_is_cut_into_messages() {
    let paste = "05 68 65 6C 6C 6F 01 78";
    check_decoded(&[paste, "--frame", "len:u8"], "hello\nx");
    check_decoded(
        &[paste, "--frame", "len:u8", "--to", "hex"],
        "68 65 6C 6C 6F\n78",
    );
    decode(&["01 78 03 61", "--frame", "len:u8"])
        .check_code(3)
        .check_stdout("x\na\n")
        .check_stderr(&["the message at byte 2 is not whole"]);
    let object = decode(&[paste, "--frame", "len:u8", "--json"]).check_code(0);
    let object: Value = serde_json::from_str(object.text()).unwrap();
    assert_eq!(object["frames"][1]["text"], "x");
    assert_eq!(object["frames"][1]["offset"], 6);
}

#[test]
fn the_checksum_of_a_paste_is_found_and_verified() {
    let paste = "01 03 00 00 00 0A C5 CD";
    for args in [[paste, "--checksum"], ["--checksum", paste]] {
        let found = decode(&args).check_code(0).check_silent();
        assert!(
            found.text().starts_with(
                "the last 2 bytes are CRC-16/MODBUS, little-endian, of the bytes before\n"
            ),
            "{}",
            found.text()
        );
    }
    check_decoded(
        &[paste, "--checksum", "modbus"],
        "CRC-16/MODBUS holds: C5 CD",
    );
    decode(&["--checksum", "modbus", "01 03 00 00 00 0A C5 CE"])
        .check_code(3)
        .check_stderr(&["the message says C5 CE, its bytes give C5 CD"]);
    decode(&["--checksum", "modbsu", paste])
        .check_code(2)
        .check_stderr(&["`modbsu` is no checksum"]);
    let object = decode(&[paste, "--checksum", "--json"]).check_code(0);
    let object: Value = serde_json::from_str(object.text()).unwrap();
    assert_eq!(object["found"][0]["algorithm"], "CRC-16/MODBUS");
}

#[test]
fn a_text_that_went_wrong_is_repaired() {
    decode(&["--repair", "浣犲ソ"])
        .check_code(0)
        .check_stdout("你好\n")
        .check_stderr(&["utf-8 read as gb18030"]);
    decode(&["--repair", "ÄãºÃ"])
        .check_code(0)
        .check_stdout("你好\n")
        .check_stderr(&["gb18030 read as windows-1252"]);
    decode(&["--repair", "锟斤拷锟斤拷"])
        .check_code(3)
        .check_stderr(&["4 characters", "is lost"]);
    decode(&["--repair", "你好"])
        .check_code(3)
        .check_stderr(&["it may be well as it is"]);
    let object = decode(&["--repair", "cafÃ©", "--json"]).check_code(0);
    let object: Value = serde_json::from_str(object.text()).unwrap();
    assert_eq!(object["repairs"][0]["text"], "café");
    assert_eq!(object["repairs"][0]["mistakes"][0]["meant"], "utf-8");
}

/// A Modbus slave that answers a valid request, and hangs up on any other.
const SLAVE: &str = "
import socket
def crc(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, 'little')
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen()
print(server.getsockname()[1])
peer, _ = server.accept()
request = b''
while len(request) < 8:
    request += peer.recv(8 - len(request)) or exit(1)
if crc(request[:-2]) == request[-2:]:
    answer = b'\\x01\\x03\\x02\\x00\\x2a'
    peer.sendall(answer + crc(answer))
peer.close()
";

#[test]
fn a_modbus_slave_takes_a_request_with_its_checksum() {
    if !need("python3") {
        return;
    }
    let slave = python(SLAVE, &[]).start();
    let endpoint = format!("127.0.0.1:{}", slave.printed_port());
    let args = [
        &endpoint,
        "--send-hex",
        REQUEST,
        "--checksum",
        "modbus",
        "--as",
        "hex",
    ];
    connect(&args)
        .run()
        .check_code(0)
        .check_stdout("01 03 02 00 2A 39 9B\n");
    slave.finish().check_code(0);
}

#[test]
fn typed_text_and_piped_lines_get_their_checksum_and_no_end_of_line() {
    let (listener, endpoint) = server();
    let talk = connect(&[&endpoint, "--checksum", "sum8"])
        .stdin("ab\nc\n")
        .start();
    let mut peer = accept(&listener);
    assert_eq!(read_to_end(&mut peer), b"ab\xc3cc");
    drop(peer);
    talk.finish().check_code(0);
}

#[test]
fn a_reply_gets_its_checksum_before_it_is_framed() {
    let server = listen(&[
        "127.0.0.1:0",
        "--reply",
        "fixed:ok",
        "--frame",
        "len:u8",
        "--checksum",
        "xor",
    ]);
    let mut peer = client(server.port());
    peer.write_all(b"\x01a").unwrap();
    assert_eq!(read_exactly(&mut peer, 4), b"\x03ok\x04");
    server.interrupt();
}

#[test]
fn the_plan_shows_the_exact_bytes() {
    let explained = connect(&[
        NOBODY,
        "--send-hex",
        REQUEST,
        "--checksum",
        "modbus",
        "--explain",
    ])
    .run()
    .check_code(0);
    assert!(
        explained
            .text()
            .contains("sends 01 03 00 00 00 0A | C5 CD\n")
    );
    let query = format!("{NOBODY}?checksum=modbus");
    let explained = connect(&[&query, "--explain"]).run().check_code(0);
    assert!(explained.text().contains("CRC-16/MODBUS, little-endian"));
    connect(&[NOBODY, "--exec", "cat", "--checksum", "modbus"])
        .run()
        .check_code(2)
        .check_stderr(&["`--checksum` belongs to messages"]);
}

#[test]
fn text_of_another_charset_is_explained_once_and_changes_no_byte_of_a_pipe() {
    let text = b"\xc4\xe3\xba\xc3\xa3\xac\xca\xc0\xbd\xe7\n";
    let said =
        "not utf-8 at byte 0; as gb18030 it reads `你好，世界`; `--text gb18030` shows it so";
    for (form, expected) in [("text", 1), ("raw", 0)] {
        let (listener, endpoint) = server();
        let talk = connect(&[&endpoint, "--as", form]).hold_stdin().start();
        let mut peer = accept(&listener);
        peer.write_all(text).unwrap();
        talk.wait_for_stdout(b"\n");
        peer.write_all(text).unwrap();
        drop(peer);
        let ended = talk.finish().check_code(0);
        assert_eq!(
            ended.stderr.matches(said).count(),
            expected,
            "{}",
            ended.told()
        );
        if form == "raw" {
            assert_eq!(ended.stdout, [&text[..], text].concat());
        }
    }
}

#[test]
fn the_request_of_the_tests_is_the_one_of_the_specification() {
    let shown = encode(&[
        "--from",
        "hex",
        REQUEST,
        "--checksum",
        "modbus",
        "--to",
        "raw",
    ]);
    shown.check_code(0).check_stdout(CHECKED);
}

#[test]
fn a_paste_may_be_told_by_its_charset() {
    for (from, text) in [("gbk", "你好"), ("big5", "斕疑")] {
        sockpit(&["decode", "--from", from, "C4E3BAC3"])
            .run()
            .check_code(0)
            .check_stdout(format!("{text}\n"));
    }
    sockpit(&["decode", "--from", "klingon", "00"])
        .run()
        .check_code(2)
        .check_stderr(&["klingon", "base64", "charset"]);
}
