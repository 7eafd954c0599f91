//! From what was typed to an [`Endpoint`], or to the [`Mistake`] in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::mistake::Mistake;
use super::scheme::{Form, Scheme};
use super::{Address, Endpoint, Host, Transport};

/// In bytes: `sun_path` holds 108, one of which is the NUL after a path or before an abstract name.
const SOCKET_NAME_LIMIT: usize = 107;

/// In bytes: the longest name that DNS can carry (RFC 1035 §3.1), written with dots.
const HOST_NAME_LIMIT: usize = 253;

/// In bytes: Linux's `IFNAMSIZ`, less its NUL.
const ZONE_LIMIT: usize = 15;

pub(super) fn words(words: &[String]) -> Result<Endpoint, Mistake> {
    match words {
        [] => Err(Mistake::Empty),
        [word] => endpoint(word),
        [host, port] => host_and_port(host.trim(), port.trim()),
        _ => Err(Mistake::Words { count: words.len() }),
    }
}

/// `host port` is netcat's way; there an IPv6 address has no brackets.
fn host_and_port(host: &str, port: &str) -> Result<Endpoint, Mistake> {
    let number = port.split_once('?').map_or(port, |(number, _)| number);
    if !is_number(number) || endpoint(host).is_ok() {
        return Err(Mistake::NotHostAndPort);
    }
    if is_ipv6(host) {
        endpoint(&format!("[{host}]:{port}"))
    } else {
        endpoint(&format!("{host}:{port}"))
    }
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, Mistake> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Mistake::Empty);
    }
    let (location, query) = text.split_once('?').unwrap_or((text, ""));
    let Some((scheme, rest)) = Scheme::split(location)? else {
        if location.starts_with(['/', '.', '~']) {
            return Err(Mistake::BarePath {
                path: location.to_owned(),
            });
        }
        let address = net(location)?;
        return Ok(Endpoint {
            transport: Transport::Tcp,
            address,
            options: options(query)?,
        });
    };
    let address = match scheme.form {
        Form::Net => {
            let rest = match rest.strip_prefix("//") {
                // A lone slash after the port is the empty path that URLs are pasted with.
                Some(url) => url.strip_suffix('/').unwrap_or(url),
                None => rest,
            };
            net(rest)?
        }
        Form::Path => path(scheme.without_comma(rest)?, scheme.transport)?,
        Form::Abstract => {
            Address::Abstract(socket_name(scheme.without_comma(rest)?, scheme.transport)?)
        }
    };
    let mut pairs: Vec<_> = scheme
        .family
        .map(|family| ("family".to_owned(), family.to_string()))
        .into_iter()
        .collect();
    pairs.extend(options(query)?);
    Ok(Endpoint {
        transport: scheme.transport,
        address,
        options: pairs,
    })
}

/// `host:port`, `:port`, `*:port`, `port` or `[ipv6]:port`.
fn net(text: &str) -> Result<Address, Mistake> {
    if let Some((written, ascii)) = text.chars().find_map(full_width) {
        return Err(Mistake::FullWidth { written, ascii });
    }
    if let Some((_, options)) = text.split_once(',') {
        return Err(Mistake::SocatOptions {
            options: options.to_owned(),
        });
    }
    if let Some(slash) = text.find('/') {
        return Err(Mistake::AfterPort {
            rest: text[slash..].to_owned(),
        });
    }
    if is_number(text) {
        return Ok(Address::Net {
            host: Host::Any,
            port: port(text)?,
        });
    }
    if let Some(inside) = text.strip_prefix('[') {
        return bracketed(inside);
    }
    if text.contains(['[', ']']) {
        return Err(Mistake::LoneBracket);
    }
    let (name, number) = text.rsplit_once(':').unwrap_or((text, ""));
    if name.contains(':') {
        return Err(bare_ipv6(text).map_or_else(
            || Mistake::Host {
                host: name.to_owned(),
            },
            |example| Mistake::BareIpv6 { example },
        ));
    }
    let host = host(name)?;
    if number.is_empty() {
        let example = if name.is_empty() { "localhost" } else { name };
        return Err(Mistake::MissingPort {
            example: example.to_owned(),
        });
    }
    Ok(Address::Net {
        host,
        port: port(number)?,
    })
}

/// What follows a `[`.
fn bracketed(text: &str) -> Result<Address, Mistake> {
    let (inside, rest) = text.split_once(']').ok_or(Mistake::LoneBracket)?;
    if inside.is_empty() {
        return Err(Mistake::EmptyBrackets);
    }
    let (address, zone) = match inside.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inside, None),
    };
    let ip: Ipv6Addr = address.parse().map_err(|_| Mistake::NotIpv6 {
        inside: inside.to_owned(),
    })?;
    let host = match zone {
        None => Host::Ip(IpAddr::V6(ip)),
        Some(written) => Host::Scoped(ip, zone_name(written)?),
    };
    match rest.strip_prefix(':') {
        Some(number) if !number.is_empty() => Ok(Address::Net {
            host,
            port: port(number)?,
        }),
        None if !rest.is_empty() => Err(Mistake::AfterBracket {
            rest: rest.to_owned(),
        }),
        _ => Err(Mistake::MissingPort {
            example: format!("[{inside}]"),
        }),
    }
}

