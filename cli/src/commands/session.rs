//! `session`.

use clap::Args;

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure, Result};

#[derive(Debug, Args)]
pub(crate) struct SessionArgs {}

pub(crate) fn run(_args: &SessionArgs, _global: &GlobalArgs) -> Result<Exit> {
    Err(Failure::usage("this command is not there yet"))
}
