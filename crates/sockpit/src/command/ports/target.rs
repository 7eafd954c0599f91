//! What a port, a range or a Unix socket looks like on the command line.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use sockpit_engine::doctor::Owner;

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// These ports.
    Ports(RangeInclusive<u16>),
    /// The Unix socket at this path, or of the abstract name behind an `@`.
    Name(String),
}

/// Why a text is no target.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no port (1 to 65535), no range such as `7000-7100`, and no path of a socket")]
pub(crate) struct ParseTargetError {
    text: String,
}

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseTargetError {
            text: text.to_owned(),
        };
        let name = text
            .strip_prefix("unix://")
            .or_else(|| text.strip_prefix("unix:"))
            .unwrap_or(text);
        let is_name = name.contains('/') || name.starts_with('@') || name.len() < text.len();
        if is_name {
            let is_whole = !matches!(name, "" | "@");
            return if is_whole {
                Ok(Self::Name(name.to_owned()))
            } else {
                Err(wrong())
            };
        }
        let port = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|&port: &u16| is_number && port != 0)
        };
        let text = text.strip_prefix(':').unwrap_or(text);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self::Ports(first..=last)),
            _ => Err(wrong()),
        }
    }
}

impl Target {
    pub(super) fn ports(&self) -> Option<RangeInclusive<u16>> {
        match self {
            Self::Ports(ports) => Some(ports.clone()),
            Self::Name(_) => None,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Ports(_) => None,
            Self::Name(name) => Some(name),
        }
    }

    /// As it is typed.
    pub(super) fn typed(&self) -> String {
        match self {
            Self::Ports(ports) if ports.start() == ports.end() => ports.start().to_string(),
            Self::Ports(ports) => format!("{}-{}", ports.start(), ports.end()),
            Self::Name(name) => name.clone(),
        }
    }

    /// Whether that is what the owner holds.
    pub(super) fn is_of(&self, owner: &Owner) -> bool {
        match self {
            Self::Ports(ports) => owner
                .local
                .is_some_and(|local| ports.contains(&local.port())),
            Self::Name(name) => owner
                .path
                .as_deref()
                .is_some_and(|path| path.as_os_str() == name.as_str()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports(ports) if ports.start() == ports.end() => {
                write!(f, "port {}", ports.start())
            }
            Self::Ports(ports) => write!(f, "ports {} to {}", ports.start(), ports.end()),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_ranges_and_names_are_told_apart() {
        let ports = |first, last| Some(Target::Ports(first..=last));
        let name = |name: &str| Some(Target::Name(name.to_owned()));
        let cases = [
            ("8080", ports(8080, 8080)),
            (":8080", ports(8080, 8080)),
            ("7000-7100", ports(7000, 7100)),
            ("1-65535", ports(1, 65_535)),
            ("/run/a.sock", name("/run/a.sock")),
            ("./a.sock", name("./a.sock")),
            ("unix:///run/a.sock", name("/run/a.sock")),
            ("unix:a.sock", name("a.sock")),
            ("@name", name("@name")),
            ("unix:@name", name("@name")),
            ("0", None),
            ("65536", None),
            ("+80", None),
            ("7100-7000", None),
            ("7000-", None),
            ("-", None),
            ("", None),
            ("@", None),
            ("unix:", None),
            ("http", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Target>().ok(), expected, "`{text}`");
        }
    }
}
