//! Asks the service's API for what MQTT does not tell, and finds the causes of its errors.

use std::time::Duration;

use aliyun_mqtt::openapi::{Api, TokenRequest};
use aliyun_mqtt::{ApiFault, ClientId, Code, Credentials, Error, ErrorKind, TokenKind, Tokens};
use zeroize::Zeroizing;

use super::cause::Cause;
use super::examination::{BACKOFF, Examination, NoApi};
use super::outcome::Problem;
use crate::advice;
use crate::exit::Failure;
use crate::lang::{Phrase, phrase};
use crate::settings::{Auth, Key};

impl Examination<'_> {
    /// Returns the API, if it is configured.
    pub(super) fn api(&self) -> Result<&Api, NoApi> {
        self.api.get_or_init(|| self.make_api()).as_ref().map_err(Clone::clone)
    }

    fn make_api(&self) -> Result<Api, NoApi> {
        let settings = &self.settings;
        if self.args.offline {
            return Err(NoApi::Absent(Phrase::untranslated("--offline")));
        }
        if settings.text(Key::ApiEndpoint).is_none() && settings.text(Key::RegionId).is_none() {
            return Err(NoApi::Absent(phrase!("neither --region-id nor --api-endpoint is given")));
        }
        let wrong = |failure: &Failure| {
            let problem = Problem::of_setting(failure);
            NoApi::Wrong(problem.cause, problem.message)
        };
        match settings
            .text(Key::AccessKeyId)
            .filter(|_| !settings.uses_chain())
            .map(|_| settings.optional_secret(Key::AccessKeySecret))
        {
            None if settings.uses_chain() => {
                if let Err(no_key) = settings.search() {
                    return Err(NoApi::Absent(if settings.logs_in_by_chain() {
                        phrase!("there is no AccessKey: see the step login")
                    } else if no_key.places.is_empty() {
                        Phrase::untranslated(no_key.whole.as_str())
                    } else {
                        phrase!("there is no AccessKey: `aliyun-mqtt config show` tells what each place has")
                    }));
                }
            }
            // Does not prompt for a secret that the login does not need.
            None | Some(Ok(None)) => return Err(NoApi::Absent(phrase!("no AccessKey with its secret is given"))),
            Some(Err(failure)) => return Err(NoApi::Wrong(Cause::SecretUnreadable, failure.message)),
            Some(Ok(Some(_))) => {}
        }
        let builder = settings.api_builder().map_err(|failure| wrong(&failure))?;
        let api = builder.backoff(BACKOFF.0, BACKOFF.1).timeout(self.timeout).build();
        api.map_err(|error| wrong(&Failure::from(error)))
    }

    /// Returns the groups of the instance. The API is asked once.
    pub(super) fn groups(&self) -> Option<&Result<Vec<String>, Error>> {
        let api = self.api().ok()?;
        Some(self.groups.get_or_init(|| {
            api.list_groups().map(|groups| groups.iter().map(|group| group.id().to_string()).collect())
        }))
    }

    /// Returns the group in the client id.
    pub(super) fn group(&self) -> Option<String> {
        if let Some(id) = &self.given_id {
            return ClientId::custom(id).ok()?.group().map(str::to_string);
        }
        self.settings.text(Key::GroupId).map(str::to_string)
    }

    /// Returns the configured token, if the login is by token.
    pub(super) fn token(&self) -> crate::exit::Result<Option<Zeroizing<String>>> {
        match self.settings.auth()? {
            Auth::Token => self.settings.optional_secret(Key::Token),
            _ => Ok(None),
        }
    }

    /// Returns whether the parent topic exists, if the API tells: it issues tokens only for topics that exist. The
    /// token is revoked at once.
    pub(super) fn topic_exists(&self, topic: &str) -> Option<bool> {
        let api = self.api().ok()?;
        let request = TokenRequest::new(TokenKind::ReadWrite, [topic]).lifetime(Duration::from_secs(120));
        match api.apply_token(&request) {
            Ok(token) => {
                // If that fails, it expires soon.
                let _ = api.revoke_token(token.secret());
                Some(true)
            }
            Err(error) => match error.api().and_then(ApiFault::code) {
                Some("PermissionCheckFailed") => Some(false),
                _ => None,
            },
        }
    }
}

