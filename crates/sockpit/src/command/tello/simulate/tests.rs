use super::*;

fn at(text: &str, index: u32) -> Option<String> {
    let first = parse_bind(text).unwrap();
    place(first, index).ok().map(|addr| addr.to_string())
}

#[test]
fn on_loopback_each_drone_has_the_next_address() {
    assert_eq!(at("127.0.0.1:8889", 2).unwrap(), "127.0.0.3:8889");
    assert_eq!(at("127.0.0.255:1", 1).unwrap(), "127.0.1.0:1");
    assert_eq!(at("127.255.255.255:1", 1), None);
}

#[test]
fn elsewhere_each_drone_has_the_next_port() {
    assert_eq!(at("0.0.0.0:8889", 2).unwrap(), "0.0.0.0:8891");
    assert_eq!(at("[::1]:8889", 1).unwrap(), "[::1]:8890");
    assert_eq!(at("0.0.0.0:0", 5).unwrap(), "0.0.0.0:0");
    assert_eq!(at("0.0.0.0:65535", 1), None);
}

#[test]
fn an_address_needs_no_port() {
    assert_eq!(at("127.0.0.2", 0).unwrap(), "127.0.0.2:8889");
    assert!(parse_bind("drone").is_err());
    assert!(parse_bind(":8889").is_err());
}
