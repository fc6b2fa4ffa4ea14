//! The two signatures of OpenAPI calls, V2 and V3, computed apart from those of the client library.

mod claim;
mod v2;
mod v3;

pub(super) use self::claim::{Claim, is_same};
use super::request::Request;
use super::response::ApiError;

/// Reads the claims of a call: by V3 if it has an `Authorization` header, otherwise by V2.
pub(super) fn claim(request: &Request) -> Result<Claim<'_>, ApiError> {
    match request.header("authorization") {
        Some(authorization) => v3::claim(request, authorization),
        None => v2::claim(request),
    }
}
