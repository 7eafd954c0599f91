//! Instructions with names for the places that jumps lead to.
//!
//! A conditional jump of classic BPF reaches 255 instructions; one that leads further is made of
//! more, which is found out once all of them are known.

use super::Instruction;
use super::run::code;

/// A place that a jump leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// Where a condition leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// To the next instruction.
    Next,
    /// To a place further on.
    To(Label),
}

/// A program that is being written.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    lines: Vec<Line>,
    /// For each label the line before which it stands.
    labels: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Plain(Instruction),
    Branch {
        code: u16,
        k: u32,
        holds: Goal,
        fails: Goal,
    },
    Jump(Label),
}

/// Which ways of a branch need a jump of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Far {
    holds: bool,
    fails: bool,
}

impl Assembler {
    /// A new label, which stands nowhere yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(usize::MAX);
        Label(self.labels.len().saturating_sub(1))
    }

    /// Puts a label here.
    pub(super) fn place(&mut self, label: Label) {
        let here = self.lines.len();
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = here;
        }
    }

    pub(super) fn push(&mut self, code: u16, k: u32) {
        let (jt, jf) = (0, 0);
        self.lines
            .push(Line::Plain(Instruction { code, jt, jf, k }));
    }

    pub(super) fn branch(&mut self, condition: u16, k: u32, holds: Goal, fails: Goal) {
        let code = code::JMP | condition;
        self.lines.push(Line::Branch {
            code,
            k,
            holds,
            fails,
        });
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.lines.push(Line::Jump(label));
    }

    /// The program with all jumps counted. Labels stand further on than the jumps that lead there.
    pub(super) fn finish(&self) -> Vec<Instruction> {
        let mut far = vec![Far::default(); self.lines.len()];
        // Each round makes some branch longer, or is the last.
        loop {
            let places = self.places(&far);
            let longer: Vec<Far> = self
                .lines
                .iter()
                .enumerate()
                .map(|(line, _)| self.reach(line, &far, &places))
                .collect();
            if longer == far {
                return self.write(&far, &places);
            }
            far = longer;
        }
    }

    /// Where each line begins, and the last ends.
    fn places(&self, far: &[Far]) -> Vec<usize> {
        let lens = far
            .iter()
            .map(|far| 1_usize.saturating_add(far.holds.into()));
        let lens = lens
            .zip(far)
            .map(|(len, far)| len.saturating_add(far.fails.into()));
        let mut places = vec![0];
        let mut place = 0_usize;
        for len in lens {
            place = place.saturating_add(len);
            places.push(place);
        }
        places
    }

    /// Which ways of a line need a jump of their own; one that needed it goes on to do so.
    fn reach(&self, line: usize, far: &[Far], places: &[usize]) -> Far {
        let before = far.get(line).copied().unwrap_or_default();
        let Some(Line::Branch { holds, fails, .. }) = self.lines.get(line) else {
            return before;
        };
        let is_far = |goal: &Goal| match goal {
            Goal::Next => false,
            Goal::To(_) => u8::try_from(self.distance(line, *goal, places)).is_err(),
        };
        Far {
            holds: before.holds || is_far(holds),
            fails: before.fails || is_far(fails),
        }
    }

    /// From behind the first instruction of a line to where a goal is.
    fn distance(&self, line: usize, goal: Goal, places: &[usize]) -> usize {
        let target = match goal {
            Goal::Next => line.saturating_add(1),
            Goal::To(label) => self.labels.get(label.0).copied().unwrap_or(usize::MAX),
        };
        let place = |line: usize| places.get(line).copied().unwrap_or(usize::MAX);
        place(target).saturating_sub(place(line).saturating_add(1))
    }

    fn write(&self, far: &[Far], places: &[usize]) -> Vec<Instruction> {
        let mut out = Vec::new();
        let go = |distance: usize| Instruction {
            code: code::JMP | code::JA,
            jt: 0,
            jf: 0,
            k: u32::try_from(distance).unwrap_or(u32::MAX),
        };
        for (index, line) in self.lines.iter().enumerate() {
            match *line {
                Line::Plain(instruction) => out.push(instruction),
                Line::Jump(label) => out.push(go(self.distance(index, Goal::To(label), places))),
                Line::Branch {
                    code,
                    k,
                    holds,
                    fails,
                } => {
                    let far = far.get(index).copied().unwrap_or_default();
                    let (holds, fails) = (
                        self.distance(index, holds, places),
                        self.distance(index, fails, places),
                    );
                    let near = |distance: usize| u8::try_from(distance).unwrap_or(u8::MAX);
                    out.push(Instruction {
                        code,
                        jt: if far.holds { 0 } else { near(holds) },
                        jf: match (far.fails, far.holds) {
                            (true, behind) => behind.into(),
                            (false, _) => near(fails),
                        },
                        k,
                    });
                    if far.holds {
                        out.push(go(holds.saturating_sub(1)));
                    }
                    if far.fails {
                        let passed = 1_usize.saturating_add(far.holds.into());
                        out.push(go(fails.saturating_sub(passed)));
                    }
                }
            }
        }
        out
    }
}
