//! The two signatures of OpenAPI calls.

pub(super) mod v2;
pub(super) mod v3;
