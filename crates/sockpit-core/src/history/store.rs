//! The bytes of all chunks, one after the other: the latest in memory, older ones on a shelf.

use std::collections::VecDeque;
use std::fmt;
use std::io;

use super::cost::{ALLOCATION, reserve_one};

/// A place outside of memory for bytes that are old or many, such as a file.
pub trait Shelf {
    /// Puts bytes away, and says where.
    ///
    /// # Errors
    ///
    /// Where they could not be kept; the history uses the shelf no more then, but to read.
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64>;

    /// Fills `into` with the bytes that lie `at` bytes after the beginning of what was put at
    /// `place`.
    ///
    /// # Errors
    ///
    /// Where they cannot be had.
    fn read(&self, place: u64, at: u64, into: &mut [u8]) -> io::Result<()>;

    /// Takes that the `len` bytes at `place` will not be read again.
    fn free(&mut self, place: u64, len: u64);
}

/// Why bytes cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gone {
    /// The view has no such row.
    #[error("the view has no such row any more")]
    NoRow,
    /// They were evicted, as a limit of the history was reached.
    #[error("these bytes were dropped to keep the history within its limits")]
    Evicted,
    /// The shelf does not give them back.
    #[error("these bytes cannot be read back: {0}")]
    Shelf(String),
}

/// In bytes: what is shelved at once, and above which bytes are shelved as they come. A small memory
/// has smaller blocks. With what an allocator puts before it, one is a whole number of the system's
/// pages.
const BLOCK: usize = 1024 * 1024 - ALLOCATION;

/// So many blocks are in a full memory at least: bytes go a block at a time, and what was just said
/// is not to go with them.
const LEAST_BLOCKS: usize = 16;

/// A block of no more pieces is of long ones, such as those of a large message or of a file: few
/// reads get it back, and memory is for what is looked through piece by piece.
const FEW: u32 = 64;

/// A block of which more than this part, one of so many, stays empty is made shorter.
const SLACK: usize = 16;

/// The bytes, each with its place: how many bytes were put before it.
pub(super) struct Store {
    blocks: VecDeque<Block>,
    /// How long one gets, in bytes, but for what was put as a whole.
    block: usize,
    /// The place that the next byte will have.
    next: u64,
    /// No block before this place is in memory.
    in_memory: u64,
    /// An empty block that was let go, for the next one.
    spare: Option<Vec<u8>>,
    /// Capacity of the blocks in memory, in bytes, with the empty one.
    memory: usize,
    /// In bytes.
    shelved: u64,
    shelf: Option<Box<dyn Shelf + Send>>,
    /// Why nothing more is shelved.
    trouble: Option<String>,
}

#[derive(Debug)]
struct Block {
    start: u64,
    len: u64,
    /// How often something was put there.
    pieces: u32,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Memory(Vec<u8>),
    Shelf(u64),
    Freed,
}

impl Store {
    /// With a shelf or none, where `memory` bytes are to be kept in memory.
    pub(super) fn new(shelf: Option<Box<dyn Shelf + Send>>, memory: usize) -> Self {
        Self {
            blocks: VecDeque::new(),
            block: BLOCK.min(memory / LEAST_BLOCKS),
            next: 0,
            in_memory: 0,
            spare: None,
            memory: 0,
            shelved: 0,
            shelf,
            trouble: None,
        }
    }

