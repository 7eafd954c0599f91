use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{Address, Endpoint, Host, Transport};

/// Asserts that `text` parses, and to what its canonical form is.
#[track_caller]
fn check(text: &str, canonical: &str) {
    let endpoint: Endpoint = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(endpoint.to_string(), canonical, "from {text:?}");
    assert_eq!(
        canonical.parse(),
        Ok(endpoint),
        "{canonical:?} is not canonical"
    );
}

/// Asserts that `text` is refused with a message that holds `part`.
#[track_caller]
fn check_mistake(text: &str, part: &str) {
    let message = match text.parse::<Endpoint>() {
        Ok(endpoint) => panic!("{text:?} parsed to {endpoint:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.contains(part), "{message}");
    assert!(!message.ends_with('.'), "{message}");
    assert!(!message.contains("  "), "{message}");
}

#[track_caller]
fn check_words(words: &[&str], expected: Result<&str, &str>) {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    match (Endpoint::from_words(&words), expected) {
        (Ok(endpoint), Ok(canonical)) => assert_eq!(endpoint.to_string(), canonical),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (found, _) => panic!("{words:?} gave {found:?}"),
    }
}

#[test]
fn urls_are_canonical() {
    for url in [
        "tcp://localhost:7000",
        "tcp://127.0.0.1:0",
        "tcp://:7000",
        "tcp://[::1]:7000",
        "tcp://[fe80::1%eth0]:80",
        "tcp://[fe80::1%2]:80",
        "tcp://example.com.:65535",
        "tcp://my_host-1:80",
        "tcp://主机.example:80",
        "udp://239.0.0.1:5000",
        "unix:///run/a.sock",
        "unix:rel/a.sock",
        "unix:./a,b.sock",
        "unix:@name",
        "unixgram:///run/a.sock",
        "unixgram:@name",
        "tcp://h:1?frame=lines&text=gbk&bind=127.0.0.1:7853&nodelay",
    ] {
        check(url, url);
    }
}

#[test]
fn a_host_and_a_port_alone_mean_tcp() {
    check("localhost:7000", "tcp://localhost:7000");
    check("127.0.0.1:7000", "tcp://127.0.0.1:7000");
    check(":7000", "tcp://:7000");
    check("7000", "tcp://:7000");
    check("*:7000", "tcp://:7000");
    check("[::1]:7000", "tcp://[::1]:7000");
    check("  h:07000\n", "tcp://h:7000");
    check("h:80?nodelay=1", "tcp://h:80?nodelay=1");
}

#[test]
fn a_host_may_be_called_like_a_scheme_of_the_future() {
    check("ws:80", "tcp://ws:80");
    check("tls:443", "tcp://tls:443");
    check("db:5432", "tcp://db:5432");
}

#[test]
fn urls_are_read_as_they_are_pasted() {
    check("TCP://Example.com:80", "tcp://Example.com:80");
    check("tcp://h:80/", "tcp://h:80");
    check("tcp://7000", "tcp://:7000");
    check("tcp://*:80?", "tcp://:80");
    check("tcp://h:80?&a=1&&b=2&", "tcp://h:80?a=1&b=2");
    check("tcp://[fe80::1%25eth0]:80", "tcp://[fe80::1%eth0]:80");
    check("tcp://[0:0::1]:80", "tcp://[::1]:80");
    check("unix:/run/a.sock", "unix:///run/a.sock");
    check("unix://@name", "unix:@name");
    check("unix:///a%20b%3Fc", "unix:///a%20b%3Fc");
    check("unix:/a b", "unix:///a%20b");
    check("unix:%40file", "unix:%40file");
}

#[test]
fn socats_addresses_are_understood() {
    check("tcp:h:80", "tcp://h:80");
    check("TCP:[::1]:80", "tcp://[::1]:80");
    check("TCP-LISTEN:80", "tcp://:80");
    check("tcp-l:80", "tcp://:80");
    check("tcp:80", "tcp://:80");
    check("tcp-connect:h:80", "tcp://h:80");
    check("udp:h:80", "udp://h:80");
    check("UDP-Listen:80", "udp://:80");
    check("udp-recvfrom:80", "udp://:80");
    check("udp-sendto:h:80", "udp://h:80");
    check("tcp4:h:80", "tcp://h:80?family=4");
    check("tcp6-listen:80", "tcp://:80?family=6");
    check("udp6:h:80?a=1", "udp://h:80?family=6&a=1");
    check("unix-connect:/p", "unix:///p");
    check("unix-listen:p", "unix:p");
    check("unix-sendto:/p", "unixgram:///p");
    check("abstract-connect:a b", "unix:@a%20b");
    check("abstract-recv:n", "unixgram:@n");
    for text in [
        "tcp-listen:80,fork,reuseaddr",
        "tcp:h:80,crnl",
        "unix-listen:/p,fork",
    ] {
        check_mistake(text, "socat's options");
    }
}

#[test]
fn the_port_is_asked_for() {
    check_mistake("localhost", "has no port; write `localhost:7000`");
    check_mistake("127.0.0.1", "write `127.0.0.1:7000`");
    check_mistake("tcp://h", "write `h:7000`");
    check_mistake("h:", "write `h:7000`");
    check_mistake(":", "write `localhost:7000`");
    check_mistake("tcp://", "write `localhost:7000`");
    check_mistake("[::1]", "write `[::1]:7000`");
    check_mistake("[::1]:", "write `[::1]:7000`");
}

#[test]
fn a_wrong_port_is_named() {
    check_mistake("h:65536", "has the port 65536, but ports end at 65535");
    check_mistake("99999999999999999999", "ports end at 65535");
    check_mistake("h:http", "has `http` where its port should be");
    check_mistake("h:-1", "has `-1` where its port");
    check_mistake("h:+80", "has `+80` where its port");
    check_mistake("tcp://h:80/path", "goes on with `/path`");
    check_mistake("127.0.0.1/8", "goes on with `/8`");
}

#[test]
fn a_wrong_scheme_is_named() {
    check_mistake("http://h:80", "unknown scheme `http`");
    check_mistake("tpc:h:80", "unknown scheme `tpc`");
    check_mistake("tcp-:80:80", "unknown scheme `tcp-`");
    check_mistake(
        "tls://h:443",
        "needs `tls`, which is not available in this build",
    );
    check_mistake(
        "WSS://h/chat",
        "needs `wss`, which is not available in this build",
    );
    check_mistake("tls:h:443", "not available in this build");
}

#[test]
fn a_wrong_host_is_named() {
    check_mistake("256.0.0.1:80", "`256.0.0.1`, which is not an IPv4 address");
    check_mistake("127.1:80", "not an IPv4 address");
    check_mistake("a b:80", "neither a name nor an address");
    check_mistake("user@h:80", "`user@h`, which is neither");
    check_mistake("a..b:80", "neither a name nor an address");
    check_mistake("tcp://a:b:80", "neither a name nor an address");
    check_mistake("", "`` is not an endpoint");
    check_mistake(" \t", "`` is not an endpoint");
    check_mistake("a\u{1b}[2J:80", "`a\\u{1b}[2J:80`");
}

#[test]
fn brackets_are_explained() {
    check_mistake("::1:80", "without brackets; write `[::1]:80`");
    check_mistake("tcp://::1:80", "write `[::1]:80`");
    check_mistake("fe80::1%eth0:80", "write `[fe80::1%eth0]:80`");
    check_mistake("::1", "write `[::1]:7000`");
    check_mistake("2001:db8::beef", "write `[2001:db8::beef]:7000`");
    check_mistake("[::1:80", "bracket without its other half");
    check_mistake("::1]:80", "bracket without its other half");
    check_mistake("[::1]80", "goes on with `80` after the bracket");
    check_mistake("[]:80", "nothing between its brackets");
    check_mistake(
        "[127.0.0.1]:80",
        "`127.0.0.1` in brackets, which is not an IPv6",
    );
    check_mistake("[fe80::1%]:80", "has the zone ``");
    check_mistake(
        "[fe80::1%sixteenlettersss]:80",
        "not the name of an interface",
    );
}

#[test]
fn a_full_width_character_is_pointed_out() {
    check_mistake(
        "localhost：80",
        "full-width character `：`; type the half-width `:`",
    );
    check_mistake("tcp：//h:80", "type the half-width `:`");
    check_mistake("127。0。0。1:80", "type the half-width `.`");
    check_mistake("h:８０", "type the half-width `8`");
    check("unix:/tmp/a：b", "unix:///tmp/a：b");
}

#[test]
fn a_wrong_path_is_named() {
    check_mistake("/tmp/a.sock", "write `unix:/tmp/a.sock`");
    check_mistake("./a.sock", "write `unix:./a.sock`");
    check_mistake("unix:", "names no path");
    check_mistake("unixgram://", "names no path; write `unixgram:/run/a.sock`");
    check_mistake("unix:@", "names no path");
    check_mistake(
        "unix://run/a.sock",
        "write `unix:/run/a.sock` or `unix:run/a.sock`",
    );
    check_mistake("unix:/a%00b", "NUL");
    check_mistake("unix:/a%2", "has `%2`");
    check_mistake("unix:/a%zz", "has `%zz`");
    check_mistake("unix:/a%éa", "has `%éa`");
    check_mistake("unix:/a%ff", "not UTF-8");
    check_mistake("h:80?=1", "the option `=1` without a name");
    check_mistake("h:80?a=%", "has `%`, but");
}

#[test]
fn a_socket_name_fits_the_system() {
    let longest = format!("/{}", "a".repeat(106));
    check(&format!("unix:{longest}"), &format!("unix://{longest}"));
    check_mistake(&format!("unix:{longest}a"), "has a path of 108 bytes");
    check_mistake(&format!("unix:@{longest}a"), "has a path of 108 bytes");
}

#[test]
fn options_are_decoded_in_order() {
    let endpoint: Endpoint = "h:1?b=1&a=x%26y=z+&a&c=".parse().unwrap();
    let pairs = [("b", "1"), ("a", "x&y=z+"), ("a", ""), ("c", "")];
    assert_eq!(
        endpoint.options,
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn two_words_are_a_host_and_a_port() {
    check_words(&["h", "80"], Ok("tcp://h:80"));
    check_words(&["::1", "80"], Ok("tcp://[::1]:80"));
    check_words(&["fe80::1%eth0", "80"], Ok("tcp://[fe80::1%eth0]:80"));
    check_words(&["udp://h", "80?text=gbk"], Ok("udp://h:80?text=gbk"));
    check_words(&["*", "80"], Ok("tcp://:80"));
    check_words(&["h:80"], Ok("tcp://h:80"));
    check_words(&["h", "http"], Err("not a host and its port"));
    check_words(
        &["h:80", "90"],
        Err("`h:80 90` is two words, but not a host"),
    );
    check_words(&["a", "1", "2"], Err("`a 1 2` is 3 words"));
    check_words(&[], Err("not an endpoint"));
}

#[test]
fn an_endpoint_knows_its_parts() {
    let endpoint: Endpoint = "udp6:[fe80::1%2]:53".parse().unwrap();
    let host = Host::Scoped("fe80::1".parse().unwrap(), "2".to_owned());
    assert_eq!(endpoint.transport, Transport::Udp);
    assert_eq!(endpoint.address, Address::Net { host, port: 53 });
    assert_eq!(endpoint.options, [("family".to_owned(), "6".to_owned())]);
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![
        Just(Host::Any),
        any::<[u8; 4]>().prop_map(|ip| Host::Ip(IpAddr::V4(Ipv4Addr::from(ip)))),
        any::<[u8; 16]>().prop_map(|ip| Host::Ip(IpAddr::V6(Ipv6Addr::from(ip)))),
        (any::<[u8; 16]>(), "[a-z0-9.:@_-]{1,15}|25|25[0-9]{1,4}")
            .prop_map(|(ip, zone)| Host::Scoped(Ipv6Addr::from(ip), zone)),
        "[a-z0-9_-]{0,8}[a-zé口]{1,8}(\\.[a-zA-Z0-9]{1,8}){0,3}".prop_map(Host::Name),
    ]
}

fn any_socket_name() -> impl Strategy<Value = String> {
    "[@/]{0,3}[^\0]{1,24}|[@/?% ]{1,3}"
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    let net = (any_host(), any::<u16>()).prop_map(|(host, port)| Address::Net { host, port });
    let local = prop_oneof![
        any_socket_name().prop_map(Address::Path),
        any_socket_name().prop_map(Address::Abstract)
    ];
    let place = prop_oneof![
        (prop_oneof![Just(Transport::Tcp), Just(Transport::Udp)], net),
        (
            prop_oneof![Just(Transport::Unix), Just(Transport::UnixDatagram)],
            local.boxed()
        ),
    ];
    let options = prop::collection::vec((".{1,8}|[&=?% +]{1,3}", ".{0,8}|[&=?% +]{1,3}"), 0..4);
    (place, options).prop_map(|((transport, address), options)| Endpoint {
        transport,
        address,
        options,
    })
}

proptest! {
    /// Invariant 4.
    #[test]
    fn an_endpoint_survives_being_written(endpoint in any_endpoint()) {
        prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
    }

    #[test]
    fn no_text_panics_and_what_parses_has_a_canonical_form(
        text in ".{0,40}|(tcp|udp6?|unix(gram)?|tls|TCP-L|unix-connect|[a-f0-9]{1,4})?:(//)?\
                 [\\[\\]a-f0-9:.%/@?&=,*：８ ]{0,24}",
    ) {
        if let Ok(endpoint) = text.parse::<Endpoint>() {
            prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }
}
