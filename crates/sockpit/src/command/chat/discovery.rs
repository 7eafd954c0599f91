//! Announcements: who is on the local network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use sockpit_core::chat::announce::{self, Announcement, Crier};
use sockpit_core::endpoint::{Address, Endpoint, Host};
use sockpit_core::plan::{Family, Plan, Role};
use sockpit_engine::doctor::{self, Interface, LinkState};
use sockpit_engine::{Handle, Session, Target};

use super::settings::Settings;

/// The sockets of announcements, one for each interface.
pub(super) struct Discovery {
    sessions: Vec<(Session<Crier>, Vec<u32>)>,
}

impl Discovery {
    /// Takes the port of announcements, on each of the interfaces.
    ///
    /// # Errors
    ///
    /// Says which interface is none, or why the port cannot be had.
    pub(super) async fn start(
        handle: &Handle,
        settings: &Settings,
        port: u16,
    ) -> anyhow::Result<Self> {
        let all = doctor::interfaces().context("cannot list the interfaces")?;
        let mut sessions = Vec::new();
        let own = own_ip(settings);
        for interface in chosen(&all, &settings.interfaces, own)? {
            let family = settings.plan.socket.family;
            let is_v6 = family == Some(Family::V6);
            let group: IpAddr = match is_v6 {
                true => announce::GROUP_V6.into(),
                false => announce::GROUP_V4.into(),
            };
            let any = if is_v6 { "[::]" } else { "0.0.0.0" };
            let name = &interface.name;
            let via = match is_v6 {
                true => interface.index.to_string(),
                false => match source(interface, own) {
                    Some(ip) => ip.to_string(),
                    None => continue,
                },
            };
            let text = format!(
                "udp://{any}:{port}?join={group}&interface={via}&broadcast=1&multicast-ttl=1"
            );
            let endpoint: Endpoint = text
                .parse()
                .with_context(|| format!("interface `{name}` cannot be named"))?;
            let plan = Plan::resolve(Role::Server, &endpoint, super::settings::announcing())?;
            let session = handle
                .open(Arc::new(plan), |_, now| Crier::new(now))
                .await
                .with_context(|| format!("cannot announce on `{name}`"))?;
            let mut addrs = vec![SocketAddr::new(group, port)];
            if !is_v6 {
                let nets = interface.addresses.iter();
                let broadcasts =
                    nets.filter_map(|&(ip, prefix)| announce::broadcast_of(ip, prefix));
                addrs.extend(broadcasts.map(|ip| SocketAddr::new(ip, port)));
            }
            let mut peers = Vec::new();
            for addr in addrs {
                peers.extend(session.reach(addr).await);
            }
            sessions.push((session, peers));
        }
        Ok(Self { sessions })
    }

    /// Announces, from here on.
    pub(super) async fn cry(&self, announcement: &Announcement) {
        for (session, peers) in &self.sessions {
            for &peer in peers {
                let announcement = announcement.clone();
                let cry = move |crier: &mut Crier, now| crier.cry(now, announcement.clone());
                session.change(Target::Peer(peer), 0, cry).await;
            }
        }
    }

    /// Whether an event is of one of its sessions.
    pub(super) fn has(&self, session: u32) -> bool {
        self.sessions.iter().any(|(it, _)| it.number() == session)
    }

    /// The address of one of its peers.
    pub(super) async fn addr(&self, session: u32, peer: u32) -> Option<SocketAddr> {
        let (session, _) = self
            .sessions
            .iter()
            .find(|(it, _)| it.number() == session)?;
        let peers = session.peers().await;
        let facts = peers.iter().find(|facts| facts.number == peer)?;
        facts.addr.parse().ok()
    }

    /// Ends, once what was announced has left.
    pub(super) async fn end(&self) {
        for (session, _) in &self.sessions {
            session.close();
        }
        for (session, _) in &self.sessions {
            session.outcome().await;
        }
    }
}

/// The one address at which the chat can be reached, where it is bound to one.
fn own_ip(settings: &Settings) -> Option<IpAddr> {
    match &settings.plan.address {
        Address::Net {
            host: Host::Ip(ip), ..
        } if !ip.is_unspecified() => Some(*ip),
        _ => None,
    }
}

/// The address that announcements come from: where the chat can be reached.
fn source(interface: &Interface, own: Option<IpAddr>) -> Option<IpAddr> {
    let mut v4 = interface.addresses.iter().map(|(ip, _)| *ip);
    let is_on = |ip: IpAddr| own == Some(ip) || (interface.is_loopback && ip.is_loopback());
    let all = v4.clone().filter(IpAddr::is_ipv4);
    v4.find(|ip| ip.is_ipv4() && is_on(*ip)).or(all.min())
}

/// The interfaces that were named; where none was, those that can be used:
/// all but loopback, or the one on which the chat is bound.
fn chosen<'a>(
    all: &'a [Interface],
    names: &[String],
    own: Option<IpAddr>,
) -> anyhow::Result<Vec<&'a Interface>> {
    let mut chosen = Vec::new();
    for name in names {
        match all.iter().find(|interface| interface.name == *name) {
            Some(interface) => chosen.push(interface),
            None => bail!("there is no interface `{name}`; `sockpit nets` lists them"),
        }
    }
    if names.is_empty() {
        let has_own = |it: &Interface| match own {
            Some(own) => it.addresses.iter().any(|(ip, _)| *ip == own),
            None => !it.is_loopback && !it.addresses.is_empty(),
        };
        let is_usable = |it: &&Interface| it.state == LinkState::Up && has_own(it);
        chosen.extend(all.iter().filter(is_usable));
        if chosen.is_empty() {
            // A machine without a network still has itself.
            chosen.extend(all.iter().filter(|it| it.is_loopback));
        }
    }
    if chosen.is_empty() {
        bail!("no interface is up; `sockpit nets` lists them");
    }
    Ok(chosen)
}
