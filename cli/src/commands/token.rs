//! `token`: temporary permissions for topics.

use std::path::PathBuf;
use std::time::Duration;

use aliyun_mqtt::openapi::TokenRequest;
use aliyun_mqtt::{TokenKind, Tokens};
use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use crate::confirm::confirm;
use crate::exit::{Exit, Failure, Result};
use crate::lang::phrase;
use crate::output::Out;
use crate::private_file::PrivateFile;
use crate::report;
use crate::settings::GlobalArgs;
use crate::settings::{Key, Settings};
use crate::table::{NOTHING, Table};
use crate::time::{rfc3339, span};
use crate::values::kind;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aliyun-mqtt token apply 'demo/#' --lifetime 1d --output token
  aliyun-mqtt token apply demo/up --kind W | ssh device 'umask 077; cat >token'
  aliyun-mqtt token query --token-file token
  aliyun-mqtt sub -t 'demo/#' --auth token --token-file token")]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Apply for a token and print it with its type, as RW|...
    ///
    /// This is the form that --token-file and ALIYUN_MQTT_TOKEN take. Anyone who has the token can use its topics until
    /// it expires, so keep it secret: --output writes a file that only its owner can read. A token has one type for all
    /// of its topics; to write to some topics and read others, apply for two tokens and join them with |.
    Apply(ApplyArgs),
    /// Query whether tokens are valid; exits with 1 if one of them is not
    ///
    /// The tokens are read from --token-file, ALIYUN_MQTT_TOKEN, the configuration file, standard input or a prompt:
    /// RW|..., several of these joined, or a bare token.
    Query {
        /// Print a JSON object for each token
        #[arg(long)]
        json: bool,
    },
    /// Revoke tokens and disconnect the clients that use them
    ///
    /// The tokens are read as by `token query`.
    Revoke {
        /// Do not ask for confirmation; without a terminal there is none
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct ApplyArgs {
    /// Topics, at most 100, with wildcards only below the first level [default: the parent topic and everything below]
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// Type of the token: R to subscribe, W to publish, RW for both
    #[arg(long, value_name = "TYPE", default_value = "RW", value_parser = kind())]
    kind: TokenKind,
    /// Lifetime, 60 s to 30 d: seconds, or a number with s, m, h or d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = span)]
    lifetime: Duration,
    /// Write the token to this file, which only its owner can read, instead of printing it
    #[arg(long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Print the bare token, without its type
    #[arg(long, conflicts_with = "json")]
    bare: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl TokenArgs {
    /// Returns true if something is to be printed on standard output.
    pub(crate) fn prints(&self) -> bool {
        match &self.command {
            TokenCommand::Apply(args) => args.output.is_none(),
            TokenCommand::Query { .. } => true,
            TokenCommand::Revoke { .. } => false,
        }
    }
}

pub(crate) fn run(args: &TokenArgs, global: &GlobalArgs) -> Result<Exit> {
    let settings = Settings::load(global)?;
    match &args.command {
        TokenCommand::Apply(args) => apply(args, &settings),
        TokenCommand::Query { json } => query(&settings, *json),
        TokenCommand::Revoke { yes } => revoke(&settings, *yes),
    }
}

fn apply(args: &ApplyArgs, settings: &Settings) -> Result<Exit> {
    let topics = match args.topics.is_empty() {
        false => args.topics.clone(),
        true => {
            settings.check_api(&[Key::Topic])?;
            let parent = settings.needed(Key::Topic)?;
            vec![parent.to_string(), format!("{parent}/#")]
        }
    };
    let request = TokenRequest::new(args.kind, topics).lifetime(args.lifetime);
    let file = args.output.as_deref().map(PrivateFile::at).transpose()?;
    let token = settings.api()?.apply_token(&request)?;
    let end = token.expires().map(rfc3339);
    let text = Zeroizing::new(if args.json {
        json!({ "kind": args.kind.as_str(), "token": token.secret(), "topics": request.topics(), "expires": end })
            .to_string()
    } else if args.bare {
        token.secret().to_string()
    } else {
        format!("{}|{}", args.kind, token.secret())
    });
    let until = end.map(|end| phrase!("valid until {end}", end));
    match file {
        Some(file) => {
            file.write(&Zeroizing::new(format!("{}\n", *text)))?;
            let path = file.path().display();
            let wrote = phrase!("wrote {path}", path);
            report::status(&until.map_or(wrote.clone(), |until| wrote.and(&until)));
        }
        None => {
            Out::new().line(&text)?;
            until.iter().for_each(report::status);
        }
    }
    Ok(Exit::Ok)
}

fn query(settings: &Settings, as_json: bool) -> Result<Exit> {
    let tokens = tokens(settings)?;
    let api = settings.api()?;
    let (mut out, mut table) = (Out::new(), Table::new(["TYPE", "STATE"]));
    let mut all = true;
    for (kind, token) in &tokens {
        let valid = api.query_token(token)?;
        all &= valid;
        let kind = kind.map(TokenKind::as_str);
        if as_json {
            out.json(&json!({ "kind": kind, "valid": valid }))?;
        } else {
            let state = if valid { "valid" } else { "invalid" };
            table.rows(&mut out, &[[kind.unwrap_or(NOTHING).to_string(), state.to_string()]])?;
        }
    }
    Ok(if all { Exit::Ok } else { Exit::Failure })
}

fn revoke(settings: &Settings, yes: bool) -> Result<Exit> {
    let tokens = tokens(settings)?;
    confirm("Revoke the token? Clients that use it are disconnected.", yes)?;
    let api = settings.api()?;
    for (kind, token) in &tokens {
        api.revoke_token(token)?;
        report::status(&match kind {
            Some(kind) => phrase!("revoked the {kind} token", kind),
            None => phrase!("revoked the token"),
        });
    }
    Ok(Exit::Ok)
}

/// Returns the configured tokens, each with its type, which is not sent to the API.
fn tokens(settings: &Settings) -> Result<Vec<(Option<TokenKind>, Zeroizing<String>)>> {
    split(&settings.secret_or_stdin(Key::Token)?).map_err(|error| {
        Failure::from(error).hint(phrase!("give RW|..., R|... or W|..., several of these joined by |, or a bare token"))
    })
}

fn split(text: &str) -> aliyun_mqtt::Result<Vec<(Option<TokenKind>, Zeroizing<String>)>> {
    let own = |text: &str| Zeroizing::new(text.to_string());
    if !text.contains('|') {
        return Ok(vec![(None, own(text))]);
    }
    let tokens: Tokens = text.parse()?;
    Ok(tokens.iter().map(|token| (Some(token.kind()), own(token.secret()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_with_their_types_or_bare() {
        let read = |text| -> Option<Vec<(Option<TokenKind>, String)>> {
            Some(split(text).ok()?.into_iter().map(|(kind, text)| (kind, text.to_string())).collect())
        };
        let (r, w) = (Some(TokenKind::Read), Some(TokenKind::Write));
        assert_eq!(read("abc"), Some(vec![(None, "abc".to_string())]));
        assert_eq!(read("R|123|W|abcd"), Some(vec![(r, "123".to_string()), (w, "abcd".to_string())]));
        for bad in ["X|abc", "R|a|b", "abc|R", "|", "R|"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
