//! Options of the form kind, length, value: those of TCP, and of IPv4 too.

use super::cursor::View;

// Numbers that IANA assigned to options of TCP; the first two are those of IPv4 as well.
pub(crate) const END: u8 = 0;
pub(crate) const NO_OPERATION: u8 = 1;
pub(crate) const MSS: u8 = 2;
pub(crate) const WINDOW_SCALE: u8 = 3;
pub(crate) const SACK_PERMITTED: u8 = 4;
pub(crate) const SACK: u8 = 5;
pub(crate) const TIMESTAMPS: u8 = 8;

/// Walks options of the form kind, length, value, as of TCP and of IPv4; ends at the first that is
/// none.
pub(crate) struct RawOptions<'a>(pub(crate) View<'a>);

/// One option.
pub(crate) struct RawOption<'a> {
    pub(crate) kind: u8,
    /// All of it.
    pub(crate) view: View<'a>,
    /// Without kind and length.
    pub(crate) value: View<'a>,
}

impl<'a> Iterator for RawOptions<'a> {
    type Item = RawOption<'a>;

    fn next(&mut self) -> Option<RawOption<'a>> {
        let view = self.0;
        let kind = view.u8(0)?;
        let len = match kind {
            END | NO_OPERATION => 1,
            _ => usize::from(view.u8(1).filter(|len| 2 <= *len)?),
        };
        if view.len() < len {
            return None;
        }
        self.0 = match kind {
            END => view.limit(0),
            _ => view.skip(len),
        };
        Some(RawOption {
            kind,
            view: view.limit(len),
            value: view.limit(len).skip(2),
        })
    }
}
