//! What is wrong with a typed command, in one sentence, and the way out.

use super::super::sdk::Sdk;
use super::table::{Domain, FORMS, Form, Parameter, forms};
use crate::text::escape::VisibleLine;

/// Why a line is no command for this drone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// There is nothing in it.
    #[error("there is no command in it")]
    Empty,
    /// It is longer than a command.
    #[error("a command has {longest} bytes at most; this has {len}")]
    Long {
        /// Its length, in bytes.
        len: usize,
        /// The longest, in bytes.
        longest: usize,
    },
    /// It has a character in it that no drone reads.
    #[error("a command has no control characters; this has U+{code:04X}")]
    Control {
        /// The character.
        code: u32,
    },
    /// No version has it.
    #[error(
        "`{}` is no command; the nearest is `{near}`, and `!` before a line sends it as it is",
        VisibleLine(word)
    )]
    Unknown {
        /// The first word.
        word: String,
        /// The name that differs least.
        near: &'static str,
    },
    /// No version has anything like it.
    #[error(
        "`{}` is no command; `!` before a line sends it as it is",
        VisibleLine(word)
    )]
    Strange {
        /// The first word.
        word: String,
    },
    /// The controller has no such subject.
    #[error(
        "`{}` is nothing that the controller is told; it takes `EXT led`, `mled`, `tof?`, `version?` and `DIY`",
        VisibleLine(text)
    )]
    Subject {
        /// The first two words.
        text: String,
    },
    /// A later version has it.
    #[error("`{name}` came with SDK {since}; this drone speaks SDK {sdk}")]
    Later {
        /// The command.
        name: String,
        /// The first version that has it.
        since: Sdk,
        /// The version that the drone speaks.
        sdk: Sdk,
    },
    /// Only the controller has it.
    #[error("`{name}` needs the controller of a RoboMaster TT; this drone speaks SDK {sdk}")]
    Controller {
        /// The command.
        name: String,
        /// The version that the drone speaks.
        sdk: Sdk,
    },
    /// It has too few arguments, or too many.
    #[error("`{name}` is written `{usage}`; the number of arguments is {count}")]
    Count {
        /// The command.
        name: &'static str,
        /// How it is written.
        usage: String,
        /// How many there are.
        count: usize,
    },
    /// An argument is no number.
    #[error(
        "`{name}` takes a number as `{parameter}`, {range}; `{}` is none",
        VisibleLine(word)
    )]
    Number {
        /// The command.
        name: &'static str,
        /// The argument.
        parameter: &'static str,
        /// What it takes, with the unit.
        range: String,
        /// What stands there.
        word: String,
    },
    /// A number is below its range.
    #[error("`{name}` takes {range}; {word} is too little")]
    Below {
        /// The command.
        name: &'static str,
        /// What it takes, with the unit; the argument is named where there are several.
        range: String,
        /// What stands there.
        word: String,
    },
    /// A number is above its range.
    #[error("`{name}` takes {range}; {word} is too much")]
    Above {
        /// The command.
        name: &'static str,
        /// What it takes, with the unit; the argument is named where there are several.
        range: String,
        /// What stands there.
        word: String,
    },
    /// A word is none of those that there are.
    #[error(
        "`{name}` takes one of `{words}` as `{parameter}`; `{}` is none of them",
        VisibleLine(word)
    )]
    Word {
        /// The command.
        name: &'static str,
        /// The argument.
        parameter: &'static str,
        /// What there is.
        words: String,
        /// What stands there.
        word: String,
    },
    /// A text is too long.
    #[error("`{name}` takes at most {longest} bytes as `{parameter}`; this has {len}")]
    TooLong {
        /// The command.
        name: &'static str,
        /// The argument.
        parameter: &'static str,
        /// The longest.
        longest: usize,
        /// Its length.
        len: usize,
    },
    /// A pattern has letters that there are not, or too many of them.
    #[error("`{name}` takes up to 64 of the letters `r`, `b`, `p` and `0`, row by row")]
    Pattern {
        /// The command.
        name: &'static str,
    },
    /// No single ASCII character.
    #[error("`{name}` shows one character of ASCII, or `heart`")]
    Glyph {
        /// The command.
        name: &'static str,
    },
    /// A point lies too near.
    #[error("`{name}` goes 20 cm or more; at least one of x, y and z has to be so far from 0")]
    Near {
        /// The command.
        name: &'static str,
    },
    /// The points of a curve lie on a line.
    #[error("the points of `curve` lie on a line; move one of them aside, or use `go`")]
    Straight,
    /// The circle of a curve is too small or too large.
    #[error("the circle of `curve` has a radius of {radius_cm} cm; 50–1000 cm can be flown")]
    Radius {
        /// Its radius.
        radius_cm: u32,
    },
}

