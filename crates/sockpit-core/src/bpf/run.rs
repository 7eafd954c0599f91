//! A program run by hand, as the kernel runs it: for tests, and to explain a filter.

use super::Instruction;

/// What the kernel knows of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancillary {
    /// The EtherType of what the link layer carries.
    pub protocol: u16,
    /// Linux' number for whom the packet is: 0 this host, 4 another, from here.
    pub packet_type: u8,
    /// The system's number of the interface.
    pub interface: u32,
    /// Linux' number for the kind of the interface.
    pub hardware: u16,
}

/// Numbers of instructions, from the kernel's interface; parts are added.
pub(super) mod code {
    pub(crate) const LD: u16 = 0x00;
    pub(crate) const LDX: u16 = 0x01;
    pub(crate) const ST: u16 = 0x02;
    pub(crate) const STX: u16 = 0x03;
    pub(crate) const ALU: u16 = 0x04;
    pub(crate) const JMP: u16 = 0x05;
    pub(crate) const RET: u16 = 0x06;
    pub(crate) const MISC: u16 = 0x07;

    /// Sizes of a load: four bytes, two, one.
    pub(crate) const W: u16 = 0x00;
    pub(crate) const H: u16 = 0x08;
    pub(crate) const B: u16 = 0x10;

    /// Where a load takes from: a number, the packet, the packet from X on, memory, the packet's
    /// length, the length of an IPv4 header.
    pub(crate) const IMM: u16 = 0x00;
    pub(crate) const ABS: u16 = 0x20;
    pub(crate) const IND: u16 = 0x40;
    pub(crate) const MEM: u16 = 0x60;
    pub(crate) const LEN: u16 = 0x80;
    pub(crate) const MSH: u16 = 0xa0;

    pub(crate) const ADD: u16 = 0x00;
    pub(crate) const SUB: u16 = 0x10;
    pub(crate) const MUL: u16 = 0x20;
    pub(crate) const DIV: u16 = 0x30;
    pub(crate) const OR: u16 = 0x40;
    pub(crate) const AND: u16 = 0x50;
    pub(crate) const LSH: u16 = 0x60;
    pub(crate) const RSH: u16 = 0x70;
    pub(crate) const NEG: u16 = 0x80;
    pub(crate) const MOD: u16 = 0x90;
    pub(crate) const XOR: u16 = 0xa0;

    pub(crate) const JA: u16 = 0x00;
    pub(crate) const JEQ: u16 = 0x10;
    pub(crate) const JGT: u16 = 0x20;
    pub(crate) const JGE: u16 = 0x30;
    pub(crate) const JSET: u16 = 0x40;

    /// The second number is X, not that of the instruction.
    pub(crate) const X: u16 = 0x08;
    /// What is returned is A.
    pub(crate) const A: u16 = 0x10;

    pub(crate) const TAX: u16 = 0x00;
    pub(crate) const TXA: u16 = 0x80;
}

/// Places in a packet that are none: what the kernel knows beside its bytes (`SKF_AD_OFF` and on).
pub(super) mod beside {
    pub(crate) const START: u32 = 0xffff_f000;
    pub(crate) const PROTOCOL: u32 = START;
    pub(crate) const PACKET_TYPE: u32 = 0xffff_f004;
    pub(crate) const INTERFACE: u32 = 0xffff_f008;
    pub(crate) const HARDWARE: u32 = 0xffff_f01c;
}

/// Runs a program over a packet, and gives how many bytes of it are accepted; 0 rejects it.
///
/// Any instructions and any bytes do: what the kernel would refuse to load rejects the packet. Jumps
/// lead forward only, so that every program ends.
#[must_use]
pub fn run(instructions: &[Instruction], packet: &[u8], ancillary: &Ancillary) -> u32 {
    let machine = Machine {
        packet,
        ancillary,
        a: 0,
        x: 0,
        memory: [0; 16],
    };
    machine.run(instructions).unwrap_or_default()
}

struct Machine<'a> {
    packet: &'a [u8],
    ancillary: &'a Ancillary,
    a: u32,
    x: u32,
    memory: [u32; 16],
}

