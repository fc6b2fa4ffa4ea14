//! The metadata service of an ECS instance, which hands out the key of its RAM role.
//!
//! Help pages "Instance RAM roles" and "Instance metadata": IMDSv2 gives a token for a PUT, which every later request
//! carries; IMDSv1 answers without one.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::fault::{credentials, not_ok};
use super::fetched::Fetched;
use super::key_json;
use super::place::Place;
use crate::config::environment;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::openapi::site::{Answer, Site};

/// The address that every ECS instance has for it.
const HOST: &str = "100.100.100.200";

/// The longest time for all requests together: a machine that is no ECS instance has nobody who answers.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The part of it for the token of IMDSv2, where IMDSv1 may be used without: the answer to a PUT gets lost where a
/// container's hop limit is too low.
const TOKEN_PATIENCE: Duration = Duration::from_millis(400);

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";
const TOKEN_LIFE: (&str, &str) = ("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");

/// The longest name of a role that is taken for one.
const ROLE_LEN: usize = 64;

const WHOSE: &str = "the metadata service";

/// Why there is no key.
pub(super) enum Failure {
    /// Nobody answers, or the instance has no role: most machines are so.
    Nobody(Error),
    Broken(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Broken(error)
    }
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Failure::Nobody(error) | Failure::Broken(error) => error,
        }
    }
}

/// Returns the key of this role, or of the role that the service names.
pub(super) fn fetch(role: Option<&str>, place: &Place<'_>) -> Result<Fetched, Failure> {
    let variables = place.variables;
    if variables.is_true(environment::ECS_METADATA_DISABLED) {
        return Err(credentials(format!("{} is true", environment::ECS_METADATA_DISABLED)).into());
    }
    let address = format!("http://{HOST}");
    let url = variables.text(environment::METADATA_ENDPOINT)?.unwrap_or(&address);
    let start = Instant::now();
    let mut service = Service {
        site: Site::direct(environment::METADATA_ENDPOINT, url, HOST, PATIENCE)?,
        start,
        deadline: place.deadline.min(start + PATIENCE),
        may_use_v1: !variables.is_true(environment::IMDSV1_DISABLED),
        has_answered: false,
        token: None,
    };
    service.log_in()?;
    let role = match role.or(variables.text(environment::ECS_METADATA)?) {
        Some(role) => checked_role(role.as_bytes())?,
        None => checked_role(&service.get(ROLES)?.body)?,
    };
    let answer = service.get(&format!("{ROLES}{role}"))?;
    Ok(key_json::read_flat(WHOSE, &answer.body)?)
}

struct Service {
    site: Site,
    start: Instant,
    deadline: Instant,
    may_use_v1: bool,
    /// To any request, in any way.
    has_answered: bool,
    token: Option<Zeroizing<String>>,
}

impl Service {
    /// Obtains the token of IMDSv2. Where IMDSv1 may be used, whatever fails here is no error, as in the official SDKs:
    /// something in between may let no PUT pass.
    fn log_in(&mut self) -> Result<(), Failure> {
        match self.ask_token() {
            Ok(token) => self.token = Some(token),
            Err(_) if self.may_use_v1 => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn ask_token(&mut self) -> Result<Zeroizing<String>, Failure> {
        let answer = self.good("PUT", TOKEN, &[TOKEN_LIFE])?;
        let token = std::str::from_utf8(&answer.body).ok().map(str::trim).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| credentials(format!("{WHOSE} has handed out an empty token")))?;
        Ok(Zeroizing::new(token.to_string()))
    }

    fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        let Some(token) = self.token.take() else { return self.good("GET", path, &[]) };
        let answer = self.good("GET", path, &[(TOKEN_HEADER, &token)]);
        if answer.is_err() && self.may_use_v1 {
            // As the official SDKs do.
            return self.good("GET", path, &[]);
        }
        self.token = Some(token);
        answer
    }

    /// Sends a request whose answer must be HTTP 200.
    fn good(&mut self, method: &'static str, path: &str, headers: &[(&'static str, &str)]) -> Result<Answer, Failure> {
        let answer = match self.request(method, path, headers) {
            Ok(answer) => answer,
            Err(error) => {
                let silence = !self.has_answered && matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout(_));
                return Err(if silence { Failure::Nobody(error) } else { Failure::Broken(error) });
            }
        };
        self.has_answered = true;
        match (answer.status, path) {
            (200, _) => Ok(answer),
            (404, ROLES) => Err(Failure::Nobody(not_ok(WHOSE, answer.status))),
            _ => Err(Failure::Broken(not_ok(WHOSE, answer.status))),
        }
    }

    fn request(&self, method: &'static str, path: &str, headers: &[(&'static str, &str)]) -> Result<Answer> {
        let late = || {
            let message = format!("{WHOSE} did not answer within {PATIENCE:?}");
            Error::new(ErrorKind::Timeout(Stage::Credentials), message)
        };
        let deadline = match method {
            "PUT" if self.may_use_v1 => self.deadline.min(self.start + TOKEN_PATIENCE),
            _ => self.deadline,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late());
        }
        let answer = self.site.request(method, path, headers, left);
        answer.map_err(|error| if error.is_timeout() { late().with_source(error) } else { error })
    }
}

/// Returns the name of a role, which becomes part of a URL.
fn checked_role(bytes: &[u8]) -> Result<String> {
    let role = std::str::from_utf8(bytes).unwrap_or_default().trim();
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=ROLE_LEN).contains(&role.len()) && role.bytes().all(fine) {
        return Ok(role.to_string());
    }
    Err(credentials(format!("{WHOSE} names no RAM role of this instance")))
}
