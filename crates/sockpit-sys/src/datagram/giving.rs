//! One system call that sends: datagrams side by side to one peer leave in one walk through the
//! system, where it can cut a run of bytes into datagrams (`UDP_SEGMENT`, udp(7)).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::control::{SEND_ROOM, SendControl};
use super::{EMPTY_HEADER, Hops, MAX_BATCH, retry};
use crate::addr::Families;
use crate::socket;

/// Datagrams in a run at most, which every kernel that knows runs takes.
pub(super) const MAX_SEGMENTS: usize = 64;

/// In bytes: a run at most, which is the longest payload of one IPv4 packet.
pub(super) const MAX_RUN: usize = 65_507;

/// A datagram, or bytes that are to be cut into several.
#[derive(Clone, Copy)]
pub(super) struct Letter<'a> {
    pub(super) bytes: &'a [u8],
    /// In bytes: each datagram but the last, which may be shorter.
    pub(super) segment: usize,
    /// The address as the kernel reads it; empty for the socket's own peer.
    pub(super) name: &'a [u8],
    pub(super) families: Families,
    pub(super) ttl: Option<u8>,
}

/// Why nothing was sent.
pub(super) struct Failure {
    pub(super) error: io::Error,
    /// In bytes: the length of the datagrams of the run that was first, if one was.
    pub(super) segment: Option<usize>,
}

impl Failure {
    /// Whether it may be the run that the system does not want, and not its datagrams: a device
    /// without checksums, a datagram that has to be fragmented, a way through IPsec.
    pub(super) fn may_be_refusal(&self) -> bool {
        self.segment.is_some()
            && matches!(
                self.error.raw_os_error(),
                Some(
                    libc::EINVAL
                        | libc::EIO
                        | libc::EMSGSIZE
                        | libc::EOPNOTSUPP
                        | libc::ENOPROTOOPT
                )
            )
    }
}

/// Whether the system cuts what `fd` sends. One that does not know the option would send a run as
/// one datagram.
pub(super) fn knows_runs(fd: BorrowedFd<'_>) -> bool {
    let mut known = [0; size_of::<libc::c_int>()];
    socket::option_bytes(fd, libc::SOL_UDP, libc::UDP_SEGMENT, &mut known).is_ok()
}

/// Gives the system as many letters as one call takes, `most` messages at the most, without waiting;
/// gives how many letters left. Neighbours to one peer whose datagrams have one length, up to
/// `longest` bytes, become one message. Those that `hops` does not permit beside the first one wait
/// for the next call.
pub(super) fn give<'a>(
    fd: BorrowedFd<'_>,
    letters: impl Iterator<Item = Letter<'a>>,
    most: usize,
    longest: usize,
    hops: &mut Hops,
) -> Result<usize, Failure> {
    let mut tables = Tables::new();
    let most = most.min(MAX_BATCH);
    let mut open: Option<Message<'a>> = None;
    let mut messages = 0;
    for (place, letter) in letters.take(MAX_BATCH).enumerate() {
        tables.parts[place].write(libc::iovec {
            iov_base: letter.bytes.as_ptr().cast_mut().cast(),
            iov_len: letter.bytes.len(),
        });
        match &mut open {
            Some(message) if message.takes(&letter, longest) => message.add(&letter),
            _ => {
                if messages == 0 {
                    hops.begin(fd, letter.ttl);
                }
                if messages == most || !hops.permit(letter.ttl) {
                    break;
                }
                if let Some(message) = open.take() {
                    tables.close(messages - 1, &message, hops);
                }
                open = Some(Message::new(letter));
                messages += 1;
            }
        }
    }
    let Some(message) = open else {
        return Ok(0);
    };
    tables.close(messages - 1, &message, hops);
    tables.link(messages);
    let sent = retry(|| {
        // SAFETY: the first `messages` headers point at bytes, names and control messages of the
        // lengths they state; all of them outlive the call, which only reads them.
        unsafe {
            libc::sendmmsg(
                fd.as_raw_fd(),
                tables.headers.as_mut_ptr().cast(),
                messages as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        }
    });
    match sent {
        Ok(sent) => Ok(tables
            .letters
            .iter()
            .take(sent)
            .copied()
            .map(usize::from)
            .sum()),
        Err(error) => Err(Failure {
            error,
            segment: tables.segment,
        }),
    }
}

/// A message that grows.
struct Message<'a> {
    first: Letter<'a>,
    letters: usize,
    /// In bytes.
    len: usize,
}

