//! This machine's interfaces, their addresses and groups, and the ways out of it.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockpit_sys::route;

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name; escape it before it is shown.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// The largest packet in bytes that it carries.
    pub mtu: u32,
    /// The address of its hardware, such as `52:54:00:12:34:56`; `None` where it has none.
    pub mac: Option<String>,
    /// Whether it can be used.
    pub state: LinkState,
    /// Whether what is sent comes back to this machine.
    pub is_loopback: bool,
    /// Its addresses, and how many bits of each are the network's.
    pub addresses: Vec<(IpAddr, u8)>,
    /// The multicast groups that something of this machine takes part in there.
    pub groups: Vec<IpAddr>,
}

/// Whether an interface can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// It carries packets.
    Up,
    /// It is switched on, and carries none: no cable, no station.
    NoCarrier,
    /// It is switched off.
    Down,
}

impl LinkState {
    /// Its word.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::NoCarrier => "no carrier",
            Self::Down => "down",
        }
    }
}

/// A way that packets take for which there is no better one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoute {
    /// Whether it is one for IPv6; otherwise it is for IPv4.
    pub is_v6: bool,
    /// The router; `None` on a line between two.
    pub gateway: Option<IpAddr>,
    /// The interface's name.
    pub interface: String,
    /// The lower, the sooner the route is taken.
    pub metric: u32,
}

/// The interfaces, the loopback ones last.
///
/// # Errors
///
/// What the system says.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let addresses = route::addresses()?;
    let groups = groups();
    let describe = |link: route::Link| Interface {
        index: link.index,
        mtu: link.mtu,
        mac: mac_text(&link.mac),
        state: match (link.is_up, link.is_running) {
            (true, true) => LinkState::Up,
            (true, false) => LinkState::NoCarrier,
            (false, _) => LinkState::Down,
        },
        is_loopback: link.is_loopback,
        addresses: addresses
            .iter()
            .filter(|address| address.index == link.index && !address.is_tentative)
            .map(|address| (address.ip, address.prefix))
            .collect(),
        groups: groups
            .iter()
            .filter(|(index, _)| *index == link.index)
            .map(|(_, group)| *group)
            .collect(),
        name: link.name,
    };
    let mut interfaces: Vec<_> = route::links()?.into_iter().map(describe).collect();
    interfaces.sort_by_key(|interface| (interface.is_loopback, interface.index));
    Ok(interfaces)
}

/// The default routes, those of IPv4 first, the preferred of each first.
///
/// # Errors
///
/// What the system says.
pub fn default_routes() -> io::Result<Vec<DefaultRoute>> {
    let links = route::links()?;
    let name = |index: Option<u32>| {
        let link = links.iter().find(|link| Some(link.index) == index);
        link.map_or_else(String::new, |link| link.name.clone())
    };
    let describe = |route: route::Route| DefaultRoute {
        is_v6: route.is_v6,
        gateway: route.gateway,
        interface: name(route.index),
        metric: route.metric,
    };
    Ok(route::default_routes()?.into_iter().map(describe).collect())
}

fn mac_text(mac: &[u8]) -> Option<String> {
    let digits: Vec<_> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    if digits.is_empty() {
        None
    } else {
        Some(digits.join(":"))
    }
}

/// The numbers of interfaces, and the groups there.
fn groups() -> Vec<(u32, IpAddr)> {
    let mut groups = parse_igmp(&fs::read_to_string("/proc/net/igmp").unwrap_or_default());
    let table = fs::read_to_string("/proc/net/igmp6").unwrap_or_default();
    groups.extend(parse_igmp6(&table));
    groups
}

/// Reads `/proc/net/igmp`: a line for each interface, and below it, further in, one for each group,
/// a word as this machine keeps it.
///
/// ```text
/// 2       eth0      :     1      V3
///                                 010000E0     1 0:00000000               0
/// ```
pub(super) fn parse_igmp(table: &str) -> Vec<(u32, IpAddr)> {
    let mut index = None;
    let mut groups = Vec::new();
    for line in table.lines().skip(1) {
        let word = line.split_ascii_whitespace().next().unwrap_or_default();
        if !line.starts_with(char::is_whitespace) {
            index = word.parse().ok();
        } else if let (Some(index), Ok(group)) = (index, u32::from_str_radix(word, 16)) {
            groups.push((index, Ipv4Addr::from(group.to_ne_bytes()).into()));
        }
    }
    groups
}

/// Reads `/proc/net/igmp6`: the interface's number and name, and the group in digits.
pub(super) fn parse_igmp6(table: &str) -> Vec<(u32, IpAddr)> {
    let parse = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let index = words.next()?.parse().ok()?;
        let group = u128::from_str_radix(words.nth(1)?, 16).ok()?;
        Some((index, Ipv6Addr::from(group).into()))
    };
    table.lines().filter_map(parse).collect()
}
