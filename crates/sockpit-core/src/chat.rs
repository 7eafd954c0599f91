//! Chat: between two programs over datagrams, and in rooms that many join.

pub mod announce;
pub mod ask;
pub mod circle;
pub mod entry;
pub mod flood;
pub mod guest;
pub mod history;
pub mod line;
pub mod lines;
pub mod nick;
pub mod notice;
pub mod partner;
pub mod presence;
pub mod room;
pub mod telnet;
pub mod visitor;
