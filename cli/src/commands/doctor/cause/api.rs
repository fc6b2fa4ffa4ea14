//! Causes in the service's API.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::ApiUnreachable,
        "api-unreachable",
        Exit::Network,
        "the API cannot be reached, probably because of a wrong region or URL, or blocked HTTPS",
        "compare --region-id with the instance's region in the console, and allow HTTPS to \
         onsmqtt.{region}.aliyuncs.com",
    ),
    row(
        Cause::ApiSilent,
        "api-silent",
        Exit::Timeout,
        "the API did not answer in time",
        "check the network path for HTTPS, or raise --timeout",
    ),
    row(
        Cause::ApiTls,
        "api-tls",
        Exit::Network,
        "TLS with the API failed",
        "check, as for the endpoint: an intercepting proxy, a private CA (--ca-file), or a wrong clock",
    ),
    row(
        Cause::ApiNotApi,
        "api-not-api",
        Exit::Network,
        "what answered is not the API; it is probably a proxy, a login page, or a wrong URL",
        "check --api-endpoint and what is on the network path",
    ),
    row(
        Cause::ApiThrottled,
        "api-throttled",
        Exit::Refused,
        "this account makes too many API calls",
        "wait and try again; keep a token while it is valid instead of applying for one at each connect",
    ),
    row(
        Cause::ApiNoPermission,
        "api-no-permission",
        Exit::Refused,
        "the AccessKey may not do this; a RAM policy is probably missing",
        "grant the RAM user mq:MqttInstanceAccess, mq:ListGroupId, mq:QueryToken and what else it needs on the \
         instance",
    )
    .here("see what the emulator was told to refuse, or use the AccessKey that its variables have"),
    row(
        Cause::ApiNotSupported,
        "api-not-supported",
        Exit::Refused,
        "this region or kind of instance does not offer the operation",
        "compare --region-id with the console",
    )
    .here("check --api-endpoint; an emulator refuses operations when a test tells it to"),
    row(
        Cause::ApiFaulty,
        "api-faulty",
        Exit::Refused,
        "the service failed to process the request",
        "try again later; its support can find the call by the request id",
    ),
    row(Cause::ApiRefused, "api-refused", Exit::Refused, "the API refused the request", "see its code and message"),
    row(
        Cause::SecurityTokenWrong,
        "security-token-wrong",
        Exit::Refused,
        "AccessKey and security token (STS) do not belong together, or one of them is missing or expired",
        "get a new temporary AccessKey, and give all three of its parts",
    ),
];
