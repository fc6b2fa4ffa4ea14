//! Commands whose arguments can be left out of the tree: to build those of all commands takes longer than a message.

use std::cell::RefCell;
use std::ops::Deref;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::repeatable::repeatable_in;
use crate::settings::all_settings;

thread_local! {
    /// The only command that gets its arguments now; `None`: all do.
    static ONLY: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Builds a tree in which only the command of this name has arguments.
pub(super) fn only(name: &str, build: impl FnOnce() -> Command) -> Command {
    ONLY.set(Some(name.to_string()));
    let tree = build();
    ONLY.set(None);
    tree
}

/// Reads the arguments inside of this wrapper, and gives access to them.
macro_rules! wrapper {
    ($name:ident) => {
        impl<T: FromArgMatches> FromArgMatches for $name<T> {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                T::from_arg_matches(matches).map($name)
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0.update_from_arg_matches(matches)
            }
        }

        impl<T> Deref for $name<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }
    };
}

/// The arguments of a command, which [`only`] may leave out.
#[derive(Debug)]
pub(crate) struct Late<T>(T);

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        if ONLY.with_borrow(|only| only.as_ref().is_some_and(|only| only != command.get_name())) {
            return command;
        }
        repeatable_in(T::augment_args(command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        repeatable_in(T::augment_args_for_update(command))
    }
}

wrapper!(Late);

/// The arguments of a command that takes all settings.
#[derive(Debug)]
pub(crate) struct WithSettings<T>(T);

impl<T: Args> Args for WithSettings<T> {
    fn augment_args(command: Command) -> Command {
        T::augment_args(command).args(all_settings())
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command).args(all_settings())
    }
}

wrapper!(WithSettings);
