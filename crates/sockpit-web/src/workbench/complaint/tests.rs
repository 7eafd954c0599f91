use serde_json::json;
use sockpit_core::strings::{Catalogue, Language};

use super::Complaint;

#[test]
fn a_place_is_counted_as_pages_count() {
    let text = "a😀温b";
    let place = text.find('b').unwrap();
    let complaint = Complaint::new("no").at_bytes(text, place..text.len());
    let told = complaint.told(&Catalogue::new(Language::English));
    assert_eq!(told, json!({ "message": "no", "at": [4, 5] }));
}

#[test]
fn a_place_behind_the_text_is_its_end() {
    let told = Complaint::new("no")
        .at_bytes("ab", 1..9)
        .hint("h")
        .field("f");
    let told = told.told(&Catalogue::new(Language::English));
    assert_eq!(
        told,
        json!({ "message": "no", "hint": "h", "field": "f", "at": [1, 2] })
    );
}

#[test]
fn what_is_told_is_in_the_language_of_the_page() {
    let told = Complaint::unknown("a.b").told(&Catalogue::new(Language::Chinese));
    assert_eq!(told["message"], "没有 `a.b` 这个调用");
}
