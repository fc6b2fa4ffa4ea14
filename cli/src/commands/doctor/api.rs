//! The steps that ask the service's API: whether the token is valid, and whether the API knows AccessKey, instance and
//! group.

use std::time::Instant;

use aliyun_mqtt::ApiFault;

use super::cause::Cause;
use super::examination::{Examination, NoApi};
use super::outcome::{Facts, Outcome, Problem};
use super::witness::{judge, kinds, tokens};
use crate::lang::{Phrase, phrase};
use crate::settings::{Auth, Key};
use crate::time;

pub(super) fn token(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let text = match exam.token() {
        Ok(Some(text)) => text,
        Ok(None) => return Outcome::skipped(no_token(exam)),
        Err(_) => return Outcome::skipped(phrase!("the token could not be read")),
    };
    // The API would reject a malformed token with a less helpful error.
    let tokens = match tokens(&text) {
        Ok(tokens) => tokens,
        Err(problem) => return problem.into(),
    };
    let api = match exam.api() {
        Ok(api) => api,
        Err(why) => return Outcome::skipped(why.reason_for(phrase!("only the API can tell whether a token is valid"))),
    };
    let mut dead = Vec::new();
    for token in &tokens {
        match api.query_token(token.secret()) {
            Ok(true) => {}
            Ok(false) => dead.push(token.kind().as_str()),
            Err(error) => return judge(&error).into(),
        }
    }
    facts.note("kinds", kinds(&tokens));
    facts.note("valid", dead.is_empty());
    match &dead[..] {
        [] => Outcome::ok(phrase!("valid according to the API")),
        kinds => Problem::new(Cause::TokenDead, format!("QueryToken says no to the token {}", kinds.join(", "))).into(),
    }
}

/// Returns the reason why there is no token to check.
fn no_token(exam: &Examination<'_>) -> Phrase {
    match (exam.settings.auth(), exam.settings.source(Key::Token)) {
        (Ok(Auth::Token), _) => phrase!("no token is given; one is applied for when the client logs in"),
        (Ok(auth), Some(source)) => {
            let auth = auth.name();
            let unused = phrase!("a token is given, but the login by {auth} does not use it; --auth token does", auth);
            source.phrase().because(&unused)
        }
        (Ok(Auth::Chain), None) if exam.settings.search().is_ok_and(|key| key.is_temporary()) => {
            phrase!("no token is given; one is applied for when the client logs in")
        }
        _ => phrase!("no token is given"),
    }
}

pub(super) fn api(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let api = match exam.api() {
        Ok(api) => api,
        Err(NoApi::Absent(why)) => return Outcome::skipped(why),
        Err(NoApi::Wrong(cause, message)) => return Problem::new(cause, message).into(),
    };
    facts.note("url", api.endpoint());
    facts.note("region", api.region());
    match exam.settings.uses_chain().then(|| exam.settings.chain_key()) {
        Some(Ok(key)) => {
            facts.note("access_key_id", key.access_key_id());
            facts.note("key_from", key.place());
            facts.note("key_expires", key.expires().map(time::rfc3339));
        }
        _ => facts.note("access_key_id", api.access_key_id()),
    }
    let start = Instant::now();
    let Some(groups) = exam.groups() else { return Outcome::skipped(phrase!("the API cannot be asked")) };
    facts.time("answer_ms", start);
    match groups {
        Err(error) => {
            facts.note("request_id", error.api().and_then(ApiFault::request_id));
            let problem = judge(error);
            // The API is reachable and accepts the AccessKey. A policy may intentionally allow only some operations.
            if problem.cause == Cause::ApiNoPermission { Outcome::Warning(problem) } else { problem.into() }
        }
        Ok(groups) => {
            facts.note("groups", groups.len());
            match exam.group() {
                Some(group) if !groups.contains(&group) => {
                    Problem::new(Cause::GroupNotCreated, format!("{group:?} is none of {}", groups.join(", "))).into()
                }
                Some(group) => Outcome::ok(phrase!("knows the instance and {group}", group)),
                None => Outcome::ok(phrase!("knows the instance")),
            }
        }
    }
}
