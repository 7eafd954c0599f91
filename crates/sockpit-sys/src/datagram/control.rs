//! Control messages of datagrams: their time to live, and how long the datagrams of a run are.

use std::ptr;

use crate::addr::Families;

/// Room for the control messages of one read: a time to live in both families and the length of a
/// run's datagrams need 72 bytes, the rest is for what else a socket may have been told to say.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control([u8; 128]);

impl Control {
    pub(super) const EMPTY: Self = Self([0; 128]);
}

/// What the kernel says of a read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) ttl: Option<u8>,
    /// In bytes: each datagram of a run but the last.
    pub(super) segment: Option<usize>,
}

impl Told {
    /// Reads the control messages that the kernel has just given.
    pub(super) fn of(header: &libc::msghdr) -> Self {
        let mut told = Self::default();
        // SAFETY: the kernel wrote whole messages and set the length of all; the macros walk inside
        // that length, and an integer is read only where the message says that it has one.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while !message.is_null() {
                let least = libc::CMSG_LEN(size_of::<libc::c_int>() as libc::c_uint) as usize;
                if (*message).cmsg_len as usize >= least {
                    let data = libc::CMSG_DATA(message).cast::<libc::c_int>();
                    told.take(
                        (*message).cmsg_level,
                        (*message).cmsg_type,
                        ptr::read_unaligned(data),
                    );
                }
                message = libc::CMSG_NXTHDR(header, message);
            }
        }
        told
    }

    fn take(&mut self, level: libc::c_int, kind: libc::c_int, value: libc::c_int) {
        match (level, kind) {
            V4_TTL | V6_TTL => self.ttl = self.ttl.or(u8::try_from(value).ok()),
            (libc::SOL_UDP, libc::UDP_GRO) => self.segment = usize::try_from(value).ok(),
            _ => {}
        }
    }
}

/// How a message that carries a time to live is called when it comes.
const V4_TTL: (libc::c_int, libc::c_int) = (libc::IPPROTO_IP, libc::IP_TTL);
const V6_TTL: (libc::c_int, libc::c_int) = (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT);

/// In bytes: a control message with one integer, and its header.
// SAFETY: the macro only computes.
pub(super) const TTL_SPACE: usize =
    unsafe { libc::CMSG_SPACE(size_of::<libc::c_int>() as libc::c_uint) } as usize;

/// In bytes: a control message with the length of a segment, and its header.
// SAFETY: the macro only computes.
const SEGMENT_SPACE: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) } as usize;

/// In bytes: the times to live of both families, and the length of a segment.
pub(super) const SEND_ROOM: usize = 2 * TTL_SPACE + SEGMENT_SPACE;

/// The control messages of what is sent.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct SendControl(pub(super) [u8; SEND_ROOM]);

impl SendControl {
    /// Writes the time to live, for the families that may read it, and the length of the datagrams
    /// that the message is cut into; with neither, nothing is attached. The kernel takes one
    /// message from its own stack and allocates for more.
    pub(super) fn attach(
        &mut self,
        header: &mut libc::msghdr,
        ttl: Option<u8>,
        families: Families,
        segment: Option<u16>,
    ) {
        let kinds: &[_] = match (ttl, families) {
            (None, _) => &[],
            (Some(_), Families::V4) => &[V4_TTL],
            (Some(_), Families::V6) => &[V6_TTL],
            (Some(_), Families::Both) => &[V4_TTL, V6_TTL],
        };
        let ttl = libc::c_int::from(ttl.unwrap_or(0));
        let segments = usize::from(segment.is_some());
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = (kinds.len() * TTL_SPACE + segments * SEGMENT_SPACE) as _;
        // SAFETY: this room is aligned for headers and has place for all these messages, so that
        // the macros give places inside of it; a value is written where a message's data begins.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            for &(level, kind) in kinds {
                (*message).cmsg_level = level;
                (*message).cmsg_type = kind;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<libc::c_int>() as libc::c_uint) as _;
                ptr::write_unaligned(libc::CMSG_DATA(message).cast::<libc::c_int>(), ttl);
                message = libc::CMSG_NXTHDR(header, message);
            }
            if let Some(segment) = segment {
                (*message).cmsg_level = libc::SOL_UDP;
                (*message).cmsg_type = libc::UDP_SEGMENT;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as _;
                ptr::write_unaligned(libc::CMSG_DATA(message).cast::<u16>(), segment);
            }
        }
    }
}
