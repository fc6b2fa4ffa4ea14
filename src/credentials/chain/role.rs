//! RAM roles, which STS lets a key or an OIDC token assume.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::fault::{credentials, refusal};
use super::fetched::Fetched;
use super::key_json;
use super::place::Place;
use crate::config::environment::{self, Variables};
use crate::error::{Error, Result};
use crate::openapi::access_key::AccessKey;
use crate::openapi::site::{Answer, Site};
use crate::printable::excerpt;

/// The lifetime of the key of a role, in seconds, unless a profile says otherwise.
const LIFETIME: u64 = 3600;

/// The shortest lifetime that STS accepts.
const SHORTEST: u64 = 900;

/// How a role is assumed.
pub(super) struct RoleSession {
    pub(super) role_arn: String,
    /// The name that audit logs show.
    pub(super) name: String,
    pub(super) policy: Option<String>,
    pub(super) lifetime: u64,
    pub(super) region: Option<String>,
    pub(super) vpc: Option<bool>,
}

/// A role that a key assumes.
pub(super) struct Role {
    pub(super) session: RoleSession,
    pub(super) external_id: Option<String>,
}

/// A role that an OIDC token assumes.
pub(super) struct OidcRole {
    pub(super) session: RoleSession,
    pub(super) provider: String,
    pub(super) token_file: PathBuf,
}

impl RoleSession {
    /// Returns a session with the defaults of the environment.
    pub(super) fn of(variables: &Variables, role_arn: &str) -> Result<Self> {
        let name = variables.text(environment::ROLE_SESSION_NAME)?.map_or_else(
            || {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                format!("aliyun-mqtt-{now}")
            },
            str::to_string,
        );
        let role_arn = role_arn.to_string();
        Ok(RoleSession { role_arn, name, policy: None, lifetime: LIFETIME, region: None, vpc: None })
    }

    /// Sets the lifetime that a profile has.
    pub(super) fn lasting(mut self, seconds: Option<u64>) -> Result<Self> {
        self.lifetime = seconds.unwrap_or(LIFETIME);
        if self.lifetime < SHORTEST {
            let message = format!("the session of the role is to last {} s; at least {SHORTEST} s", self.lifetime);
            return Err(credentials(message));
        }
        Ok(self)
    }

    /// Returns the endpoint of STS, as Alibaba Cloud's SDKs choose it.
    fn sts(&self, place: &Place<'_>) -> Result<Site> {
        let variables = place.variables;
        let (name, url) = match variables.text(environment::STS_ENDPOINT)? {
            Some(url) => (environment::STS_ENDPOINT, url.to_string()),
            None => {
                let vpc = self.vpc.unwrap_or_else(|| variables.is_true(environment::VPC_ENDPOINT_ENABLED));
                let prefix = if vpc { "sts-vpc" } else { "sts" };
                let region = self.region.as_deref().or(variables.text(environment::STS_REGION)?);
                let url = match region {
                    Some(region) => format!("https://{prefix}.{region}.aliyuncs.com"),
                    None => "https://sts.aliyuncs.com".to_string(),
                };
                (environment::STS_REGION, url)
            }
        };
        Site::sts(name, &url, place.network, place.left()?)
    }

    /// Calls STS. `more` are the parameters besides those of every session.
    fn call(
        &self,
        action: &'static str,
        more: &[(&str, &str)],
        key: Option<&AccessKey>,
        place: &Place<'_>,
    ) -> Result<Fetched> {
        let lifetime = self.lifetime.to_string();
        let mut form =
            vec![("DurationSeconds", lifetime.as_str()), ("RoleArn", &self.role_arn), ("RoleSessionName", &self.name)];
        form.extend(self.policy.as_deref().map(|policy| ("Policy", policy)));
        form.extend_from_slice(more);
        let answer = self.sts(place)?.call(action, &form, key, place.left()?)?;
        if answer.status == 200 {
            return key_json::read_sts("STS", &answer.body);
        }
        Err(self.refused(action, &answer))
    }

    /// The message of STS is not shown: it may repeat the request.
    fn refused(&self, action: &str, answer: &Answer) -> Error {
        let [code, request_id] = ["Code", "RequestId"].map(|name| key_json::plain(&answer.body, name));
        let shown = |label: &str, value: &Option<String>| {
            value.as_ref().map_or_else(String::new, |value| format!(", {label} {value}"))
        };
        let parts = format!("{}{}", shown("code", &code), shown("request id", &request_id));
        let role = excerpt(&self.role_arn);
        credentials(format!("{action} of {role} failed: HTTP {}{parts}", answer.status))
            .with_source(refusal(answer.status, code))
    }
}

impl Role {
    pub(super) fn assume(&self, key: &AccessKey, place: &Place<'_>) -> Result<Fetched> {
        let external: Vec<_> = self.external_id.iter().map(|id| ("ExternalId", id.as_str())).collect();
        self.session.call("AssumeRole", &external, Some(key), place)
    }
}

impl OidcRole {
    pub(super) fn assume(&self, place: &Place<'_>) -> Result<Fetched> {
        let path = self.token_file.display();
        let token = place.read(&self.token_file)?;
        let token = token.ok_or_else(|| credentials(format!("{path} cannot be read: there is no such file")))?;
        let token = token.trim();
        if token.is_empty() {
            return Err(credentials(format!("{path} has no OIDC token")));
        }
        let own = [("OIDCProviderArn", self.provider.as_str()), ("OIDCToken", token)];
        self.session.call("AssumeRoleWithOIDC", &own, None, place)
    }
}
