//! What the tests of the API share: a client of a scripted server, and errors that must not show a secret.

use std::time::Duration;

use aliyun_mqtt::openapi::{Api, ApiBuilder, TokenRequest};
use aliyun_mqtt::{Error, TokenKind};

use super::http::Server;
use super::{LONG, error};

/// Everything secret in these tests has the word `geheim`.
pub const SECRET: &str = "geheim-secret+/=";
/// The security token that goes with it.
pub const STS: &str = "geheim-security+token/=";

/// Answers of the service.
pub const SENT: &str = r#"{"RequestId":"A","MsgId":"M1"}"#;
pub const TOKEN: &str = r#"{"RequestId":"A","Token":"geheim-token","Unknown":{"x":[1]}}"#;
pub const DONE: &str = r#"{"RequestId":"A"}"#;
pub const THROTTLED: &str = r#"{"Code":"Throttling.User","Message":"slow down","RequestId":"A"}"#;

/// A builder for this server.
pub fn builder(server: &Server) -> ApiBuilder {
    to(server.url())
}

/// A builder for this URL, with short pauses.
pub fn to(url: impl Into<String>) -> ApiBuilder {
    Api::builder()
        .endpoint(url)
        .region("cn-hangzhou")
        .instance_id("post-cn-test")
        .sts_key("key-id", SECRET, STS)
        .timeout(LONG)
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// A client of this server.
pub fn api(server: &Server) -> Api {
    builder(server).build().expect("a good configuration")
}

/// A token to ask for.
pub fn read_only() -> TokenRequest {
    TokenRequest::new(TokenKind::Read, ["demo/#"])
}

/// An error without secrets, wherever one looks.
fn clean(error: Error) -> Error {
    let mut shown = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        shown += &format!("{inner} {inner:?}");
        cause = inner.source();
    }
    for hidden in ["geheim", "Signature=", "x-acs-", "/?"] {
        assert!(!shown.contains(hidden), "{hidden} in: {shown}");
    }
    error
}

/// The error of a call that has to fail; it shows no secret.
pub fn failed<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    clean(error(result))
}