/// Reads a text of tokens with their kinds.
pub(super) fn tokens(text: &str) -> Result<Tokens, Problem> {
    let malformed = |error| Problem::of(Cause::TokenMalformed, &error);
    let tokens: Tokens = text.parse().map_err(malformed)?;
    let client_id = ClientId::new("GID_doctor", "0").map_err(|error| Problem::of(Cause::Unexplained, &error))?;
    // A login with these tokens has rules of its own, such as one of each kind.
    Credentials::tokens("id", tokens.clone()).login(&client_id, "instance").map_err(malformed)?;
    Ok(tokens)
}

/// Returns the kinds of the tokens, as in their text.
pub(super) fn kinds(tokens: &Tokens) -> Vec<&'static str> {
    tokens.iter().map(|token| token.kind().as_str()).collect()
}

/// Finds the cause of a failed API call.
pub(super) fn judge(error: &Error) -> Problem {
    if let (ErrorKind::Credentials, Some(inner)) = (error.kind(), own_source(error)) {
        return judge(inner);
    }
    let cause = match error.kind() {
        ErrorKind::Timeout(_) => Cause::ApiSilent,
        ErrorKind::Resolve | ErrorKind::Connect if advice::is_through_proxy(error.message()) => Cause::ProxyUnreachable,
        ErrorKind::Connect if advice::is_about_here(error.message()) => Cause::NothingHere,
        ErrorKind::ConnectionLost if advice::is_about_here(error.message()) => Cause::ApiNotApi,
        ErrorKind::Resolve | ErrorKind::Connect | ErrorKind::ConnectionLost => Cause::ApiUnreachable,
        ErrorKind::Proxy if error.code() == Some(Code::Proxy(407)) => Cause::HttpProxy,
        ErrorKind::Proxy => Cause::ProxyRefused,
        ErrorKind::Tls => Cause::ApiTls,
        ErrorKind::Protocol => Cause::ApiNotApi,
        ErrorKind::Api => error.api().map_or(Cause::ApiRefused, fault),
        ErrorKind::Config | ErrorKind::Invalid => Cause::SettingWrong,
        _ => Cause::Unexplained,
    };
    Problem::of(cause, error)
}

fn own_source(error: &Error) -> Option<&Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// Finds the cause for an error code of the API. The gateway's codes are documented for other Alibaba Cloud products
/// only.
fn fault(fault: &ApiFault) -> Cause {
    let code = fault.code().unwrap_or_default();
    let begins = |word: &str| code.starts_with(word);
    match code {
        _ if fault.is_throttled() => Cause::ApiThrottled,
        _ if begins("InvalidAccessKeyId") || begins("InactiveAccessKey") => Cause::AccessKeyUnknown,
        _ if begins("SignatureDoesNotMatch") => Cause::AccessKeySecretWrong,
        _ if begins("InvalidTimeStamp") || begins("IllegalTimestamp") => Cause::ClockWrong,
        _ if begins("InvalidSecurityToken") || code == "MissingSecurityToken" || code == "CheckAccountInfoFailed" => {
            Cause::SecurityTokenWrong
        }
        "InstancePermissionCheckFailed" => Cause::InstanceUnknown,
        "PermissionCheckFailed" => Cause::ApiNoPermission,
        _ if begins("NoPermission") || begins("Forbidden") => Cause::ApiNoPermission,
        "ApiNotSupport" => Cause::ApiNotSupported,
        _ if fault.is_server_failure() => Cause::ApiFaulty,
        "" if !(400..500).contains(&fault.http_status()) => Cause::ApiNotApi,
        _ => Cause::ApiRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_taken_apart() {
        let pairs = |text| -> Vec<(&str, String)> {
            tokens(text).unwrap().iter().map(|token| (token.kind().as_str(), token.secret().to_string())).collect()
        };
        assert_eq!(pairs("RW|a"), [("RW", "a".to_string())]);
        assert_eq!(pairs("R|a|W|b"), [("R", "a".to_string()), ("W", "b".to_string())]);
        assert_eq!(kinds(&tokens("R|a|W|b").unwrap()), ["R", "W"]);
        for bad in ["RW|a\n", "a", "R|a|R|b"] {
            assert_eq!(tokens(bad).unwrap_err().cause, Cause::TokenMalformed, "{bad}");
        }
    }
}
