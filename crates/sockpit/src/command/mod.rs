//! The commands, a file or a folder each.

pub(crate) mod chat;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod encode;
mod family;
pub(crate) mod import;
pub(crate) mod load;
pub(crate) mod nets;
mod paste;
pub(crate) mod ports;
pub(crate) mod reference;
pub(crate) mod replay;
mod rest;
pub(crate) mod room;
pub(crate) mod run;
pub(crate) mod talk;
pub(crate) mod tello;
pub(crate) mod wire;
mod words;
pub(crate) mod workbench;