/// The sort of a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MistakeKind {
    /// There is nothing.
    Empty,
    /// No version has such a command.
    Unknown,
    /// This version has no such command.
    NotInSdk,
    /// The number of arguments is wrong.
    Count,
    /// An argument is not of its sort.
    Word,
    /// An argument is outside its range.
    Range,
    /// The arguments do not go together.
    Combination,
}

impl Mistake {
    /// Which sort it is.
    #[must_use]
    pub const fn kind(&self) -> MistakeKind {
        match self {
            Self::Empty => MistakeKind::Empty,
            Self::Unknown { .. }
            | Self::Strange { .. }
            | Self::Subject { .. }
            | Self::Long { .. }
            | Self::Control { .. } => MistakeKind::Unknown,
            Self::Later { .. } | Self::Controller { .. } => MistakeKind::NotInSdk,
            Self::Count { .. } => MistakeKind::Count,
            Self::Number { .. } | Self::Word { .. } | Self::Pattern { .. } | Self::Glyph { .. } => {
                MistakeKind::Word
            }
            Self::Below { .. } | Self::Above { .. } | Self::TooLong { .. } => MistakeKind::Range,
            Self::Near { .. } | Self::Straight | Self::Radius { .. } => MistakeKind::Combination,
        }
    }

    /// That a version does not have a command.
    pub(super) fn too_new(name: String, since: Sdk, sdk: Sdk) -> Self {
        match since {
            Sdk::Rmtt => Self::Controller { name, sdk },
            _ => Self::Later { name, since, sdk },
        }
    }
}

/// The name with which a line begins, and how many words it has. The longest one counts.
pub(super) fn name_of(words: &[&str], sdk: Sdk) -> Result<(&'static str, usize), Mistake> {
    let begins = |form: &&Form| {
        let mut typed = words.iter();
        let mut name = form.name.split(' ');
        name.all(|word| {
            typed
                .next()
                .is_some_and(|typed| typed.eq_ignore_ascii_case(word))
        })
    };
    let len = |form: &&Form| form.name.split(' ').count();
    let found = FORMS.iter().filter(begins).max_by_key(len);
    match found {
        Some(form) => Ok((form.name, len(&form))),
        None => {
            let word = (*words.first().unwrap_or(&"")).to_owned();
            if word.eq_ignore_ascii_case("EXT") {
                return Err(match sdk {
                    Sdk::Rmtt => Mistake::Subject {
                        text: words.get(..2).unwrap_or(words).join(" "),
                    },
                    _ => Mistake::too_new(word, Sdk::Rmtt, sdk),
                });
            }
            Err(match nearest(words, sdk) {
                Some(near) => Mistake::Unknown { word, near },
                None => Mistake::Strange { word },
            })
        }
    }
}

/// The form of a name with so many arguments.
pub(super) fn form_of(
    name: &'static str,
    count: usize,
    sdk: Sdk,
) -> Result<&'static Form, Mistake> {
    let fits = |form: &&Form| {
        let is_open = form
            .parameters
            .last()
            .is_some_and(|last| matches!(last.domain, Domain::Text(_)));
        form.parameters.len() == count || is_open && form.parameters.len() <= count
    };
    let named = || FORMS.iter().filter(|form| form.name == name);
    let Some(oldest) = named().min_by_key(|form| form.since) else {
        return Err(Mistake::Empty);
    };
    if !oldest.is_in(sdk) {
        return Err(Mistake::too_new(name.to_owned(), oldest.since, sdk));
    }
    match named().find(fits) {
        Some(form) if form.is_in(sdk) => Ok(form),
        Some(form) => Err(Mistake::too_new(form.usage(), form.since, sdk)),
        None => {
            let known = named().filter(|form| form.is_in(sdk));
            let usages: Vec<String> = known.map(Form::usage).collect();
            Err(Mistake::Count {
                name,
                usage: usages.join("` / `"),
                count,
            })
        }
    }
}

