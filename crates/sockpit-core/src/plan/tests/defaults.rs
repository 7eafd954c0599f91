//! The defaults that fill options up.

use super::*;

#[test]
fn an_end_of_line_is_for_raw_streams() {
    for endpoint in ["tcp://h:1", "unix:///s", "unix:@s", "tcp://h:1?frame=raw"] {
        assert_eq!(client(endpoint).eol, Eol::Lf, "{endpoint}");
        assert_eq!(server(endpoint).eol, Eol::Lf, "{endpoint}");
    }
    for endpoint in [
        "udp://h:1",
        "unixgram:///s",
        "tcp://h:1?frame=lines",
        "udp://h:1?frame=lines",
    ] {
        assert_eq!(client(endpoint).eol, Eol::None, "{endpoint}");
    }
    assert_eq!(client("udp://h:1?eol=lf").eol, Eol::Lf);
}

#[test]
fn only_datagram_listeners_forget_silent_peers_by_default() {
    assert_eq!(server("udp://h:1").idle, Some(Duration::from_secs(60)));
    assert_eq!(server("unixgram:///s").idle, Some(Duration::from_secs(60)));
    assert_eq!(
        server("udp://h:1?idle=5m").idle,
        Some(Duration::from_secs(300))
    );
    assert_eq!(client("udp://h:1").idle, None);
    assert_eq!(client("tcp://h:1").idle, None);
    assert_eq!(server("tcp://h:1").idle, None);
}

#[test]
fn the_rest_of_the_defaults_follows_from_the_shape() {
    let stream = client("tcp://h:1");
    assert_eq!(stream.read_size.get(), 256 * 1024);
    assert_eq!(stream.max_peers, None);
    let datagram = client("udp://h:1");
    assert_eq!(datagram.read_size.get(), 65_536);
    assert_eq!(datagram.max_peers, Some(65_536));
    for plan in [stream, datagram] {
        assert_eq!(plan.framing, Framing::Raw);
        assert_eq!(plan.text, Some(Charset::UTF_8));
        assert_eq!(plan.text_out, Charset::UTF_8);
        assert_eq!(plan.max_frame, 16 * 1024 * 1024);
        assert_eq!(plan.timeout, Duration::from_secs(10));
        assert_eq!(plan.wait, Duration::from_secs(1));
        assert_eq!(plan.linger, None);
        assert_eq!(plan.warn_size, None);
        assert!(!plan.once);
        assert!(plan.rules.is_none() && plan.script.is_empty());
        let socket = &plan.socket;
        assert!(socket.nodelay && !socket.broadcast && !socket.reuseport);
        assert_eq!(socket.multicast, None);
        assert_eq!(socket.family, None);
    }
}

#[test]
fn what_goes_out_is_in_the_charset_of_what_comes_in_unless_told_otherwise() {
    let gbk: Charset = "gbk".parse().unwrap();
    assert_eq!(client("tcp://h:1?text=gbk").text_out, gbk);
    let plan = client("tcp://h:1?text-out=gbk");
    assert_eq!((plan.text, plan.text_out), (Some(Charset::UTF_8), gbk));
    let plan = client("tcp://h:1?text=none");
    assert_eq!((plan.text, plan.text_out), (None, Charset::UTF_8));
    assert_eq!("None".parse(), Ok(TextChoice(None)));
}

#[test]
fn a_raw_stream_is_a_stream_without_framing() {
    assert!(client("tcp://h:1").is_raw_stream());
    assert!(!client("tcp://h:1?frame=lines").is_raw_stream());
    assert!(!client("udp://h:1").is_raw_stream());
}

#[test]
fn the_longest_datagram_depends_on_the_family() {
    assert_eq!(client("udp://127.0.0.1:1").max_datagram(), Some(65_507));
    assert_eq!(client("udp://[::1]:1").max_datagram(), Some(65_527));
    assert_eq!(client("udp://[fe80::1%lo]:1").max_datagram(), Some(65_527));
    // A name may be of either family; the system has the last word.
    assert_eq!(client("udp://localhost:1").max_datagram(), Some(65_527));
    assert_eq!(
        client("udp://localhost:1?family=4").max_datagram(),
        Some(65_507)
    );
    assert_eq!(client("unixgram:///s").max_datagram(), None);
    assert_eq!(client("tcp://127.0.0.1:1").max_datagram(), None);
}
