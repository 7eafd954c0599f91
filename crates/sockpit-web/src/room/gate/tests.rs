use hyper::header::HOST;

use super::*;

#[test]
fn f3_near_by_only_our_own_names_are_known() {
    for host in [
        "127.0.0.1:7000",
        "192.168.1.5",
        "[::1]:7000",
        "[fe80::1]",
        "localhost:7000",
        "LOCALHOST.:7000",
        "desk",
        "desk.local:7000",
        "room.localhost",
        "chat.example.org:7000",
        "Chat.Example.ORG",
    ] {
        assert_eq!(host_from("127.0.0.1", host), Ok(()), "{host}");
    }
    for host in [
        "evil.example:7000",
        "chat.example.org.evil.example",
        "127.0.0.1.evil.example",
        "local",
        ".local",
        "xlocal.x",
    ] {
        let wanted = if host == "local" || host == ".local" {
            Ok(())
        } else {
            Err(Refusal::OtherHost)
        };
        for peer in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "169.254.1.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(host_from(peer, host), wanted, "{host} for {peer}");
        }
    }
}

#[test]
fn from_the_internet_every_name_is_good() {
    for peer in ["203.0.113.5", "2001:db8::5"] {
        assert_eq!(host_from(peer, "some.example:7000"), Ok(()));
    }
}

#[test]
fn what_is_no_host_is_refused() {
    for host in ["", ":7000", "a:b", "a:70000", "[::1", "[::1]7000", "a:1:2"] {
        assert_eq!(
            host_from("203.0.113.5", host),
            Err(Refusal::NoHost),
            "{host}"
        );
    }
    let gate = Gate::new(Vec::new());
    let mut headers = HeaderMap::new();
    assert_eq!(gate.of(None).check_host(&headers), Err(Refusal::NoHost));
    headers.append(HOST, HeaderValue::from_static("a"));
    headers.append(HOST, HeaderValue::from_static("b"));
    assert_eq!(gate.of(None).check_host(&headers), Err(Refusal::NoHost));
}

#[test]
fn f3_an_origin_is_our_own_with_its_port_or_absent() {
    for (host, origin, is_ours) in [
        ("localhost:7000", None, true),
        ("localhost:7000", Some("http://localhost:7000"), true),
        ("localhost:7000", Some("https://localhost:7000"), true),
        ("LOCALHOST:7000", Some("http://localhost:7000"), true),
        ("room.example", Some("https://room.example"), true),
        ("[::1]:7000", Some("http://[::1]:7000"), true),
        ("localhost:7000", Some("null"), false),
        ("localhost:7000", Some(""), false),
        ("localhost:7000", Some("localhost:7000"), false),
        ("localhost:7000", Some("file://"), false),
        ("localhost:7000", Some("http://localhost:7001"), false),
        ("localhost:7000", Some("http://localhost"), false),
        ("localhost", Some("http://localhost:7000"), false),
        ("localhost:7000", Some("http://127.0.0.1:7000"), false),
        (
            "localhost:7000",
            Some("http://localhost:7000.evil.example"),
            false,
        ),
        ("localhost:7000", Some("http://evil.example"), false),
        ("localhost:7000", Some("http://a@localhost:7000"), false),
        ("localhost:7000", Some("chrome-extension://abc"), false),
    ] {
        let mut headers = headers(host);
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let gate = Gate::new(Vec::new());
        let wanted = if is_ours {
            Ok(())
        } else {
            Err(Refusal::OtherOrigin)
        };
        assert_eq!(
            gate.of(None).check_origin(&headers),
            wanted,
            "{host} {origin:?}"
        );
    }
}

#[test]
fn f3_a_browser_that_says_it_is_another_site_is_believed() {
    for (site, is_ours) in [
        ("same-origin", true),
        ("none", true),
        ("same-site", false),
        ("cross-site", false),
    ] {
        let mut headers = headers("localhost:7000");
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_static(site));
        let gate = Gate::new(Vec::new());
        assert_eq!(
            gate.of(None).check_origin(&headers).is_ok(),
            is_ours,
            "{site}"
        );
    }
}

fn headers(host: &str) -> HeaderMap {
    let host = HeaderValue::from_str(host).unwrap();
    HeaderMap::from_iter([(HOST, host)])
}

fn host_from(peer: &str, host: &str) -> Result<(), Refusal> {
    let gate = Gate::new(vec!["chat.example.org".to_owned()]);
    gate.of(Some(peer.parse().unwrap()))
        .check_host(&headers(host))
}
