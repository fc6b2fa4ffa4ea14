//! `p2p`.

use clap::Args;

use crate::args::GlobalArgs;
use crate::exit::{Exit, Failure, Result};

#[derive(Debug, Args)]
pub(crate) struct P2pArgs {}

pub(crate) fn run(_args: &P2pArgs, _global: &GlobalArgs) -> Result<Exit> {
    Err(Failure::usage("this command is not there yet"))
}
