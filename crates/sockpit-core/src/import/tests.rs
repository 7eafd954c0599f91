use super::{llcom, sscom};
use crate::rule::Rules;

const SSCOM_5: &[u8] = include_bytes!("../../../../testdata/import/sscom51.ini");
const SSCOM_4: &[u8] = include_bytes!("../../../../testdata/import/sscom42.ini");
const SSCOM_3: &[u8] = include_bytes!("../../../../testdata/import/sscom32.ini");

#[test]
fn every_entry_of_sscom_5_becomes_an_item_or_is_told() {
    let import = sscom::read(SSCOM_5).unwrap();
    let golden = include_str!("../../../../testdata/import/sscom51.toml");
    assert_eq!(import.to_toml(), golden);
    let troubles: Vec<_> = import.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        troubles,
        [
            "line 20: entry 6 is left out: `G` at column 4 is no hexadecimal digit; write bytes such as `AA 0D 0A`, `0xAA,0x0D` or `AA0D`",
            "line 22: the note of entry 7: `x` is no place in the round; 0 is taken",
            "line 25: `这一行不对` is no line such as `N1=A,text`",
            "line 26: entry 8 is left out: `Q,what` begins neither with `A,` nor with `H,`",
        ]
    );
}

#[test]
fn sscom_4_has_one_pause_for_all_and_may_end_lines() {
    let import = sscom::read(SSCOM_4).unwrap();
    let golden = include_str!("../../../../testdata/import/sscom42.toml");
    assert_eq!(import.to_toml(), golden);
    assert_eq!(import.troubles, []);
}

#[test]
fn sscom_3_has_no_notes() {
    let import = sscom::read(SSCOM_3).unwrap();
    let items = &import.rules.lists()[0].items;
    let names: Vec<_> = items.iter().map(|item| item.name.as_deref()).collect();
    assert_eq!(names, [Some("1"), Some("2")]);
    assert_eq!(import.troubles, []);
}

#[test]
fn what_is_imported_reads_back_as_the_same_rules() {
    for bytes in [SSCOM_5, SSCOM_4, SSCOM_3] {
        let import = sscom::read(bytes).unwrap();
        let read = Rules::parse(&import.to_toml(), "rules.toml").unwrap();
        assert_eq!(read, import.rules);
    }
}

#[test]
fn a_file_without_entries_is_no_list() {
    for bytes in [
        &b""[..],
        b"[Pack]\nname=x\n",
        b"N33=,20\n",
        &[0xFF; 100],
        b"N0=A,x",
    ] {
        assert!(sscom::read(bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_round_without_pauses_still_takes_a_millisecond() {
    let import = sscom::read(b"N101=1,a,0\nN1=A,x\nN1057=,N\n").unwrap();
    assert!(Rules::parse(&import.to_toml(), "rules.toml").is_ok());
}

#[test]
fn every_page_of_llcom_becomes_a_list() {
    let file = r#"{"extraEnter": false, "quickListName0": "模块", "quickListName1": "模块",
        "quickSendList": [
            [{"id": 1, "text": "AT", "hex": false, "commit": "发送"},
             {"id": 2, "text": "AA BB $", "hex": true, "commit": "坏"},
             {"id": 3, "text": "AA BB", "hex": true, "commit": "好"},
             {"id": 4, "text": "", "hex": false, "commit": null}, 7],
            [], [{"text": "$1"}], [{"text": "x"}]]}"#;
    let import = super::read(file.as_bytes()).unwrap();
    let troubles: Vec<_> = import.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(troubles.len(), 2, "{troubles:?}");
    assert!(troubles[0].starts_with("page 1, entry 2: it is left out: `$` at column 7"));
    assert_eq!(
        troubles[1],
        "page 1, entry 5: it is left out: it has no `text`"
    );
    let read = Rules::parse(&import.to_toml(), "rules.toml").unwrap();
    assert_eq!(read, import.rules);
    let names: Vec<_> = read.lists().iter().map(|list| list.name.as_str()).collect();
    assert_eq!(names, ["模块", "llcom", "llcom 2"]);
    let named: Vec<_> = read.lists()[0]
        .items
        .iter()
        .map(|item| (item.name.as_deref(), item.payload.to_string()))
        .collect();
    assert_eq!(
        named,
        [
            (Some("1"), "AT".to_owned()),
            (Some("好"), "AA BB".to_owned())
        ]
    );
    assert!(llcom::read(br#"[{"text": "AT", "hex": false}]"#).is_ok());
    for other in ["{}", "[]", "3", "", r#"{"quickSendList": [[]]}"#] {
        assert!(super::read(other.as_bytes()).is_err(), "{other}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_in_a_file_makes_the_reader_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let mut file = b"N1=A,text\n".to_vec();
        file.extend(bytes);
        if let Ok(import) = sscom::read(&file)
            && !import.rules.lists().is_empty()
        {
            proptest::prop_assert!(Rules::parse(&import.to_toml(), "rules.toml").is_ok());
        }
    }
}

#[test]
fn bytes_that_are_no_gbk_are_told_and_not_spoilt() {
    let file = b"N1=A,fine\r\nN3=A,\xff\xfe\x81\r\n";
    let import = sscom::read(file).unwrap();
    let troubles: Vec<_> = import.troubles.iter().map(ToString::to_string).collect();
    assert_eq!(
        troubles,
        ["line 2: entry 3 is left out: it holds bytes that are no GBK; write them in hex"]
    );
    assert!(!import.to_toml().contains('\u{fffd}'));
}