impl Machine<'_> {
    /// `None` where an instruction cannot be done.
    fn run(mut self, instructions: &[Instruction]) -> Option<u32> {
        let mut place = 0_usize;
        loop {
            let step = *instructions.get(place)?;
            let mut skip = 0_u32;
            match step.code & 0x07 {
                code::LD => self.a = self.load(step)?,
                code::LDX => self.x = self.load_x(step)?,
                code::ST => *self.cell(step.k)? = self.a,
                code::STX => *self.cell(step.k)? = self.x,
                code::ALU => self.a = self.calculate(step)?,
                code::JMP => skip = self.jump(step)?,
                code::RET if step.code & 0x18 == code::A => return Some(self.a),
                code::RET => return Some(step.k),
                _ => match step.code & 0xf8 {
                    code::TAX => self.x = self.a,
                    code::TXA => self.a = self.x,
                    _ => return None,
                },
            }
            place = place
                .checked_add(1)?
                .checked_add(usize::try_from(skip).ok()?)?;
        }
    }

    fn cell(&mut self, number: u32) -> Option<&mut u32> {
        self.memory.get_mut(usize::try_from(number).ok()?)
    }

    fn load(&self, step: Instruction) -> Option<u32> {
        let size = step.code & 0x18;
        match step.code & 0xe0 {
            code::IMM => Some(step.k),
            code::ABS if beside::START <= step.k => self.beside(step.k),
            code::ABS => self.read(step.k, size),
            code::IND => self.read(self.x.wrapping_add(step.k), size),
            code::MEM => self.memory.get(usize::try_from(step.k).ok()?).copied(),
            code::LEN => u32::try_from(self.packet.len()).ok(),
            _ => None,
        }
    }

    fn load_x(&self, step: Instruction) -> Option<u32> {
        match step.code & 0xe0 {
            code::IMM => Some(step.k),
            code::MEM => self.memory.get(usize::try_from(step.k).ok()?).copied(),
            code::LEN => u32::try_from(self.packet.len()).ok(),
            code::MSH => Some((self.read(step.k, code::B)? & 0x0f).wrapping_shl(2)),
            _ => None,
        }
    }

    fn beside(&self, place: u32) -> Option<u32> {
        match place {
            beside::PROTOCOL => Some(self.ancillary.protocol.into()),
            beside::PACKET_TYPE => Some(self.ancillary.packet_type.into()),
            beside::INTERFACE => Some(self.ancillary.interface),
            beside::HARDWARE => Some(self.ancillary.hardware.into()),
            _ => None,
        }
    }

    fn read(&self, place: u32, size: u16) -> Option<u32> {
        let rest = self.packet.get(usize::try_from(place).ok()?..)?;
        match size {
            code::W => rest.first_chunk().copied().map(u32::from_be_bytes),
            code::H => {
                let half = rest.first_chunk().copied().map(u16::from_be_bytes)?;
                Some(half.into())
            }
            code::B => rest.first().copied().map(u32::from),
            _ => None,
        }
    }

    fn second(&self, step: Instruction) -> u32 {
        match step.code & code::X {
            0 => step.k,
            _ => self.x,
        }
    }

    fn calculate(&self, step: Instruction) -> Option<u32> {
        let second = self.second(step);
        Some(match step.code & 0xf0 {
            code::ADD => self.a.wrapping_add(second),
            code::SUB => self.a.wrapping_sub(second),
            code::MUL => self.a.wrapping_mul(second),
            code::DIV => self.a.checked_div(second)?,
            code::MOD => self.a.checked_rem(second)?,
            code::OR => self.a | second,
            code::AND => self.a & second,
            code::XOR => self.a ^ second,
            code::LSH => self.a.wrapping_shl(second),
            code::RSH => self.a.wrapping_shr(second),
            code::NEG => self.a.wrapping_neg(),
            _ => return None,
        })
    }

    fn jump(&self, step: Instruction) -> Option<u32> {
        let second = self.second(step);
        let holds = match step.code & 0xf0 {
            code::JA => return Some(step.k),
            code::JEQ => self.a == second,
            code::JGT => self.a > second,
            code::JGE => self.a >= second,
            code::JSET => self.a & second != 0,
            _ => return None,
        };
        Some(if holds { step.jt } else { step.jf }.into())
    }
}
