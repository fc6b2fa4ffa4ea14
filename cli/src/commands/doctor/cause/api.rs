//! What goes wrong with the service's API.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::ApiUnreachable,
        "api-unreachable",
        Exit::Network,
        "the API cannot be reached: likely a wrong region or URL, or no way out for HTTPS",
        "onsmqtt.{region}.aliyuncs.com on 443; check --region-id against the instance's region in the console",
    ),
    row(
        Cause::ApiSilent,
        "api-silent",
        Exit::Timeout,
        "the API did not answer in time",
        "check the way out for HTTPS, or give it more --timeout",
    ),
    row(
        Cause::ApiTls,
        "api-tls",
        Exit::Network,
        "TLS with the API failed",
        "as for the endpoint: an intercepting proxy, a private CA (--ca-file), or a wrong clock",
    ),
    row(
        Cause::ApiNotApi,
        "api-not-api",
        Exit::Network,
        "what answered is not the API: likely a proxy, a login page, or a wrong URL",
        "check --api-endpoint, and what stands between",
    ),
    row(
        Cause::ApiThrottled,
        "api-throttled",
        Exit::Refused,
        "there are too many API calls of this account",
        "wait and try again; keep a token for its life instead of applying for one at each connect",
    ),
    row(
        Cause::ApiNoPermission,
        "api-no-permission",
        Exit::Refused,
        "the AccessKey may not do this: likely a RAM policy is missing",
        "grant the RAM user mq:ListGroupId, mq:QueryToken and what else it needs, on the instance",
    ),
    row(
        Cause::ApiNotSupported,
        "api-not-supported",
        Exit::Refused,
        "this region or kind of instance does not offer the operation",
        "check --region-id against the console",
    ),
    row(
        Cause::ApiFaulty,
        "api-faulty",
        Exit::Refused,
        "the service has a fault of its own",
        "try again later; its support finds the call by the request id",
    ),
    row(Cause::ApiRefused, "api-refused", Exit::Refused, "the API refuses the request", "see its code and message"),
    row(
        Cause::SecurityTokenWrong,
        "security-token-wrong",
        Exit::Refused,
        "key and security token (STS) do not belong together, or one of them is missing or expired",
        "get a new temporary key, and give all three parts of it",
    ),
];
