//! Packets as the kernel's tap sees them: packet(7) with a ring that is shared with the kernel.
//!
//! ```text
//!  kernel ──filter──▶ block │ block │ block │ …      (TPACKET_V3, in the ring's turn)
//!                       ▲ full, or `retire` has passed: it is ours until it is given back
//!  next_block ──▶ Block ──frames──▶ Frame, borrowed from the ring
//! ```
//!
//! The socket is made without a protocol, so that nothing reaches it before its filter and its ring
//! are there and it is bound: the first packet in the ring is the first that was wanted. It wants
//! `CAP_NET_RAW`, and never makes an interface listen to what is not for this machine.

mod block;
mod map;

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

pub use block::{Block, Frame, Frames, PacketType};

use crate::socket::set_option;
use map::Map;

/// What to tap, and how.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The number of the interface, or `None` for all of them.
    pub interface: Option<u32>,
    /// What a frame begins with.
    pub form: Form,
    /// What becomes of packets that leave.
    pub leaving: Leaving,
    /// How long the ring is, in bytes; rounded up to whole blocks of 512 KiB.
    pub ring_len: usize,
    /// After how long a block that has a packet is given to us though it is not full, in whole
    /// milliseconds.
    pub retire: Duration,
    /// Which packets are wanted, as a program for the kernel.
    pub program: &'a [Instruction],
}

impl<'a> Config<'a> {
    /// A ring of 16 MiB for an interface or for all, whose packets are at most some 2 ms late.
    #[must_use]
    pub const fn new(interface: Option<u32>, form: Form, program: &'a [Instruction]) -> Self {
        Self {
            interface,
            form,
            leaving: Leaving::Seen,
            ring_len: 16 * 1024 * 1024,
            retire: Duration::from_millis(2),
            program,
        }
    }
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The link layer's header.
    Raw,
    /// What the link layer carries. How a network card would cut it is not told.
    Cooked,
}

/// What becomes of packets that leave this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaving {
    /// They are seen as those that come.
    Seen,
    /// They are not: a loopback would show each packet twice. Kernels before 4.20 show them.
    Ignored,
}

/// An instruction of classic BPF, as the kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions are passed over where a condition holds.
    pub jt: u8,
    /// How many where it does not.
    pub jf: u8,
    /// A number for it.
    pub k: u32,
}

/// What a ring counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Packets that the filter let through and that were put into the ring.
    pub received: u64,
    /// Packets that the filter let through and for which there was no room.
    pub dropped: u64,
}

/// A tap with its ring.
#[derive(Debug)]
pub struct Ring {
    socket: OwnedFd,
    map: Map,
    /// Which block is the next.
    next: usize,
    /// How many packets had been lost when each block was given to the kernel.
    dropped_at: Vec<u64>,
    /// How many of the lost ones have been told.
    told: u64,
    counted: Statistics,
    has_offload_header: bool,
}

/// In bytes: room for a packet of 262,144 bytes and what the kernel says of it.
const BLOCK_LEN: usize = 512 * 1024;

/// In bytes: what the kernel wants to know though blocks of this version have no fixed frames.
const FRAME_LEN: usize = 2048;

impl Ring {
    /// Opens a tap; when this returns, every wanted packet is seen.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` without `CAP_NET_RAW`; what the system says of an interface that is not
    /// there or is down (`NetworkDown`), of a program that it does not take, and of a kernel without
    /// such sockets.
    pub fn open(config: &Config<'_>) -> io::Result<Self> {
        let socket = open(config.form)?;
        set_program(socket.as_fd(), config.program)?;
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        set_packet_option(&socket, libc::PACKET_VERSION, version)?;
        if config.leaving == Leaving::Ignored {
            // Without it a loopback shows each packet twice, which a caller can tell by its type.
            let _ = set_packet_option(&socket, libc::PACKET_IGNORE_OUTGOING, 1);
        }
        let has_offload_header = config.form == Form::Raw
            && tells_all_offloads()
            && set_packet_option(&socket, libc::PACKET_VNET_HDR, 1).is_ok();
        let blocks = config.ring_len.div_ceil(BLOCK_LEN).max(2);
        let millis = config.retire.as_millis().clamp(1, 10_000);
        let retire = u32::try_from(millis).expect("10 s fit");
        make_ring(&socket, blocks, retire)?;
        let map = Map::new(&socket, blocks, BLOCK_LEN)?;
        bind(&socket, config.interface)?;
        let ring = Self {
            socket,
            map,
            next: 0,
            dropped_at: vec![0; blocks],
            told: 0,
            counted: Statistics::default(),
            has_offload_header,
        };
        // An interface that is down is bound to all the same.
        ring.check()?;
        Ok(ring)
    }

    /// Takes another program. What is in the ring stays there.
    ///
    /// # Errors
    ///
    /// What the system says; the program before is in force then.
    pub fn set_program(&self, program: &[Instruction]) -> io::Result<()> {
        set_program(self.socket.as_fd(), program)
    }

