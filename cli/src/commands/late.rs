//! Commands whose arguments are built only when they are needed: all of them together take longer than a message.

use std::ops::Deref;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::repeatable_in;
use crate::settings::all_settings;

/// The arguments of a command, which clap builds when the command is asked for, or the whole tree is.
#[derive(Debug)]
pub(crate) struct Late<T>(T);

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| repeatable_in(T::augment_args(command)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| repeatable_in(T::augment_args_for_update(command)))
    }
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Late)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

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

impl<T: FromArgMatches> FromArgMatches for WithSettings<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(WithSettings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T> Deref for WithSettings<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
