//! Options that may be given more than once.

use clap::{Arg, ArgAction};

/// Makes the arguments of a command and of those below it repeatable, as far as they are. To be applied after all of
/// them are there, since it changes them.
pub(super) fn repeatable_in(command: clap::Command) -> clap::Command {
    command.mut_args(repeatable).mut_subcommands(repeatable_in)
}

/// Lets the last of several equal settings or switches win, so that a shell alias can be overridden. clap refuses a
/// second value for other options, since one of the two would be lost silently.
fn repeatable(argument: Arg) -> Arg {
    if matches!(argument.get_action(), ArgAction::Set) && !argument.is_global_set() {
        return argument;
    }
    overridden_by_itself(argument)
}

pub(super) fn overridden_by_itself(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::Set | ArgAction::SetTrue => {
            let own = argument.get_id().clone();
            argument.overrides_with(own)
        }
        _ => argument,
    }
}