/// A zone is written as it is, or after `%25` as RFC 6874 wants it in URLs.
fn zone_name(written: &str) -> Result<String, Mistake> {
    let zone = written
        .strip_prefix("25")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(written);
    let is_name = zone
        .chars()
        .all(|c| c.is_ascii_graphic() && !matches!(c, '%' | '['));
    if zone.is_empty() || ZONE_LIMIT < zone.len() || !is_name {
        return Err(Mistake::Zone {
            zone: zone.to_owned(),
        });
    }
    Ok(zone.to_owned())
}

/// A host without brackets.
fn host(text: &str) -> Result<Host, Mistake> {
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(IpAddr::V4(ip)));
    }
    // glibc would take `127.1` and `010.0.0.1` for addresses that their reader does not expect.
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(Mistake::Ipv4 {
            host: text.to_owned(),
        });
    }
    let is_name = text.len() <= HOST_NAME_LIMIT
        && text
            .strip_suffix('.')
            .unwrap_or(text)
            .split('.')
            .all(|label| {
                !label.is_empty()
                    && label
                        .chars()
                        .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            });
    if !is_name {
        return Err(Mistake::Host {
            host: text.to_owned(),
        });
    }
    Ok(Host::Name(text.to_owned()))
}

fn port(text: &str) -> Result<u16, Mistake> {
    if !is_number(text) {
        return Err(Mistake::PortName {
            port: text.to_owned(),
        });
    }
    text.parse().map_err(|_| Mistake::PortRange {
        port: text.to_owned(),
    })
}

/// What follows `unix:` or `unixgram:`.
fn path(rest: &str, transport: Transport) -> Result<Address, Mistake> {
    let name = match rest.strip_prefix("//") {
        Some(url) if url.is_empty() || url.starts_with(['/', '@']) => url,
        Some(url) => {
            let path = url.to_owned();
            return Err(Mistake::RelativeAfterSlashes {
                scheme: transport.scheme(),
                path,
            });
        }
        None => rest,
    };
    match name.strip_prefix('@') {
        Some(name) => socket_name(name, transport).map(Address::Abstract),
        None => socket_name(name, transport).map(Address::Path),
    }
}

fn socket_name(text: &str, transport: Transport) -> Result<String, Mistake> {
    let name = percent_decoded(text)?;
    if name.is_empty() {
        return Err(Mistake::EmptyPath {
            scheme: transport.scheme(),
        });
    }
    if name.contains('\0') {
        return Err(Mistake::Nul);
    }
    if SOCKET_NAME_LIMIT < name.len() {
        return Err(Mistake::LongPath {
            len: name.len(),
            limit: SOCKET_NAME_LIMIT,
        });
    }
    Ok(name)
}

fn options(query: &str) -> Result<Vec<(String, String)>, Mistake> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name.is_empty() {
                return Err(Mistake::OptionName {
                    pair: pair.to_owned(),
                });
            }
            Ok((percent_decoded(name)?, percent_decoded(value)?))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Result<String, Mistake> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('%') {
        decoded.extend_from_slice(plain.as_bytes());
        let digits = escape
            .get(..2)
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
            let typed: String = escape.chars().take(2).collect();
            return Err(Mistake::Percent {
                found: format!("%{typed}"),
            });
        };
        decoded.push(byte);
        rest = &escape[2..];
    }
    decoded.extend_from_slice(rest.as_bytes());
    String::from_utf8(decoded).map_err(|_| Mistake::NotUtf8)
}

/// How an IPv6 address that was typed without brackets is written, or `None` if it is none.
pub(super) fn bare_ipv6(text: &str) -> Option<String> {
    match text.rsplit_once(':') {
        Some((address, port)) if is_number(port) && is_ipv6(address) => {
            Some(format!("[{address}]:{port}"))
        }
        _ if is_ipv6(text) => Some(format!("[{text}]:7000")),
        _ => None,
    }
}

fn is_ipv6(text: &str) -> bool {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

/// `str::parse` would take a sign.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The half-width form of what a Chinese or Japanese keyboard gives for punctuation and digits.
fn full_width(written: char) -> Option<(char, char)> {
    let ascii = match written {
        '。' => '.',
        '！'..='～' => char::from_u32(u32::from(written) - 0xFEE0)?,
        _ => return None,
    };
    Some((written, ascii))
}
