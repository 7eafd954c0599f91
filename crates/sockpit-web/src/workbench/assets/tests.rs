use super::find;

#[test]
fn the_entrance_is_there_once() {
    let page = find("/").unwrap();
    assert_eq!(page.content_type, "text/html; charset=utf-8");
    assert!(!page.is_named_by_content);
    assert!(find("/index.html").is_none());
}

#[test]
fn f5_no_path_leads_out_of_the_page() {
    for path in [
        "",
        "x",
        "//",
        "/../Cargo.toml",
        "/assets/../index.html",
        "/./index.html",
        "/%2e",
    ] {
        assert!(find(path).is_none(), "{path}");
    }
}

#[test]
fn every_file_of_the_page_has_a_sort() {
    for name in <super::Dist as rust_embed::RustEmbed>::iter() {
        assert!(super::content_type(&name).is_some(), "{name}");
    }
}
