//! `-4` and `-6`, as every command has them that reaches or serves an address.

use sockpit_core::plan::Family;

/// Which family of addresses is used, as typed.
#[derive(clap::Args, Default)]
pub(super) struct FamilyArgs {
    /// IPv4 only
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long = "ipv6")]
    ipv6: bool,
}

impl FamilyArgs {
    /// The one that was asked for; `None` is both.
    pub(super) fn choice(&self) -> Option<Family> {
        match (self.ipv4, self.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        }
    }
}
