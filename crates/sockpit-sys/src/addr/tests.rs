use super::*;

fn round_trip(addr: &PeerAddr) {
    let raw = RawAddr::new(addr).unwrap();
    assert_eq!(raw.decode(raw.len()).as_ref(), Some(addr));
}

#[test]
fn every_address_comes_back() {
    round_trip(&PeerAddr::Inet("192.0.2.1:7000".parse().unwrap()));
    round_trip(&PeerAddr::Inet("[2001:db8::1]:65535".parse().unwrap()));
    let link_local = SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0x1234, 7);
    round_trip(&PeerAddr::Inet(link_local.into()));
    round_trip(&PeerAddr::Path(Path::new("/run/a.sock").into()));
    round_trip(&PeerAddr::Path(Path::new(&"p".repeat(107)).into()));
    round_trip(&PeerAddr::Abstract((*b"name\0with zeros\0").into()));
    round_trip(&PeerAddr::Abstract((*b"").into()));
    round_trip(&PeerAddr::Abstract("n".repeat(107).as_bytes().into()));
}

#[test]
fn names_that_do_not_fit_are_refused() {
    for addr in [
        PeerAddr::Path(Path::new("").into()),
        PeerAddr::Path(Path::new("a\0b").into()),
        PeerAddr::Path(Path::new(&"p".repeat(108)).into()),
        PeerAddr::Abstract("n".repeat(108).as_bytes().into()),
        PeerAddr::Unnamed,
    ] {
        let error = RawAddr::new(&addr)
            .err()
            .expect("the address must be refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{addr:?}");
    }
}

#[test]
fn an_address_without_bytes_is_unnamed() {
    assert_eq!(RawAddr::EMPTY.decode(0), Some(PeerAddr::Unnamed));
    let raw = RawAddr::new(&PeerAddr::Path(Path::new("/x").into())).unwrap();
    assert_eq!(raw.decode(2), Some(PeerAddr::Unnamed));
}

#[test]
fn an_unknown_family_is_none() {
    assert_eq!(RawAddr::EMPTY.decode(RawAddr::ROOM), None);
    let raw = RawAddr::new(&PeerAddr::Inet("192.0.2.1:7000".parse().unwrap())).unwrap();
    assert_eq!(raw.decode(8), None);
}
