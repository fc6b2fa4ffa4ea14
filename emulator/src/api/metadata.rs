//! The metadata service of an ECS instance, and a credentials URI: temporary keys of the machine's RAM role.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request as HttpRequest, Response, StatusCode};

use super::{clock, sts};
use crate::log::What;
use crate::service::{Service, lock};

const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const URI: &str = "/credentials";
const TOKEN_HEADER: &str = "x-aliyun-ecs-metadata-token";

/// How long a key lives, as on a real instance.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);

/// Answers a request that is meant for one of the two; `None` for all others, and if the machine has no role.
pub(super) fn respond(service: &Service, request: &HttpRequest<Incoming>) -> Option<Response<Full<Bytes>>> {
    let role = service.settings.ram_role.as_deref()?;
    let path = request.uri().path();
    if !(path.starts_with("/latest/") || path == URI) {
        return None;
    }
    service.log.write("", What::ApiCalled { action: format!("{} {path}", request.method()) });
    let (status, text) = answer(service, request, role, path);
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Some(response)
}

fn answer(service: &Service, request: &HttpRequest<Incoming>, role: &str, path: &str) -> (StatusCode, String) {
    let none = |status: StatusCode| (status, String::new());
    let token = &service.metadata_token;
    let given = request.headers().get(TOKEN_HEADER).map(HeaderValue::as_bytes);
    match (request.method().as_str(), path) {
        ("PUT", TOKEN) if request.headers().contains_key("x-aliyun-ecs-metadata-token-ttl-seconds") => {
            (StatusCode::OK, token.clone())
        }
        ("PUT", TOKEN) => none(StatusCode::BAD_REQUEST),
        ("GET", URI) => (StatusCode::OK, key(service)),
        ("GET", _) if given.is_some_and(|given| given != token.as_bytes()) => none(StatusCode::UNAUTHORIZED),
        ("GET", ROLES) => (StatusCode::OK, role.to_owned()),
        ("GET", path) if path.strip_prefix(ROLES) == Some(role) => (StatusCode::OK, key(service)),
        ("GET", _) => none(StatusCode::NOT_FOUND),
        _ => none(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// Returns a new key as JSON.
fn key(service: &Service) -> String {
    let now = clock::now(lock(&service.switches).clock_skew);
    let (id, key) = lock(&service.directory).make_sts_key(now + LIFETIME);
    let mut fields = sts::key_fields(&id, &key);
    fields["Code"] = "Success".into();
    fields["LastUpdated"] = humantime::format_rfc3339_seconds(now).to_string().into();
    fields.to_string()
}
