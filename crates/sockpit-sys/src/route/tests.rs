use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

#[test]
fn the_loopback_interface_is_there_with_its_addresses() {
    let links = links().unwrap();
    let lo = links.iter().find(|link| link.is_loopback).unwrap();
    assert_eq!((lo.name.as_str(), lo.is_up), ("lo", true));
    assert!(lo.mtu > 1500 && lo.mac.is_empty());
    let own = addresses().unwrap();
    let lo_v4 = own
        .iter()
        .find(|own| own.ip == Ipv4Addr::LOCALHOST)
        .unwrap();
    assert_eq!((lo_v4.index, lo_v4.prefix), (lo.index, 8));
}

#[test]
fn the_way_to_this_machine_stays_on_it() {
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let Ok(route) = route_to(ip, 0) else {
            assert!(ip.is_ipv6(), "every machine has 127.0.0.1");
            continue;
        };
        assert_eq!((route.fate, route.gateway), (Fate::Local, None));
        assert_eq!(route.source, Some(ip));
    }
}

#[test]
fn the_ways_out_have_interfaces() {
    let links = links().unwrap();
    for route in default_routes().unwrap() {
        assert!(
            links.iter().any(|link| Some(link.index) == route.index),
            "{route:?}"
        );
    }
}

#[test]
fn b1_answers_cut_anywhere_are_read_as_far_as_they_go() {
    let mut link = vec![0; 16];
    link[4] = 7;
    link[8] = libc::IFF_UP as u8;
    link.extend(attribute(libc::IFLA_IFNAME, b"eth0\0"));
    link.extend(attribute(libc::IFLA_MTU, &1500u32.to_ne_bytes()));
    let whole = parse_link(&link).unwrap();
    assert_eq!(
        (whole.index, whole.name.as_str(), whole.mtu),
        (7, "eth0", 1500)
    );
    let mut route = route_request(libc::AF_INET as u8).to_vec();
    route[7] = libc::RTN_UNICAST;
    route.extend(attribute(libc::RTA_GATEWAY, &[192, 0, 2, 1]));
    route.extend(attribute(libc::RTA_MULTIPATH, &[255, 255, 0]));
    assert_eq!(parse_route(&route), None);
    let cut = parse_route(&route[..20]).unwrap();
    assert_eq!(cut.gateway, Some(Ipv4Addr::new(192, 0, 2, 1).into()));
    for len in 0..link.len() {
        let _ = parse_link(&link[..len]);
        let _ = parse_address(&link[..len]);
        let _ = parse_route(&link[..len]);
    }
}