impl<'a> Message<'a> {
    fn new(first: Letter<'a>) -> Self {
        Self {
            first,
            letters: 1,
            len: first.bytes.len(),
        }
    }

    /// Whether a letter may be a part of it, so that nobody sees it but the clock.
    fn takes(&self, letter: &Letter<'_>, longest: usize) -> bool {
        let segment = self.first.segment;
        let len = self.len + letter.bytes.len();
        // A shorter datagram ends a run, and an empty one is not cut from anything.
        let fits = letter.segment == segment
            || (letter.segment < segment && letter.bytes.len() == letter.segment);
        letter.name == self.first.name
            && segment <= longest
            && fits
            && !letter.bytes.is_empty()
            && self.len.is_multiple_of(segment.max(1))
            && letter.ttl == self.first.ttl
            && len <= MAX_RUN
            && len.div_ceil(segment.max(1)) <= MAX_SEGMENTS
    }

    fn add(&mut self, letter: &Letter<'_>) {
        self.letters += 1;
        self.len += letter.bytes.len();
    }
}

/// What the system is told of the messages of one call. It is initialised as far as it is used: most
/// calls are about a few.
struct Tables {
    headers: [MaybeUninit<libc::mmsghdr>; MAX_BATCH],
    parts: [MaybeUninit<libc::iovec>; MAX_BATCH],
    controls: [MaybeUninit<SendControl>; MAX_BATCH],
    /// How many letters each message has.
    letters: [u8; MAX_BATCH],
    /// In bytes: the length of the datagrams of the first message, if it is a run.
    segment: Option<usize>,
}

impl Tables {
    const fn new() -> Self {
        Self {
            headers: [const { MaybeUninit::uninit() }; MAX_BATCH],
            parts: [const { MaybeUninit::uninit() }; MAX_BATCH],
            controls: [const { MaybeUninit::uninit() }; MAX_BATCH],
            letters: [0; MAX_BATCH],
            segment: None,
        }
    }

    /// Writes the header of a message whose parts are all there.
    fn close(&mut self, index: usize, message: &Message<'_>, hops: &Hops) {
        let Message {
            first,
            letters,
            len,
        } = message;
        let header = self.headers[index].write(EMPTY_HEADER);
        header.msg_hdr.msg_iovlen = *letters as _;
        if !first.name.is_empty() {
            header.msg_hdr.msg_name = first.name.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = first.name.len() as libc::socklen_t;
        }
        let segment = (first.segment < *len).then_some(first.segment);
        let ttl = hops.to_bring(first.ttl);
        if ttl.is_some() || segment.is_some() {
            let control = self.controls[index].write(SendControl([0; SEND_ROOM]));
            let cut = segment.map(|segment| segment as u16);
            control.attach(&mut header.msg_hdr, ttl, first.families, cut);
        }
        self.letters[index] = *letters as u8;
        if index == 0 {
            self.segment = segment;
        }
    }

    /// Leads each of `messages` headers to its parts, which are side by side.
    fn link(&mut self, messages: usize) {
        let mut parts = self.parts.as_mut_ptr().cast::<libc::iovec>();
        let headers = self.headers.iter_mut().zip(&self.letters);
        for (header, &letters) in headers.take(messages) {
            // SAFETY: a header was written for each message.
            unsafe { header.assume_init_mut() }.msg_hdr.msg_iov = parts;
            // SAFETY: there are as many parts as letters, so that it stays among them or ends
            // behind the last.
            parts = unsafe { parts.add(usize::from(letters)) };
        }
    }
}
