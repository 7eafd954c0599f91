//! Arguments that nobody has named are not made: there are hundreds, and each start would pay for
//! all.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::ffi::{OsStr, OsString};
use std::ops::Deref;

use clap::builder::{Resettable, StyledStr};
use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

thread_local! {
    /// Whether arguments are made at once on this thread.
    static IS_AT_ONCE: Cell<bool> = const { Cell::new(false) };
    /// What was typed; `None` where that is not known, and each group is made.
    static TYPED: RefCell<Option<Vec<OsString>>> = const { RefCell::new(None) };
    /// The groups that were not made.
    static LEFT_OUT: RefCell<Vec<TypeId>> = const { RefCell::new(Vec::new()) };
}

/// Says what was typed, by which groups of arguments are made or not on this thread.
pub(super) fn make_for(typed: impl Iterator<Item = OsString>) {
    let typed: Vec<OsString> = typed.collect();
    // The help of a command tells of all its arguments, and is asked for without a flag too.
    let may_be_help = typed.iter().any(|word| word == "help");
    TYPED.set((!may_be_help).then_some(typed));
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

/// A group of arguments that is made where something was typed that the command does not have before
/// it. Otherwise nothing of it can have been typed, and it is as by default; so none of it may be
/// required or have a default value of another kind.
#[derive(Default)]
pub(crate) struct IfTyped<T>(pub(crate) T);

impl<T> Deref for IfTyped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args + Default + 'static> Args for IfTyped<T> {
    fn group_id() -> Option<Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        if IS_AT_ONCE.get() || lacks_something(&command) {
            return T::augment_args(command);
        }
        LEFT_OUT.with_borrow_mut(|groups| groups.push(TypeId::of::<T>()));
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: FromArgMatches + Default + 'static> FromArgMatches for IfTyped<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        match is_left_out::<T>() {
            true => Ok(Self::default()),
            false => T::from_arg_matches(matches).map(Self),
        }
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        match is_left_out::<T>() {
            true => Ok(Self::default()),
            false => T::from_arg_matches_mut(matches).map(Self),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

fn is_left_out<T: 'static>() -> bool {
    LEFT_OUT.with_borrow(|groups| groups.contains(&TypeId::of::<T>()))
}

/// Whether something was typed that may be an argument, and none that the command has by now.
fn lacks_something(command: &Command) -> bool {
    TYPED.with_borrow(|typed| {
        let Some(typed) = typed else {
            return true;
        };
        typed.iter().any(|word| lacks(command, word))
    })
}

fn lacks(command: &Command, word: &OsStr) -> bool {
    if !word.as_encoded_bytes().starts_with(b"-") || word == "--" {
        return false;
    }
    let long = word.to_str().and_then(|word| word.strip_prefix("--"));
    let name = long.map(|long| long.split_once('=').map_or(long, |(name, _)| name));
    let has = |name| {
        command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(name))
    };
    !name.is_some_and(has)
}

#[cfg(test)]
mod tests;
