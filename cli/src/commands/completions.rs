//! `completions`: prints the script with which a shell completes the commands and options.

use clap::{Args, Command};
use clap_complete::Shell;

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
    /// Shell to print the script for
    shell: Shell,
}

/// `tree` is the whole command line.
pub(crate) fn run(args: &CompletionsArgs, mut tree: Command) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut tree, "aliyun-mqtt", &mut script);
    if args.shell == Shell::Bash {
        // clap_complete 4.6 treats the hyphen in the program's name as a step to a subcommand, but only where it looks
        // up the options, so nothing after a command would be completed.
        script = String::from_utf8_lossy(&script).replace("aliyun__subcmd__mqtt", "aliyun__mqtt").into_bytes();
    }
    let script = with_profiles(args.shell, &String::from_utf8_lossy(&script));
    let mut out = Out::new();
    out.text(&script)?;
    out.flush()?;
    Ok(Exit::Ok)
}

/// Makes `--profile` complete to the profiles that the configuration file has at that moment.
fn with_profiles(shell: Shell, script: &str) -> String {
    const NAMES: &str = "aliyun-mqtt config profiles 2>/dev/null";
    match shell {
        Shell::Bash => ["--profile", "-P"].iter().fold(script.to_string(), |script, flag| {
            let files = format!("{flag})\n                    COMPREPLY=($(compgen -f \"${{cur}}\"))");
            let names =
                format!("{flag})\n                    COMPREPLY=($(compgen -W \"$({NAMES})\" -- \"${{cur}}\"))");
            script.replace(&files, &names)
        }),
        Shell::Zsh => script.replace(":PROFILE:_default", &format!(":PROFILE:{{compadd -- ${{(f)\"$({NAMES})\"}}}}")),
        Shell::Fish => {
            let mut lines: Vec<String> = script.lines().map(str::to_string).collect();
            for line in lines.iter_mut().filter(|line| line.contains(" -l profile ")) {
                line.push_str(&format!(" -f -a '({NAMES})'"));
            }
            lines.join("\n") + "\n"
        }
        _ => script.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes as long as clap_complete needs the replacement above: see docs/upstream.md.
    #[test]
    fn the_hyphen_still_breaks_the_names_in_the_script_for_bash() {
        let mut script = Vec::new();
        let mut command = Command::new("a-b").subcommand(Command::new("c"));
        clap_complete::generate(Shell::Bash, &mut command, "a-b", &mut script);
        let script = String::from_utf8_lossy(&script);
        assert!(script.contains("a__subcmd__b") && script.contains("a__b"), "mended:\n{script}");
    }
}