/// The name that differs least from what was typed, if not by more than about a third of it.
fn nearest(words: &[&str], sdk: Sdk) -> Option<&'static str> {
    let typed = |count: usize| {
        let words: Vec<String> = words
            .iter()
            .take(count)
            .map(|word| word.to_lowercase())
            .collect();
        words.join(" ")
    };
    let far = |form: &&Form| {
        let name = form.name.to_lowercase();
        distance(&typed(name.split(' ').count()), &name)
    };
    let near = forms(sdk).min_by_key(far)?;
    (far(&near) <= near.name.len().div_ceil(3)).then_some(near.name)
}

/// How many characters have to change; what is long is cut first, as it is no command anyway.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(32).collect();
    let b: Vec<char> = b.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            let changed = corner + usize::from(from != to);
            left = changed.min(left + 1).min(above + 1);
            corner = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

impl Parameter {
    /// Takes a word; gives it as it is sent.
    pub(super) fn check(&self, form: &Form, word: &str, sdk: Sdk) -> Result<String, Mistake> {
        let name = form.name;
        let parameter = self.name;
        match self.domain {
            Domain::Whole(_) => {
                let (from, to) = self.domain.range(sdk).unwrap_or_default();
                let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
                let is_whole =
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                if !is_whole {
                    return Err(self.no_number(form, word, sdk));
                }
                // What no 32 bits hold is beyond every range.
                let edge = if word.starts_with('-') {
                    i32::MIN
                } else {
                    i32::MAX
                };
                let value = word.parse().unwrap_or(edge);
                self.within(form, word, sdk, (value < from, to < value))?;
                Ok(value.to_string())
            }
            Domain::Decimal(from, to) => {
                let is_plain = word
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.');
                let value = word.parse::<f64>().ok().filter(|_| is_plain);
                let value = value.ok_or_else(|| self.no_number(form, word, sdk))?;
                self.within(form, word, sdk, (value < from, to < value))?;
                Ok(value.to_string())
            }
            Domain::OneOf(words) => self.one_of(form, words, word),
            Domain::Pad => {
                let pads = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m-1", "m-2"];
                let pad = self.one_of(form, &pads, word)?;
                match sdk < Sdk::V3_0 && pad.starts_with("m-") {
                    true => Err(Mistake::too_new(pad, Sdk::V3_0, sdk)),
                    false => Ok(pad),
                }
            }
            Domain::Word(longest) | Domain::Secret(longest) | Domain::Text(longest) => {
                match word.len() {
                    len if longest < len => Err(Mistake::TooLong {
                        name,
                        parameter,
                        longest,
                        len,
                    }),
                    _ => Ok(word.to_owned()),
                }
            }
            Domain::Pattern => {
                let is_drawn = word.bytes().all(|byte| b"rbp0".contains(&byte));
                match is_drawn && (1..=64).contains(&word.len()) {
                    true => Ok(word.to_owned()),
                    false => Err(Mistake::Pattern { name }),
                }
            }
            Domain::Glyph => {
                let is_one = word.len() == 1 && word.bytes().all(|byte| byte.is_ascii_graphic());
                match is_one || word == "heart" {
                    true => Ok(word.to_owned()),
                    false => Err(Mistake::Glyph { name }),
                }
            }
        }
    }

    fn within(
        &self,
        form: &Form,
        word: &str,
        sdk: Sdk,
        (is_below, is_above): (bool, bool),
    ) -> Result<(), Mistake> {
        let name = form.name;
        let takes = self.takes(sdk);
        let range = match form.parameters.len() {
            1 => takes,
            _ => format!("{} {takes}", self.name),
        };
        let word = shorten(word);
        match (is_below, is_above) {
            (true, _) => Err(Mistake::Below { name, range, word }),
            (_, true) => Err(Mistake::Above { name, range, word }),
            _ => Ok(()),
        }
    }

    fn no_number(&self, form: &Form, word: &str, sdk: Sdk) -> Mistake {
        Mistake::Number {
            name: form.name,
            parameter: self.name,
            range: self.takes(sdk),
            word: shorten(word),
        }
    }

    fn one_of(&self, form: &Form, words: &[&str], word: &str) -> Result<String, Mistake> {
        let found = words.iter().find(|known| known.eq_ignore_ascii_case(word));
        match found {
            Some(known) => Ok((*known).to_owned()),
            None => Err(Mistake::Word {
                name: form.name,
                parameter: self.name,
                words: words.join(" "),
                word: shorten(word),
            }),
        }
    }
}

/// A word as it can be told: nobody reads a hundred digits.
fn shorten(word: &str) -> String {
    crate::text::width::truncate(word, 24).into_owned()
}
