//! `completions`: what a shell needs to complete our command lines.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::args::{Cli, GlobalArgs};
use crate::exit::{Exit, Result};
use crate::output::Out;

const EXAMPLES: &str = "\
Examples:
  aliyun-mqtt completions bash > ~/.local/share/bash-completion/completions/aliyun-mqtt
  aliyun-mqtt completions zsh > \"${fpath[1]}/_aliyun-mqtt\"
  aliyun-mqtt completions fish > ~/.config/fish/completions/aliyun-mqtt.fish";

#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, _global: &GlobalArgs) -> Result<Exit> {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "aliyun-mqtt", &mut script);
    let mut out = Out::new();
    out.bytes(&script)?;
    out.flush()?;
    Ok(Exit::Ok)
}
