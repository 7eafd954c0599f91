//! Arguments of a command that nobody has named are not made: there are hundreds, and each start
//! would pay for all.

use std::cell::Cell;

use clap::builder::{Resettable, StyledStr};
use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

thread_local! {
    /// Whether arguments are made at once on this thread.
    static IS_AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// Makes a command line with the arguments of all its commands: for help in another language, and
/// for whatever lists them.
pub(super) fn at_once(make: impl FnOnce() -> Command) -> Command {
    let before = IS_AT_ONCE.replace(true);
    let made = make();
    IS_AT_ONCE.set(before);
    made
}

/// Arguments that are made when their command is named.
pub(super) struct Later<T>(pub(super) T);

impl<T: Args> Args for Later<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        match IS_AT_ONCE.get() {
            true => T::augment_args(command),
            false => command.defer(augment::<T>),
        }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

/// Adds the arguments. What the command is about was said when it was named, and is not what the
/// arguments say of themselves.
fn augment<T: Args>(command: Command) -> Command {
    let about = command.get_about().cloned();
    let long_about = command.get_long_about().cloned();
    T::augment_args(command)
        .about(Resettable::<StyledStr>::from(about))
        .long_about(Resettable::<StyledStr>::from(long_about))
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
