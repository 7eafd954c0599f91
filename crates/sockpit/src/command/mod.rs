//! The commands, a file or a folder each.

pub(crate) mod demo;
pub(crate) mod talk;
