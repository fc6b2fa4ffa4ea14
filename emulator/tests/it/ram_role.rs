//! The temporary keys of a RAM role: STS, the metadata service, and the URI.

use std::time::{Duration, SystemTime};

use aliyun_mqtt_emulator::Emulator;

use crate::support::api::{Call, Signed, call};
use crate::support::http::{Answer, Control};

const ARN: &str = "acs:ram::123456:role/test-role";

fn emulator() -> Emulator {
    Emulator::builder().ram_role("test-role").start().unwrap()
}

/// A call of STS with these parameters.
fn sts(emulator: &Emulator, action: &str, parameters: &[(&str, &str)]) -> Call {
    let mut call = call(emulator, Signed::V3, action, parameters);
    call.version = "2015-04-01".to_owned();
    call.in_body = true;
    call
}

/// A request to the port of the OpenAPI that is not one of its calls.
fn get(emulator: &Emulator, method: &str, path: &str, headers: &str) -> Answer {
    let headers = format!("Host: 100.100.100.200\r\n{headers}");
    Control { address: emulator.api_addr(), token: String::new() }.raw(method, path, &headers, "")
}

#[test]
fn a_role_is_assumed_with_either_signature_and_its_key_calls_the_api_until_it_ends() {
    for signed in [Signed::V2, Signed::V3] {
        let emulator = emulator();
        let role = [("RoleArn", ARN), ("RoleSessionName", "s"), ("DurationSeconds", "900")];
        let mut assume = sts(&emulator, "AssumeRole", &role);
        assume.signed = signed;
        let answer = assume.send(&emulator);
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let key = &answer.body["Credentials"];
        let text = |name: &str| key[name].as_str().unwrap().to_owned();
        let end = humantime::parse_rfc3339(&text("Expiration")).unwrap();
        assert!(end <= SystemTime::now() + Duration::from_secs(900) && end > SystemTime::now());
        let list = || {
            let mut call = call(&emulator, signed, "ListGroupId", &[]);
            (call.key, call.secret) = (text("AccessKeyId"), text("AccessKeySecret"));
            call.security_token = Some(text("SecurityToken"));
            call
        };
        assert_eq!(list().send(&emulator).status, 200);
        emulator.set_clock_skew(901);
        let mut late = list();
        late.timestamp = humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_secs(901)).to_string();
        assert_eq!(late.send(&emulator).code(), "InvalidSecurityToken.Expired");
    }
}

#[test]
fn what_sts_does_not_accept_is_refused() {
    let emulator = emulator();
    let refused = |action: &str, parameters: &[(&str, &str)]| {
        sts(&emulator, action, parameters).send(&emulator).code().to_owned()
    };
    let (arn, name) = (("RoleArn", ARN), ("RoleSessionName", "s"));
    assert_eq!(refused("AssumeRole", &[("RoleArn", "acs:ram::1:role/other"), name]), "EntityNotExist.Role");
    assert_eq!(refused("AssumeRole", &[arn, name, ("DurationSeconds", "60")]), "InvalidParameter.DurationSeconds");
    assert_eq!(refused("AssumeRole", &[arn]), "ParameterCheckFailed");
    assert_eq!(refused("AssumeRoleWithOIDC", &[arn, name, ("OIDCProviderArn", "p")]), "ParameterCheckFailed");
    assert_eq!(refused("GetCallerIdentity", &[]), "InvalidAction.NotFound");
    let mut wrong = sts(&emulator, "AssumeRole", &[arn, name]);
    wrong.secret = "wrong".to_owned();
    assert_eq!(wrong.send(&emulator).code(), "SignatureDoesNotMatch");
    let without = Emulator::start().unwrap();
    assert_eq!(sts(&without, "AssumeRole", &[arn, name]).send(&without).code(), "ApiNotSupport");
}

#[test]
fn the_metadata_service_answers_with_its_token_and_without_one() {
    let emulator = emulator();
    let roles = "/latest/meta-data/ram/security-credentials/";
    let life = "X-aliyun-ecs-metadata-token-ttl-seconds: 60\r\n";
    assert_eq!(get(&emulator, "PUT", "/latest/api/token", life).status, 200);
    assert_eq!(get(&emulator, "PUT", "/latest/api/token", "").status, 400);
    let key = get(&emulator, "GET", &format!("{roles}test-role"), "");
    assert_eq!((key.status, key.body["Code"].as_str()), (200, Some("Success")));
    assert_eq!(get(&emulator, "GET", roles, "X-aliyun-ecs-metadata-token: wrong\r\n").status, 401);
    assert_eq!(get(&emulator, "GET", &format!("{roles}other"), "").status, 404);
    assert_eq!(get(&emulator, "POST", roles, "").status, 405);
    assert_eq!(get(&emulator, "GET", "/credentials", "").body["Code"], "Success");
    let without = Emulator::start().unwrap();
    assert_eq!(get(&without, "GET", roles, "").status, 404);
}
