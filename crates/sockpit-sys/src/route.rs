//! This machine's interfaces, their addresses, and the ways out of it: rtnetlink(7).

use std::io;
use std::net::IpAddr;

use crate::netlink::{
    self, Family, Request, attribute, attributes, family_of, ip_of, octets, u8_at, u16_at, u32_at,
};

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name, which may be any bytes but `/` and white space.
    pub name: String,
    /// What kind of hardware it is, by the numbers of ARP (`ARPHRD_`): 1 Ethernet, 772 a loopback.
    pub hardware: u16,
    /// The largest packet in bytes that it carries.
    pub mtu: u32,
    /// Its hardware's address, as many bytes as that has; empty where there is none.
    pub mac: Vec<u8>,
    /// Whether it was switched on.
    pub is_up: bool,
    /// Whether it can carry packets: its cable is in, its radio has found a station.
    pub is_running: bool,
    /// Whether what is sent comes back to this machine.
    pub is_loopback: bool,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The number of the interface.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it are the network's.
    pub prefix: u8,
    /// Whether the kernel still finds out if somebody else has it, or has found that out: it cannot
    /// be used.
    pub is_tentative: bool,
}

/// The way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What becomes of the packets.
    pub fate: Fate,
    /// Whether it is one for IPv6; otherwise it is for IPv4.
    pub is_v6: bool,
    /// The number of the interface by which they leave.
    pub index: Option<u32>,
    /// The router that gets them; `None` where the address is on the interface's own network.
    pub gateway: Option<IpAddr>,
    /// Our own address that the system would send from.
    pub source: Option<IpAddr>,
    /// The lower, the sooner a route is taken.
    pub metric: u32,
}

/// What becomes of packets on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// They are sent.
    Sent,
    /// They stay on this machine, whose address it is.
    Local,
    /// They go to all of a network, or to a group.
    Many,
    /// A rule of this machine drops or refuses them.
    Refused,
}

/// All interfaces, in the order of their numbers.
///
/// # Errors
///
/// What the kernel says.
pub fn links() -> io::Result<Vec<Link>> {
    let mut links = Vec::new();
    // `struct ifinfomsg`: family 1 | pad 1 | type 2 | index 4 | flags 4 | change 4
    netlink::ask(
        Family::Route,
        Request::All(libc::RTM_GETLINK),
        &[0; 16],
        |kind, body| {
            if kind == libc::RTM_NEWLINK {
                links.extend(parse_link(body));
            }
        },
    )?;
    links.sort_by_key(|link: &Link| link.index);
    Ok(links)
}

/// All addresses of all interfaces.
///
/// # Errors
///
/// What the kernel says.
pub fn addresses() -> io::Result<Vec<Address>> {
    let mut addresses = Vec::new();
    // `struct ifaddrmsg`: family 1 | prefix 1 | flags 1 | scope 1 | index 4
    netlink::ask(
        Family::Route,
        Request::All(libc::RTM_GETADDR),
        &[0; 8],
        |kind, body| {
            if kind == libc::RTM_NEWADDR {
                addresses.extend(parse_address(body));
            }
        },
    )?;
    Ok(addresses)
}

/// The way that a packet to `to` would take, by the interface of that number if it is not 0.
///
/// # Errors
///
/// `NetworkUnreachable` and its like where there is none.
pub fn route_to(to: IpAddr, interface: u32) -> io::Result<Route> {
    let family = family_of(to);
    let mut body = route_request(family);
    body[1] = if to.is_ipv4() { 32 } else { 128 };
    let mut body = body.to_vec();
    body.extend(attribute(libc::RTA_DST, &octets(to)));
    if interface != 0 {
        body.extend(attribute(libc::RTA_OIF, &interface.to_ne_bytes()));
    }
    let mut found = None;
    netlink::ask(
        Family::Route,
        Request::One(libc::RTM_GETROUTE),
        &body,
        |kind, body| {
            if kind == libc::RTM_NEWROUTE {
                found = parse_route(body);
            }
        },
    )?;
    found.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The routes that packets take for which there is no better one, the preferred first.
///
/// # Errors
///
/// What the kernel says.
pub fn default_routes() -> io::Result<Vec<Route>> {
    let mut routes = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let body = route_request(family as u8);
        netlink::ask(
            Family::Route,
            Request::All(libc::RTM_GETROUTE),
            &body,
            |kind, body| {
                // The table for all is the main one; `lo` has a route of its own that refuses all.
                let is_default = u8_at(body, 1) == Some(0) && u8_at(body, 4) == Some(MAIN_TABLE);
                if kind == libc::RTM_NEWROUTE && is_default {
                    routes.extend(parse_route(body).filter(|route| route.fate == Fate::Sent));
                }
            },
        )?;
    }
    routes
        .sort_by_key(|route: &Route| (route.gateway.is_some_and(|ip| ip.is_ipv6()), route.metric));
    Ok(routes)
}

