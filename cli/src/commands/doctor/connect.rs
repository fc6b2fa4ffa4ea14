//! The step `connect`: logs in, and finds the cause if that fails.

use std::time::Instant;

use aliyun_mqtt::{Client, Code, Error, ErrorKind, Stage};

use super::cause::Cause;
use super::examination::{Examination, Session};
use super::outcome::{Facts, Outcome, Problem, words};
use super::probe::no_websocket;
use super::{tls_cause, witness};
use crate::lang::phrase;
use crate::settings::{Auth, Key};

pub(super) fn connect(exam: &mut Examination<'_>, facts: &mut Facts) -> Outcome {
    let Some(config) = exam.config.clone() else { return Outcome::skipped(phrase!("there is no login to try")) };
    if exam.reached.is_none() && exam.proxy.is_none() {
        return Outcome::skipped(phrase!("there is no connection"));
    }
    if !exam.secured && exam.proxy.is_none() {
        return Outcome::skipped(phrase!("TLS failed"));
    }
    facts.note("client_id", config.client_id().as_str());
    facts.note("protocol", config.protocol().to_string());
    if let (Some(id), false) = (&exam.given_id, exam.args.take_over) {
        match exam.api().ok().map(|api| api.query_session(id)) {
            Some(Ok(true)) => {
                return Problem::new(Cause::ClientIdInUse, format!("according to the API, {id} is online")).into();
            }
            Some(Ok(false)) => facts.note("online_before", false),
            // The step `api` reports this error.
            Some(Err(_)) | None => {}
        }
    }
    let start = Instant::now();
    match Client::connect(config) {
        Ok(client) => {
            facts.note("connack", "0: accepted");
            facts.time("connack_ms", start);
            exam.interrupt_ends(&client);
            let id = client.config().client_id();
            let fact = phrase!("accepted as {id}", id);
            exam.session = Some(Session { events: client.events(), client });
            Outcome::Ok(fact)
        }
        Err(error) => {
            if let Some(code) = error.code().filter(|code| !matches!(code, Code::WebSocket(_))) {
                facts.note("connack", code.to_string());
            }
            exam.refusal(&error, facts).into()
        }
    }
}

