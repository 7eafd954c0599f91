//! `sockpit nets`: this machine's interfaces, addresses and ways out.

use serde_json::json;
use sockpit_core::text::escape::VisibleLine;
use sockpit_core::text::width;
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{self, DefaultRoute, Interface, LinkState};

use crate::console::{Console, Style};
use crate::exit::Exit;

/// What `sockpit nets` was told, as typed.
#[derive(clap::Args)]
#[command(after_help = "\
Shows for each interface whether it carries packets, its addresses with the length of the network's
part, the multicast groups that programs of this machine take part in, and by which router packets
leave. Loopback, which leads back to this machine, comes last.

Examples:
  sockpit nets
  sockpit nets --json | jq -r 'select(.state == \"up\").addresses[]?.address'")]
pub(crate) struct Args {
    /// One JSON object a line: the interfaces, then the default routes
    #[arg(long)]
    json: bool,
}

/// Shows them.
pub(crate) fn run(args: &Args, console: &Console) -> Exit {
    let found = doctor::interfaces().and_then(|found| Ok((found, doctor::default_routes()?)));
    let (interfaces, routes) = match found {
        Ok(found) => found,
        Err(error) => {
            let why = cause_text(&error);
            console.error(&format!("the system does not tell its interfaces: {why}"));
            return Exit::Usage;
        }
    };
    if args.json {
        for interface in &interfaces {
            console.print(&format!("{}\n", interface_object(interface)));
        }
        for route in &routes {
            console.print(&format!("{}\n", route_object(route)));
        }
    } else {
        console.tell(&text(&interfaces, &routes, console.style()));
    }
    Exit::Done
}

fn text(interfaces: &[Interface], routes: &[DefaultRoute], style: Style) -> String {
    let names = interfaces
        .iter()
        .map(|interface| VisibleLine(&interface.name).to_string());
    let names: Vec<String> = names.collect();
    let columns = names
        .iter()
        .map(|name| width::width(name))
        .max()
        .unwrap_or(0)
        + 2;
    let indent = " ".repeat(columns);
    let mut text = String::new();
    for (interface, name) in interfaces.iter().zip(&names) {
        let state = match interface.state {
            LinkState::Up => style.colour("32", "up"),
            state => style.colour("33", state.text()),
        };
        let mac = interface
            .mac
            .as_deref()
            .map(|mac| format!("  {mac}"))
            .unwrap_or_default();
        let loopback = if interface.is_loopback {
            "  loopback"
        } else {
            ""
        };
        let head = style.bold(&width::pad(name, columns));
        text.push_str(&format!(
            "{head}{state}  mtu {}{mac}{loopback}\n",
            interface.mtu
        ));
        for (ip, prefix) in &interface.addresses {
            text.push_str(&format!("{indent}{ip}/{prefix}\n"));
        }
        if !interface.groups.is_empty() {
            let groups: Vec<_> = interface.groups.iter().map(ToString::to_string).collect();
            text.push_str(&format!(
                "{indent}{}\n",
                style.dim(&format!("groups {}", groups.join(" ")))
            ));
        }
    }
    for (family, is_v6) in [("IPv4", false), ("IPv6", true)] {
        let mut is_any = false;
        for route in routes.iter().filter(|route| route.is_v6 == is_v6) {
            is_any = true;
            let gateway = route
                .gateway
                .map(|ip| format!("{ip} by "))
                .unwrap_or_default();
            let interface = VisibleLine(&route.interface);
            text.push_str(&format!("default route, {family}: {gateway}{interface}\n"));
        }
        if !is_any {
            text.push_str(&format!("default route, {family}: none\n"));
        }
    }
    text
}

fn interface_object(interface: &Interface) -> serde_json::Value {
    let address = |(ip, prefix): &(std::net::IpAddr, u8)| json!({ "address": ip.to_string(), "prefix": prefix });
    let groups: Vec<_> = interface.groups.iter().map(ToString::to_string).collect();
    json!({
        "interface": interface.name,
        "index": interface.index,
        "state": interface.state.text(),
        "mtu": interface.mtu,
        "mac": interface.mac,
        "loopback": interface.is_loopback,
        "addresses": interface.addresses.iter().map(address).collect::<Vec<_>>(),
        "groups": groups,
    })
}

fn route_object(route: &DefaultRoute) -> serde_json::Value {
    json!({
        "default_route": if route.is_v6 { "ipv6" } else { "ipv4" },
        "gateway": route.gateway.map(|ip| ip.to_string()),
        "interface": route.interface,
        "metric": route.metric,
    })
}