/// `struct rtmsg`:
///
/// ```text
///  0  family 1 | to's prefix 1 | from's prefix 1 | tos 1 | table 1 | protocol 1 | scope 1 | type 1
///  8  flags 4 | attributes …
/// ```
fn route_request(family: u8) -> [u8; 12] {
    let mut request = [0; 12];
    request[0] = family;
    request
}

fn parse_link(body: &[u8]) -> Option<Link> {
    let flags = u32_at(body, 8)?.cast_signed();
    let mut link = Link {
        index: u32_at(body, 4)?,
        name: String::new(),
        hardware: u16_at(body, 2)?,
        mtu: 0,
        mac: Vec::new(),
        is_up: flags & libc::IFF_UP != 0,
        is_running: flags & libc::IFF_RUNNING != 0,
        is_loopback: flags & libc::IFF_LOOPBACK != 0,
    };
    for (kind, value) in attributes(body.get(16..)?) {
        match kind {
            libc::IFLA_IFNAME => {
                let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                link.name = String::from_utf8_lossy(name).into_owned();
            }
            libc::IFLA_MTU => link.mtu = u32_at(value, 0)?,
            // Where there is no hardware the address is zero.
            libc::IFLA_ADDRESS if value.iter().any(|&byte| byte != 0) => link.mac = value.to_vec(),
            _ => {}
        }
    }
    Some(link)
}

fn parse_address(body: &[u8]) -> Option<Address> {
    let family = u8_at(body, 0)?;
    let (mut own, mut other) = (None, None);
    let mut flags = u32::from(u8_at(body, 2)?);
    for (kind, value) in attributes(body.get(8..)?) {
        match kind {
            // On a line between two, the other attribute is the address of the far end.
            libc::IFA_LOCAL => own = ip_of(family, value),
            libc::IFA_ADDRESS => other = ip_of(family, value),
            IFA_FLAGS => flags = u32_at(value, 0)?,
            _ => {}
        }
    }
    Some(Address {
        index: u32_at(body, 4)?,
        ip: own.or(other)?,
        prefix: u8_at(body, 1)?,
        is_tentative: flags & (libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED) != 0,
    })
}

fn parse_route(body: &[u8]) -> Option<Route> {
    let family = u8_at(body, 0)?;
    let fate = match u8_at(body, 7)? {
        libc::RTN_UNICAST => Fate::Sent,
        libc::RTN_LOCAL => Fate::Local,
        libc::RTN_BROADCAST | libc::RTN_ANYCAST | libc::RTN_MULTICAST => Fate::Many,
        _ => Fate::Refused,
    };
    let mut route = Route {
        fate,
        is_v6: libc::c_int::from(family) == libc::AF_INET6,
        index: None,
        gateway: None,
        source: None,
        metric: 0,
    };
    for (kind, value) in attributes(body.get(12..)?) {
        match kind {
            libc::RTA_OIF => route.index = u32_at(value, 0),
            libc::RTA_GATEWAY => route.gateway = ip_of(family, value),
            libc::RTA_PREFSRC => route.source = ip_of(family, value),
            libc::RTA_PRIORITY => route.metric = u32_at(value, 0)?,
            // A router of the other family: family 2 | address.
            libc::RTA_VIA => {
                let family = u8::try_from(u16_at(value, 0)?).ok()?;
                route.gateway = ip_of(family, value.get(2..)?);
            }
            // Several ways at once: `struct rtnexthop` (length 2 | flags 1 | hops 1 | index 4) and
            // its attributes, of which the first is shown.
            libc::RTA_MULTIPATH => {
                let len = usize::from(u16_at(value, 0)?);
                route.index = u32_at(value, 4);
                for (kind, value) in attributes(value.get(8..len)?) {
                    if kind == libc::RTA_GATEWAY {
                        route.gateway = ip_of(family, value);
                    }
                }
            }
            _ => {}
        }
    }
    Some(route)
}

/// `RT_TABLE_MAIN`.
const MAIN_TABLE: u8 = 254;

/// `IFA_FLAGS`: all flags, of which the header holds the lowest eight.
const IFA_FLAGS: u16 = 8;

#[cfg(test)]
mod tests;