    /// Keeps bytes and gives their place. They lie in one block.
    pub(super) fn put(&mut self, bytes: &[u8]) -> u64 {
        let start = self.next;
        if bytes.is_empty() {
            return start;
        }
        self.next += bytes.len() as u64;
        if let Some(Block {
            len,
            pieces,
            body: Body::Memory(held),
            ..
        }) = self.blocks.back_mut()
        {
            if bytes.len() <= self.block.saturating_sub(held.len()) {
                if bytes.len() > held.capacity() - held.len() {
                    self.memory -= cost_of(held);
                    widen(held, bytes.len(), self.block);
                    self.memory += cost_of(held);
                }
                held.extend_from_slice(bytes);
                *len += bytes.len() as u64;
                *pieces += 1;
                return start;
            }
            self.complete();
        }
        let body = if bytes.len() > self.block
            && let Some(place) = self.shelve(bytes)
        {
            Body::Shelf(place)
        } else {
            let mut held = self.room(bytes.len());
            held.extend_from_slice(bytes);
            Body::Memory(held)
        };
        reserve_one(&mut self.blocks);
        self.blocks.push_back(Block {
            start,
            len: bytes.len() as u64,
            pieces: 1,
            body,
        });
        start
    }

    /// Shelves the oldest block that is in memory, but not the one that still grows. Says whether
    /// there is more room.
    pub(super) fn shelve_oldest(&mut self) -> bool {
        let known = self.in_memory;
        let first = self.blocks.partition_point(|block| block.start < known);
        let complete = self.blocks.len().saturating_sub(1).max(first);
        let mut rest = self.blocks.range(first..complete);
        let oldest = rest.position(|block| matches!(block.body, Body::Memory(_)));
        let oldest = oldest.map_or(complete, |after| first + after);
        let Some(block) = self.blocks.get(oldest) else {
            return false;
        };
        // Whoever asks again need not look through all that is shelved.
        self.in_memory = block.start;
        oldest < complete && self.shelve_block(oldest)
    }

    /// Says whether there is more room.
    fn shelve_block(&mut self, index: usize) -> bool {
        let block = self.blocks.get_mut(index);
        let (Some(block), Some(shelf), None) = (block, &mut self.shelf, &self.trouble) else {
            return false;
        };
        let Body::Memory(held) = &block.body else {
            return false;
        };
        match shelf.put(held) {
            Ok(place) => {
                self.shelved += held.len() as u64;
                let body = std::mem::replace(&mut block.body, Body::Shelf(place));
                if let Body::Memory(held) = body {
                    self.let_go(held);
                }
                true
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                false
            }
        }
    }

    /// Lets blocks go that lie before a place as a whole.
    pub(super) fn free_before(&mut self, place: u64) {
        while let Some(block) = self.blocks.front()
            && block.start + block.len <= place
        {
            let block = self.blocks.pop_front().expect("there is a front block");
            self.free(block);
        }
    }

    /// Lets blocks go in which nothing is wanted. `wanted` are places of what is, in order.
    pub(super) fn free_but(&mut self, wanted: impl Iterator<Item = u64>) {
        let mut wanted = wanted.peekable();
        let complete = self.blocks.len().saturating_sub(1);
        for index in 0..complete {
            let block = &mut self.blocks[index];
            let (start, len, pieces) = (block.start, block.len, block.pieces);
            while wanted.next_if(|place| *place < start).is_some() {}
            if wanted.peek().is_none_or(|place| *place >= start + len) {
                let body = std::mem::replace(&mut block.body, Body::Freed);
                self.free(Block {
                    start,
                    len,
                    pieces,
                    body,
                });
            }
        }
    }

    /// Lets the empty block go that is there for the next one.
    pub(super) fn free_spare(&mut self) {
        let spare = self.spare.take();
        self.memory -= spare.map_or(0, |spare| cost_of(&spare));
    }

    /// Reads bytes into `into`; all of them lie in one block.
    pub(super) fn read(&self, place: u64, into: &mut [u8]) -> Result<(), Gone> {
        if into.is_empty() {
            return Ok(());
        }
        let block = self.block(place).ok_or(Gone::Evicted)?;
        let within = place - block.start;
        match &block.body {
            Body::Memory(held) => {
                let at = usize::try_from(within).map_err(|_| Gone::Evicted)?;
                let bytes = held.get(at..at + into.len()).ok_or(Gone::Evicted)?;
                into.copy_from_slice(bytes);
                Ok(())
            }
            Body::Shelf(shelved) => {
                let shelf = self.shelf.as_ref().ok_or(Gone::Evicted)?;
                let read = shelf.read(*shelved, within, into);
                read.map_err(|error| Gone::Shelf(error.to_string()))
            }
            Body::Freed => Err(Gone::Evicted),
        }
    }

