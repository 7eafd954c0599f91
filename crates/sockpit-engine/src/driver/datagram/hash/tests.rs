use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use sockpit_sys::datagram::PeerAddr;

use super::*;

/// Addresses as they come in a network: neighbours, and ports one after the other.
fn addrs() -> impl Iterator<Item = PeerAddr> {
    (0..64u16).flat_map(|host| {
        (0..64u16).flat_map(move |port| {
            let v4 = Ipv4Addr::new(10, 0, host as u8, 1);
            let v6 = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, host, 1);
            let inet = [
                SocketAddr::from((v4, 1024 + port)),
                SocketAddr::from((v6, 1024 + port)),
            ];
            let name = format!("name {host} {port}")
                .into_bytes()
                .into_boxed_slice();
            inet.map(PeerAddr::from)
                .into_iter()
                .chain([PeerAddr::Abstract(name)])
        })
    })
}

#[test]
fn an_address_has_one_hash_and_two_addresses_have_two() {
    let keyed = Keyed::default();
    let hashes: BTreeSet<u64> = addrs().map(|addr| keyed.hash_one(addr)).collect();
    assert_eq!(hashes.len(), addrs().count());
    for addr in addrs().take(100) {
        assert_eq!(keyed.hash_one(&addr), keyed.hash_one(addr.clone()));
    }
}

#[test]
fn both_ends_of_a_hash_are_spread() {
    let keyed = Keyed::default();
    let mut low = [0; 256];
    let mut high = [0; 128];
    for addr in addrs() {
        let hash = keyed.hash_one(addr);
        low[(hash % 256) as usize] += 1;
        high[(hash >> 57) as usize] += 1;
    }
    // 12,288 of them: 48 and 96 in each place, were they even.
    assert!(low.iter().all(|count| (8..160).contains(count)), "{low:?}");
    assert!(
        high.iter().all(|count| (24..250).contains(count)),
        "{high:?}"
    );
}

#[test]
fn every_map_hashes_by_numbers_of_its_own() {
    let addr: PeerAddr = SocketAddr::from(([127, 0, 0, 1], 7)).into();
    assert_ne!(
        Keyed::default().hash_one(&addr),
        Keyed::default().hash_one(&addr)
    );
}

#[test]
fn what_ends_in_zeros_is_not_what_ends_before_them() {
    let keyed = Keyed::default();
    let name = |bytes: &[u8]| keyed.hash_one(PeerAddr::Abstract(bytes.into()));
    assert_ne!(name(b"a"), name(b"a\0"));
    assert_ne!(name(b"a"), name(b"a\0\0\0\0\0\0\0\0"));
}
