//! Whom a typed line is for: `2>forward 50`, `*>land`.

use sockpit_core::text::escape::VisibleLine;

/// Whom a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// Every drone.
    All,
    /// One, by its place in the swarm, from 0.
    One(usize),
}

impl Aim {
    /// The drones of a swarm of so many that it means.
    pub(super) fn drones(self, count: usize) -> std::ops::Range<usize> {
        match self {
            Self::All => 0..count,
            Self::One(drone) => drone..drone + 1,
        }
    }
}

/// What stands before `>`, where something does, and the command.
pub(super) fn split(line: &str) -> (Option<&str>, &str) {
    let line = line.trim_start();
    match line.split_once('>') {
        Some((aim, command)) if aim.trim() == "*" || is_number(aim.trim()) => {
            (Some(aim.trim()), command.trim_start())
        }
        _ => (None, line),
    }
}

/// Whom a line of a swarm of so many is for, if it says so, and the command.
///
/// # Errors
///
/// Returns one sentence where there is no such drone.
pub(super) fn read(line: &str, count: usize) -> Result<(Option<Aim>, &str), String> {
    let (aim, command) = split(line);
    let aim = match aim {
        None => None,
        Some("*") => Some(Aim::All),
        Some(number) => match number.parse::<usize>() {
            Ok(number) if (1..=count).contains(&number) => Some(Aim::One(number - 1)),
            _ => {
                return Err(format!(
                    "there is no drone {}; there are {count}, and `/drones` lists them",
                    VisibleLine(number)
                ));
            }
        },
    };
    Ok((aim, command))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_whom_it_is_for_or_does_not() {
        assert_eq!(read("land", 2), Ok((None, "land")));
        assert_eq!(read(" 2> up 20", 2), Ok((Some(Aim::One(1)), "up 20")));
        assert_eq!(read("*>land", 2), Ok((Some(Aim::All), "land")));
        assert_eq!(read("2>", 2), Ok((Some(Aim::One(1)), "")));
        assert_eq!(read("EXT mled g >", 2), Ok((None, "EXT mled g >")));
        for wrong in ["0>land", "3>land", "99999999999999999999>land"] {
            assert!(read(wrong, 2).is_err(), "{wrong}");
        }
    }
}