impl Examination<'_> {
    /// Finds the cause of a failed login.
    pub(super) fn refusal(&self, error: &Error, facts: &mut Facts) -> Problem {
        if let Some(cause) = by_tls(error) {
            return Problem::of(cause, error);
        }
        if let Some(cause) = self.proxy.as_ref().and_then(|_| by_proxy(error)) {
            return Problem::of(cause, error);
        }
        let cause = match error.kind() {
            ErrorKind::Refused => return self.refused(error),
            ErrorKind::Credentials if error.api().is_some() || error.is_timeout() || is_own(error) => {
                return self.no_token(error);
            }
            ErrorKind::Credentials => Cause::SecretUnreadable,
            // The earlier steps resolved the name, connected and completed TLS, so CONNECT is what got no answer.
            ErrorKind::Timeout(_) => self.answer_found(facts).unwrap_or(Cause::ConnackSilent),
            ErrorKind::Protocol => match self.answer_found(facts).or_else(|| by_status(error)) {
                Some(cause) => cause,
                // The port speaks MQTT. The service is said to close the connection if the group does not exist.
                None => return self.by_witness(error, Cause::ConnectionClosed),
            },
            ErrorKind::Connect | ErrorKind::ConnectionLost => Cause::ConnectionCut,
            ErrorKind::Config | ErrorKind::Invalid => Cause::SettingWrong,
            _ => Cause::Unexplained,
        };
        Problem::of(cause, error)
    }

    /// Finds the cause if no token could be applied for.
    fn no_token(&self, error: &Error) -> Problem {
        let problem = witness::judge(error);
        // The service checks the parent topic of the token's only resource.
        let topic = error.api().is_some_and(|fault| fault.code() == Some("PermissionCheckFailed"));
        if topic { Problem { cause: Cause::TopicNotCreated, ..problem } } else { problem }
    }

    /// Finds the cause of a refusing CONNACK. The service does not document what its codes mean, so the API is asked,
    /// too.
    fn refused(&self, error: &Error) -> Problem {
        let code = error.code().map_or(0, Code::number);
        let said = |cause| Problem::of(cause, error);
        match code {
            1 | 0x84 => return said(Cause::MqttVersionRefused),
            2 | 0x85 => return said(Cause::ClientIdRefused),
            3 | 0x88 | 0x89 | 0x97 | 0x9F => return said(Cause::ServiceUnavailable),
            _ => {}
        }
        if let Some(problem) = self.other_instance() {
            return Problem::new(problem.cause, format!("{}; {}", words(error), problem.message));
        }
        let by_code = if matches!(code, 4 | 0x86) { Cause::PasswordRefused } else { Cause::NotAuthorized };
        self.by_witness(error, by_code)
    }

    /// Returns the cause that the API knows, or `otherwise`.
    fn by_witness(&self, error: &Error, otherwise: Cause) -> Problem {
        match self.witness() {
            Some((cause, message)) => Problem::new(cause, format!("{}; the API: {message}", words(error))),
            None => Problem::of(otherwise, error),
        }
    }

    /// Asks the API why the login was refused.
    fn witness(&self) -> Option<(Cause, String)> {
        let auth = self.settings.auth().ok()?;
        match self.groups()? {
            Err(error) => {
                let problem = witness::judge(error);
                // The login of a device does not depend on the account's AccessKey, that of a token not on its secret.
                let counts = match problem.cause {
                    Cause::InstanceUnknown => true,
                    Cause::AccessKeyUnknown => matches!(auth, Auth::Signature | Auth::Token | Auth::Chain),
                    Cause::AccessKeySecretWrong => matches!(auth, Auth::Signature | Auth::Chain),
                    _ => false,
                };
                return counts.then_some((problem.cause, problem.message));
            }
            Ok(groups) => {
                let group = self.group()?;
                if !groups.contains(&group) {
                    return Some((Cause::GroupNotCreated, format!("{group:?} is not among {}", groups.join(", "))));
                }
            }
        }
        match auth {
            Auth::Signature | Auth::Chain => Some((
                Cause::SignatureNotTaken,
                "it accepts this AccessKey, and knows the instance and the group".to_string(),
            )),
            Auth::Device => self.device_witness(),
            Auth::Token => self.token_witness(),
            Auth::CustomPlain | Auth::CustomSigned => None,
        }
    }

    fn device_witness(&self) -> Option<(Cause, String)> {
        let given = self.settings.text(Key::DeviceAccessKeyId)?;
        match self.api().ok()?.device_credential(self.given_id.as_deref()?) {
            Ok(known) if known.access_key_id() != given => {
                Some((Cause::DeviceCredentialReplaced, format!("the credential's id is {}", known.access_key_id())))
            }
            Ok(known) => {
                let secret = self.settings.secret(Key::DeviceAccessKeySecret).ok()?;
                (known.access_key_secret() != secret.as_str())
                    .then(|| (Cause::DeviceSecretWrong, "the credential has a different secret".to_string()))
            }
            Err(error) => {
                let fault = error.api()?;
                let missing = !fault.is_throttled() && !fault.is_server_failure();
                missing.then(|| (Cause::DeviceCredentialMissing, words(&error)))
            }
        }
    }

    fn token_witness(&self) -> Option<(Cause, String)> {
        let (api, text) = (self.api().ok()?, self.token().ok()??);
        for token in witness::tokens(&text).ok()? {
            if !api.query_token(token.secret()).ok()? {
                let kind = token.kind();
                return Some((Cause::TokenDead, format!("QueryToken reports that the token {kind} is not valid")));
            }
        }
        Some((Cause::TokenOfOtherKey, "QueryToken reports that the token is valid".to_string()))
    }
}

/// Finds the cause of what fails at the proxy, or in TLS behind it, which no earlier step has tried.
fn by_proxy(error: &Error) -> Option<Cause> {
    Some(match (error.kind(), error.stage()) {
        (ErrorKind::Timeout(Stage::Resolve | Stage::Connect | Stage::Proxy), _) => Cause::ProxySilent,
        (ErrorKind::Timeout(Stage::Tls), _) => Cause::TlsSilent,
        (ErrorKind::Tls, _) => Cause::TlsClosed,
        (ErrorKind::Resolve | ErrorKind::Connect, _) => Cause::ProxyUnreachable,
        (ErrorKind::Proxy, _) if error.code() == Some(Code::Proxy(407)) => Cause::HttpProxy,
        (ErrorKind::Proxy, _) | (ErrorKind::ConnectionLost, Some(Stage::Proxy)) => Cause::ProxyRefused,
        _ => return None,
    })
}

/// Finds the cause by the answer to the library's request for a WebSocket. Through a proxy, nothing else can be asked.
fn by_status(error: &Error) -> Option<Cause> {
    match error.code()? {
        Code::WebSocket(101) => Some(Cause::WebSocketWithoutMqtt),
        Code::WebSocket(status) => Some(no_websocket(status)),
        _ => None,
    }
}

/// Finds the cause in an error of TLS. Through a proxy no earlier step has seen the certificates, and in TLS 1.3 the
/// server rejects a client certificate only after the handshake.
fn by_tls(error: &Error) -> Option<Cause> {
    if let Some(cause) = error.hint_key().and_then(tls_cause::of_hint) {
        return Some(cause);
    }
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls_cause::of_error(error));
        }
        let inner = cause.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(tls_cause::of_error(error));
        }
        next = cause.source();
    }
    None
}

/// Returns true if the cause is an error of the library, not of a file or command.
fn is_own(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Error>)
}