    /// The next block that the kernel has given us, or `None` while there is none: wait for the
    /// descriptor to have something to read. Dropping the block gives it back.
    ///
    /// # Errors
    ///
    /// What the system says when it is asked for what it counted.
    pub fn next_block(&mut self) -> io::Result<Option<Block<'_>>> {
        if !self.map.is_ours(self.next) {
            return Ok(None);
        }
        let dropped = self.dropped_at.get(self.next).copied().unwrap_or_default();
        let dropped_before = dropped.saturating_sub(self.told);
        self.told = self.told.max(dropped);
        Ok(Some(Block::new(self, dropped_before)))
    }

    /// What was counted until now.
    ///
    /// # Errors
    ///
    /// What the system says; it has no reason to refuse.
    pub fn statistics(&mut self) -> io::Result<Statistics> {
        // SAFETY: the structure is made of integers, of which zero is one.
        let mut counts: libc::tpacket_stats_v3 = unsafe { mem::zeroed() };
        let mut len = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        // SAFETY: the call writes at most `len` bytes, the size of the structure.
        let done = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut counts).cast(),
                &raw mut len,
            )
        };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
        // The kernel counts dropped packets among the others, and from zero after each question.
        let (packets, dropped) = (counts.tp_packets.into(), counts.tp_drops.into());
        self.counted.received += u64::saturating_sub(packets, dropped);
        self.counted.dropped += dropped;
        Ok(self.counted)
    }

    /// What has become of the interface: an error such as that it is down, once.
    ///
    /// # Errors
    ///
    /// That error.
    pub fn check(&self) -> io::Result<()> {
        let mut code: libc::c_int = 0;
        let mut len = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the call writes at most `len` bytes, the size of the integer.
        let done = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut code).cast(),
                &raw mut len,
            )
        };
        match (done, code) {
            (0, 0) => Ok(()),
            (0, code) => Err(io::Error::from_raw_os_error(code)),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Gives the block that was read back to the kernel.
    fn give_back(&mut self) {
        // Until now the block was ours, so whatever was lost was lost before its next packet.
        if let (Ok(counted), Some(cell)) = (self.statistics(), self.dropped_at.get_mut(self.next)) {
            *cell = counted.dropped;
        }
        self.map.give_back(self.next);
        self.next = (self.next + 1) % self.dropped_at.len();
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn open(form: Form) -> io::Result<OwnedFd> {
    let kind = match form {
        Form::Raw => libc::SOCK_RAW,
        Form::Cooked => libc::SOCK_DGRAM,
    };
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the call touches no memory of ours. Without a protocol nothing comes before `bind`.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind | flags, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_program(socket: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    const {
        assert!(size_of::<Instruction>() == size_of::<libc::sock_filter>());
        assert!(align_of::<Instruction>() == align_of::<libc::sock_filter>());
    }
    let wrong = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let request = libc::sock_fprog {
        len: program.len().try_into().map_err(wrong)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // The kernel reads the instructions, which are laid out as its own, and keeps a copy.
    set_structure(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &request)
}

fn make_ring(socket: &OwnedFd, blocks: usize, retire_millis: u32) -> io::Result<()> {
    let wrong = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let request = libc::tpacket_req3 {
        tp_block_size: BLOCK_LEN as libc::c_uint,
        tp_block_nr: blocks.try_into().map_err(wrong)?,
        tp_frame_size: FRAME_LEN as libc::c_uint,
        tp_frame_nr: (blocks * (BLOCK_LEN / FRAME_LEN))
            .try_into()
            .map_err(wrong)?,
        tp_retire_blk_tov: retire_millis,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    set_structure(
        socket.as_fd(),
        libc::SOL_PACKET,
        libc::PACKET_RX_RING,
        &request,
    )
}

fn bind(socket: &OwnedFd, interface: Option<u32>) -> io::Result<()> {
    // SAFETY: the structure is made of integers, of which zero is one.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::c_ushort;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = match interface {
        // Zero would mean all.
        Some(0) => return Err(io::ErrorKind::InvalidInput.into()),
        Some(index) => index
            .try_into()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
        None => 0,
    };
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the call reads one structure of the length that is stated.
    let done = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn set_packet_option(socket: &OwnedFd, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    set_option(socket.as_fd(), libc::SOL_PACKET, name, value)
}

/// Sets an option to a structure of the system's.
fn set_structure<T: Copy>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the call reads one structure of the length that is stated, and what it points to,
    // which the caller borrows for as long.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Whether the kernel can put every packet into words that a network card shall yet cut. Before
/// Linux 6.2 it drops batches of UDP for which there was no word, and none is lost for a detail.
fn tells_all_offloads() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split('.').map(|part| {
        let end = part.find(|letter: char| !letter.is_ascii_digit());
        let digits = part.get(..end.unwrap_or(part.len()));
        digits.and_then(|digits| digits.parse::<u32>().ok())
    });
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    (6, 2) <= (major.unwrap_or_default(), minor.unwrap_or_default())
}

#[cfg(test)]
mod tests;
