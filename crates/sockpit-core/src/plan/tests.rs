//! Options, the defaults that fill them up, what is refused, and the plan in words.

use std::net::IpAddr;
use std::time::Duration;

use super::{Eol, Family, Multicast, Options, Plan, PlanError, Role, Switch, TextChoice, WarnSize};
use crate::frame::Framing;
use crate::text::charset::Charset;

mod defaults;
mod groups;
mod options;
mod refused;
mod words;

fn resolve(role: Role, endpoint: &str) -> Result<Plan, PlanError> {
    Plan::resolve(role, &endpoint.parse().unwrap(), Options::default())
}

fn client(endpoint: &str) -> Plan {
    resolve(Role::Client, endpoint).unwrap_or_else(|error| panic!("{endpoint}: {error}"))
}

fn server(endpoint: &str) -> Plan {
    resolve(Role::Server, endpoint).unwrap_or_else(|error| panic!("{endpoint}: {error}"))
}
