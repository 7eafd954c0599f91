//! The options of a plan, set on a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;

use socket2::{InterfaceIndexOrAddress, Socket, TcpKeepalive};
use sockpit_core::plan::{Multicast, SocketPlan};

use crate::error::{Error, Operation};

/// Sets what every kind of socket has.
pub(super) fn set_common(socket: &Socket, plan: &SocketPlan) -> Result<(), Error> {
    set("rcvbuf", plan.rcvbuf, |size| {
        socket.set_recv_buffer_size(size)
    })?;
    set("sndbuf", plan.sndbuf, |size| {
        socket.set_send_buffer_size(size)
    })
}

/// Sets what sockets of the internet have.
pub(super) fn set_net(socket: &Socket, plan: &SocketPlan, is_v6: bool) -> Result<(), Error> {
    set_common(socket, plan)?;
    if plan.reuseport {
        set("reuseport", Some(true), |on| socket.set_reuse_port(on))?;
    }
    if is_v6 {
        set("ttl", plan.ttl, |hops| {
            socket.set_unicast_hops_v6(u32::from(hops))
        })?;
        set("tos", plan.tos, |tos| socket.set_tclass_v6(u32::from(tos)))
    } else {
        set("ttl", plan.ttl, |hops| socket.set_ttl_v4(u32::from(hops)))?;
        set("tos", plan.tos, |tos| socket.set_tos_v4(u32::from(tos)))
    }
}

/// Sets what TCP has.
pub(super) fn set_tcp(socket: &Socket, plan: &SocketPlan) -> Result<(), Error> {
    set("nodelay", Some(plan.nodelay), |on| {
        socket.set_tcp_nodelay(on)
    })?;
    set("keepalive", plan.keepalive, |time| {
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))
    })
}

/// Joins the group, and says where multicast leaves.
pub(super) fn set_multicast(
    socket: &Socket,
    multicast: &Multicast,
    is_v6: bool,
) -> Result<(), Error> {
    let interface = multicast.interface.as_deref();
    let index = match interface {
        Some(name) if name.parse::<IpAddr>().is_err() => {
            interface_index(name).map_err(|error| {
                Error::new(Operation::Configure, format!("interface `{name}`"), error)
            })?
        }
        _ => 0,
    };
    let address = interface.and_then(|name| name.parse::<Ipv4Addr>().ok());
    let via = match address {
        Some(address) => InterfaceIndexOrAddress::Address(address),
        None => InterfaceIndexOrAddress::Index(index),
    };
    if let Some(group) = multicast.group {
        match group {
            IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &via),
            IpAddr::V6(group) => socket.join_multicast_v6(&group, index),
        }
        .map_err(|error| Error::new(Operation::Join, group, error))?;
    }
    if interface.is_some() {
        let result = match (is_v6, address) {
            (true, _) => socket.set_multicast_if_v6(index),
            (false, Some(address)) => socket.set_multicast_if_v4(&address),
            (false, None) => sockpit_sys::socket::set_multicast_interface(socket.as_fd(), index),
        };
        result
            .map_err(|error| Error::new(Operation::Configure, "the multicast interface", error))?;
    }
    if is_v6 {
        set("multicast-ttl", multicast.ttl, |hops| {
            socket.set_multicast_hops_v6(u32::from(hops))
        })?;
        set("multicast-loop", multicast.loops_back, |on| {
            socket.set_multicast_loop_v6(on)
        })
    } else {
        set("multicast-ttl", multicast.ttl, |hops| {
            socket.set_multicast_ttl_v4(u32::from(hops))
        })?;
        set("multicast-loop", multicast.loops_back, |on| {
            socket.set_multicast_loop_v4(on)
        })
    }
}

/// The system's number of an interface.
pub(super) fn interface_index(name: &str) -> io::Result<u32> {
    if name.is_empty() || name.contains('/') {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no interface has that name",
        ));
    }
    if let Ok(index) = name.parse() {
        return Ok(index);
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))
        .map_err(|_| io::Error::new(io::ErrorKind::NotFound, "no interface has that name"))?;
    text.trim().parse().map_err(io::Error::other)
}

/// Whether two sockets of one session may share what `addr` names: a group has many members.
pub(super) fn may_share(addr: SocketAddr) -> bool {
    addr.ip().is_multicast()
}

fn set<T>(
    name: &'static str,
    value: Option<T>,
    apply: impl FnOnce(T) -> io::Result<()>,
) -> Result<(), Error> {
    match value {
        Some(value) => apply(value)
            .map_err(|error| Error::new(Operation::Configure, format!("option `{name}`"), error)),
        None => Ok(()),
    }
}
