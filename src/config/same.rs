//! The comparison of two configurations, for bindings that keep a client as long as its settings stay the same.

use super::ConfigBuilder;
use super::builder::Given;

impl ConfigBuilder {
    /// Returns true if both have the same settings, secrets included; where they come from does not matter, except that
    /// variables of the environment are compared with variables. Functions that provide credentials are the same if
    /// they are clones. A builder with an invalid variable is the same as no other.
    #[doc(hidden)]
    #[must_use]
    pub fn same_settings(&self, other: &ConfigBuilder) -> bool {
        fn same(one: Option<&Given>, two: Option<&Given>) -> bool {
            one.map(|given| &given.text) == two.map(|given| &given.text)
        }
        let credentials = match (&self.credentials, &other.credentials) {
            (Some(one), Some(two)) => one.same(two),
            (None, None) => self.variables == other.variables,
            _ => false,
        };
        self.fault.is_none()
            && other.fault.is_none()
            && credentials
            && same(self.endpoint.as_ref(), other.endpoint.as_ref())
            && same(self.instance_id.as_ref(), other.instance_id.as_ref())
            && same(self.group_id.as_ref(), other.group_id.as_ref())
            && same(self.device_id.as_ref(), other.device_id.as_ref())
            && self.client_id == other.client_id
            && self.settings == other.settings
            && self.network.same(&other.network)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Credentials, Token, TokenKind};

    fn base() -> ConfigBuilder {
        ConfigBuilder::default()
            .endpoint("mqtt://127.0.0.1")
            .instance_id("post-cn-test")
            .group_id("GID_test")
            .credentials(Credentials::signature("id", "not-a-secret"))
    }

    #[test]
    fn each_setting_makes_a_difference() {
        assert!(base().same_settings(&base()));
        let others: [ConfigBuilder; 11] = [
            base().endpoint("mqtt://127.0.0.2"),
            base().instance_id("post-cn-other"),
            base().group_id("GID_other"),
            base().device_id("0001"),
            base().client_id("whole"),
            base().credentials(Credentials::signature("id", "other")),
            base().credentials(Credentials::device("id", "not-a-secret")),
            base().timeout(Duration::from_secs(3)),
            base().proxy("http://proxy.example"),
            base().ca_pem("pem"),
            base().system_roots(false),
        ];
        for (position, other) in others.iter().enumerate() {
            assert!(!base().same_settings(other) && !other.same_settings(&base()), "{position}");
            assert!(other.same_settings(&other.clone()), "{position}");
        }
    }

    #[test]
    fn credentials_are_compared_by_value_and_functions_by_identity() {
        let with = |credentials: &Credentials| base().credentials(credentials.clone());
        let token = |text: &str| Credentials::tokens("id", [Token::new(TokenKind::Read, text)]);
        assert!(with(&token("a")).same_settings(&with(&token("a"))));
        assert!(!with(&token("a")).same_settings(&with(&token("b"))));
        let provider = Credentials::provider(|| Ok(Credentials::token("a", "R|b")));
        let other = Credentials::provider(|| Ok(Credentials::token("a", "R|b")));
        assert!(with(&provider).same_settings(&with(&provider)));
        assert!(!with(&provider).same_settings(&with(&other)));
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn tokens_to_apply_for_are_compared_by_what_is_applied_for() {
        use crate::openapi::{Api, TokenRequest};
        let credentials = |secret: &str, topic: &str| {
            let api = Api::builder().region("cn-hangzhou").instance_id("post-cn-test").access_key("ak", secret);
            let requests = [TokenRequest::new(TokenKind::Read, [topic])];
            base().credentials(Credentials::apply_tokens(&api.build().unwrap(), requests))
        };
        assert!(credentials("not-a-secret", "demo/#").same_settings(&credentials("not-a-secret", "demo/#")));
        assert!(!credentials("not-a-secret", "demo/#").same_settings(&credentials("other", "demo/#")));
        assert!(!credentials("not-a-secret", "demo/#").same_settings(&credentials("not-a-secret", "demo/a")));
    }

    #[test]
    fn the_environment_is_compared_by_its_values() {
        let from = |secret: &'static str| {
            ConfigBuilder::from_vars(move |name| match name {
                "ALIYUN_MQTT_ENDPOINT" => Some("mqtt://127.0.0.1"),
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET" => Some(secret),
                _ => None,
            })
        };
        assert!(from("not-a-secret").same_settings(&from("not-a-secret")));
        assert!(!from("not-a-secret").same_settings(&from("other")));
        let invalid = || ConfigBuilder::from_vars(|name| (name == "ALIYUN_MQTT_TIMEOUT").then_some("never"));
        assert!(!invalid().same_settings(&invalid()));
    }
}