    /// How many blocks there are.
    pub(super) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// In bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.memory + self.blocks.capacity() * size_of::<Block>()
    }

    /// What it takes more, in bytes, when the next block is begun.
    pub(super) fn step(&self) -> usize {
        match &self.spare {
            Some(_) => 0,
            None => self.block + ALLOCATION,
        }
    }

    /// Whether so many bytes are a block by themselves that stays in memory.
    pub(super) const fn is_burden(&self, len: usize) -> bool {
        len > self.block && (self.shelf.is_none() || self.trouble.is_some())
    }

    /// In bytes on the shelf.
    pub(super) const fn shelved(&self) -> u64 {
        self.shelved
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn block(&self, place: u64) -> Option<&Block> {
        let after = self.blocks.partition_point(|block| block.start <= place);
        let block = self.blocks.get(after.checked_sub(1)?)?;
        (place < block.start + block.len).then_some(block)
    }

    fn shelve(&mut self, bytes: &[u8]) -> Option<u64> {
        let shelf = self.shelf.as_mut().filter(|_| self.trouble.is_none())?;
        match shelf.put(bytes) {
            Ok(place) => {
                self.shelved += bytes.len() as u64;
                Some(place)
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                None
            }
        }
    }

    /// Ends the block that grew so far.
    fn complete(&mut self) {
        let Some(Block { pieces, .. }) = self.blocks.back() else {
            return;
        };
        if *pieces <= FEW && self.shelve_block(self.blocks.len() - 1) {
            return;
        }
        let Some(Block {
            body: Body::Memory(held),
            ..
        }) = self.blocks.back_mut()
        else {
            return;
        };
        if held.capacity() - held.len() > held.capacity() / SLACK {
            self.memory -= cost_of(held);
            held.shrink_to_fit();
            self.memory += cost_of(held);
        }
    }

    /// An empty block for so many bytes.
    fn room(&mut self, len: usize) -> Vec<u8> {
        if len <= self.block
            && let Some(spare) = self.spare.take()
        {
            return spare;
        }
        // The first block grows, so that a short history is cheap.
        let held = Vec::with_capacity(match self.blocks.is_empty() {
            true => len,
            false => len.max(self.block),
        });
        self.memory += cost_of(&held);
        held
    }

    /// Lets the memory of a block go, or keeps it for the next one.
    fn let_go(&mut self, mut held: Vec<u8>) {
        if self.spare.is_none() && held.capacity() == self.block {
            held.clear();
            self.spare = Some(held);
        } else {
            self.memory -= cost_of(&held);
        }
    }

    fn free(&mut self, block: Block) {
        match block.body {
            Body::Memory(held) => self.let_go(held),
            Body::Shelf(place) => {
                self.shelved -= block.len;
                if let Some(shelf) = &mut self.shelf {
                    shelf.free(place, block.len);
                }
            }
            Body::Freed => {}
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("blocks", &self.blocks.len())
            .field("memory", &self.memory)
            .field("shelved", &self.shelved)
            .finish_non_exhaustive()
    }
}

/// What a block takes, in bytes.
fn cost_of(held: &Vec<u8>) -> usize {
    held.capacity() + ALLOCATION
}

/// Gives a block that grows room for so many bytes more: twice what it had, as far as a block goes.
fn widen(held: &mut Vec<u8>, len: usize, block: usize) {
    let needed = held.len() + len;
    let capacity = needed.max(block.min(held.capacity() * 2));
    held.reserve_exact(capacity - held.len());
}
