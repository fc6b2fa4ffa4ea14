//! The API's client where all is well: what is sent, what is read, and what is never shown.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use crate::support::api::{DONE, SECRET, SENT, TOKEN, api, builder, failed, read_only, to};
use crate::support::http::{Request, Server, answer, kept};
use crate::support::{LONG, eventually};
use aliyun_mqtt::openapi::{Api, Call, Signing, TokenRequest, TraceRequest};
use aliyun_mqtt::{ErrorKind, Fate, TokenKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

#[test]
fn a_token_is_applied_for() {
    for signing in [Signing::V3, Signing::V2] {
        let server = Server::start([answer(200, TOKEN)]);
        let api = builder(&server).signing(signing).build().expect("good");
        let before = SystemTime::now();
        let request = TokenRequest::new(TokenKind::ReadWrite, ["demo/b", "demo/#", "demo/b"]);
        let token = api.apply_token(&request.lifetime(Duration::from_secs(600))).expect("a token");
        assert_eq!((token.kind(), token.secret()), (TokenKind::ReadWrite, "geheim-token"));
        let life = token.expires().expect("an end").duration_since(before).expect("later");
        assert!(life >= Duration::from_secs(600) && life < Duration::from_secs(600) + LONG);
        let [request] = &server.requests()[..] else { panic!("one request") };
        assert_eq!((request.method.as_str(), request.action()), ("POST", "ApplyToken"));
        assert_eq!(request.query["Resources"], "demo/#,demo/b");
        assert_eq!(request.query["Actions"], "R,W");
        assert_eq!(request.query["InstanceId"], "post-cn-test");
        let millis: u64 = request.query["ExpireTime"].parse().expect("a number");
        let end = token.expires().expect("an end").duration_since(SystemTime::UNIX_EPOCH).expect("later");
        assert_eq!(u128::from(millis), end.as_millis());
        let agent = &request.headers["user-agent"];
        assert!(agent.starts_with("aliyun-mqtt/"), "{agent}");
        assert_eq!(request.headers["host"], format!("localhost:{}", server.port()));
    }
}

#[test]
fn both_signatures_have_the_same_parameters() {
    let call = Call::new("X").parameter("B", "a b*~\u{4e2d}").parameter("Empty", "").list("L", ["1", "2"]);
    let seen: Vec<_> = [Signing::V3, Signing::V2]
        .map(|signing| {
            let server = Server::start([answer(200, DONE)]);
            let api = builder(&server).signing(signing).build().expect("good");
            api.call(&call.clone().form("F", "f+ /").form("G", "")).expect("done");
            server.requests().remove(0)
        })
        .into();
    let (v3, v2) = (&seen[0], &seen[1]);
    let mut rest = v2.query.clone();
    rest.retain(|name, _| v3.query.contains_key(name));
    assert_eq!((&rest, &v2.form), (&v3.query, &v3.form));
    assert_eq!(v3.query.len(), 4);
    for (parameter, header) in [
        ("Action", "x-acs-action"),
        ("Version", "x-acs-version"),
        ("AccessKeyId", "x-acs-accesskey-id"),
        ("SecurityToken", "x-acs-security-token"),
    ] {
        assert_eq!(v2.query[parameter], v3.headers[header]);
    }
    assert_eq!(v2.query.len(), 4 + 10, "{:?}", v2.query.keys());
    assert_eq!(v2.headers["content-type"], v3.headers["content-type"]);
}

/// What arrived is checked as the service does it, from the request alone.
#[test]
fn signatures_hold_for_what_is_really_sent() {
    let call = Call::new("X").parameter("B", "a b*~+/\u{4e2d}").parameter("A", "");
    for call in [call.clone(), call.clone().get(), call.form("F", "f+ /=&").form("E", "")] {
        for signing in [Signing::V3, Signing::V2] {
            let server = Server::start([answer(200, DONE)]);
            builder(&server).signing(signing).build().expect("good").call(&call).expect("done");
            let request = server.requests().remove(0);
            match signing {
                Signing::V2 => check_v2(&request),
                _ => check_v3(&request),
            }
        }
    }
}

fn encode(text: &str) -> String {
    let keep = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if keep(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn join(fields: &BTreeMap<String, String>) -> String {
    fields.iter().map(|(name, value)| encode(name) + "=" + &encode(value)).collect::<Vec<_>>().join("&")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_v3(request: &Request) {
    let body = hex(&Sha256::digest(join(&request.form)));
    assert_eq!(request.headers["x-acs-content-sha256"], body);
    let authorization = &request.headers["authorization"];
    let (start, signature) = authorization.split_once(",Signature=").expect("a signature");
    let names = start.strip_prefix("ACS3-HMAC-SHA256 Credential=key-id,SignedHeaders=").expect("names");
    let signed: String = names.split(';').map(|name| format!("{name}:{}\n", request.headers[name])).collect();
    let must = |name: &&String| name.starts_with("x-acs-") || matches!(name.as_str(), "host" | "content-type");
    let expected: Vec<_> = request.headers.keys().filter(must).map(String::as_str).collect();
    assert_eq!(names, expected.join(";"));
    let canonical = format!("{}\n/\n{}\n{signed}\n{names}\n{body}", request.method, join(&request.query));
    let text = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    assert_eq!(signature, hex(&mac.finalize().into_bytes()));
}

fn check_v2(request: &Request) {
    let mut all = request.query.clone();
    all.extend(request.form.clone());
    let signature = all.remove("Signature").expect("a signature");
    let text = format!("{}&%2F&{}", request.method, encode(&join(&all)));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{SECRET}&").as_bytes()).expect("a key");
    mac.update(text.as_bytes());
    assert_eq!(hex(&STANDARD.decode(signature).expect("base64")), hex(&mac.finalize().into_bytes()));
}

#[test]
fn connections_are_kept_and_shared() {
    let server = Server::start(vec![kept(200, DONE); 3]);
    let api = api(&server);
    for api in [api.clone(), api.with_timeout(LONG * 2), api] {
        api.revoke_token("geheim-token").expect("done");
    }
    assert!(server.requests().iter().all(|request| request.connection == 0));
}

#[test]
fn nothing_is_sent_for_what_makes_no_sense() {
    let server = Server::start([]);
    let api = api(&server);
    let long = "\u{4e2d}".repeat(10_000);
    let (begin, end) = (SystemTime::UNIX_EPOCH, SystemTime::now());
    let trace = TraceRequest::new(begin, end);
    for error in [
        failed(api.apply_token(&TokenRequest::new(TokenKind::Read, ["#"]))),
        failed(api.send_message("demo/#", "x")),
        failed(api.send_message("demo/x", &"x".repeat(65_537))),
        failed(api.send_message("demo/x", &long)),
        failed(api.query_token("")),
        failed(api.query_session("")),
        failed(api.batch_query_session(&["a", ""])),
        failed(api.device_credential("")),
        failed(api.create_group("bad")),
        failed(api.delete_group("")),
        failed(api.device_trace("", &trace)),
        failed(api.device_trace("a", &TraceRequest::new(end, begin))),
        failed(api.device_trace("a", &trace.clone().page(0))),
        failed(api.device_trace("a", &trace.clone().page_size(101))),
        failed(api.call(&Call::new("Bad Name"))),
        failed(api.list_device_credentials("").next().expect("an error")),
    ] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Invalid, Some(Fate::NotSent)), "{error}");
    }
    let far = to(server.url()).limits(aliyun_mqtt::Limits::default().payload_len(100_000)).build().expect("good");
    let text = failed(far.send_message("demo/x", &"x".repeat(65_600))).to_string();
    assert!(text.contains("65534"), "{text}");
    assert!(server.requests().is_empty());
}

#[test]
fn devices_groups_sessions_and_traces() {
    let device = r#"{"RequestId":"A","DeviceCredential":{"ClientId":"GID_t@@@1","DeviceAccessKeyId":"DC.id",
        "DeviceAccessKeySecret":"DC.geheim","CreateTime":"1600000000000","UpdateTime":1600000001000}}"#;
    let online = concat!(
        r#"{"RequestId":"A","OnlineStatusList":[{"ClientId":"a","OnlineStatus":true},"#,
        r#"{"ClientId":"b","OnlineStatus":"false"}]}"#
    );
    let ids = |ids: &str| {
        answer(
            200,
            &format!(
                r#"{{"RequestId":"A","DeviceCredentialClientIdList":{{"ClientIdList":[{ids}],"PageNo":"1","Total":"3","NextToken":"n"}}}}"#
            ),
        )
    };
    let server = Server::start([
        answer(200, device),
        answer(200, r#"{"RequestId":"A","OnlineStatus":"true"}"#),
        answer(200, online),
        answer(200, r#"{"RequestId":"A"}"#),
        ids(r#""a","b""#),
        ids(r#""c""#),
        answer(200, r#"{"RequestId":"A","Data":[{"GroupId":"GID_t","CreateTime":1600000000000}]}"#),
        answer(
            200,
            r#"{"RequestId":"A","Total":"1","DeviceInfoList":[{"Time":1,"Action":"connect","ActionInfo":"accepted"}]}"#,
        ),
        answer(200, r#"{"RequestId":"A","MessageTraceLists":[{"MsgId":"M"}]}"#),
    ]);
    let api = api(&server);
    let device = api.device_credential("GID_t@@@1").expect("a credential");
    assert_eq!((device.access_key_id(), device.access_key_secret()), ("DC.id", "DC.geheim"));
    assert_eq!(device.updated().and_then(|at| at.duration_since(device.created()?).ok()), Some(Duration::from_secs(1)));
    assert!(!format!("{device:?}{:?}", device.credentials()).contains("geheim"));
    assert!(api.query_session("a").expect("an answer"));
    let many: Vec<String> = (0..11).map(|i| format!("c{i}")).collect();
    let found = api.batch_query_session(&many).expect("answers");
    assert_eq!(found, [("a".to_string(), true), ("b".to_string(), false)]);
    let ids: Result<Vec<_>, _> = api.list_device_credentials("GID_t").collect();
    assert_eq!(ids.expect("ids"), ["a", "b", "c"]);
    assert_eq!(api.list_groups().expect("groups")[0].id(), "GID_t");
    let request = TraceRequest::new(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LONG).reverse(true);
    let page = api.device_trace("a", &request).expect("a trace");
    assert_eq!((page.total(), page.entries()[0].info()), (Some(1), Some("accepted")));
    let page = api.subscribe_trace("M", Some("a"), &request).expect("a trace");
    assert_eq!(page.entries()[0].message_id(), Some("M"));
    let requests = server.requests();
    assert_eq!(requests[2].query["ClientIdList.10"], "c9");
    assert_eq!(requests[3].query["ClientIdList.1"], "c10");
    assert_eq!((&*requests[5].query["PageNo"], &*requests[5].query["NextToken"]), ("2", "n"));
    assert_eq!((&*requests[7].query["MqttRegionId"], &*requests[7].query["Reverse"]), ("cn-hangzhou", "true"));
    assert_eq!((&*requests[8].query["EndTime"], &*requests[8].query["ClientId"]), ("60000", "a"));
    let bare = Api::builder().endpoint(server.url()).instance_id("i").access_key("i", "s").build().expect("good");
    let error = failed(bare.device_trace("a", &request));
    assert!(error.to_string().contains("region"), "{error}");
}

#[test]
fn a_get_has_no_body() {
    let server = Server::start([answer(200, DONE)]);
    let answer = api(&server).call(&Call::new("GetRegisterCode").get()).expect("done");
    assert_eq!(answer["RequestId"], "A");
    assert_eq!(server.requests()[0].method, "GET");
}

/// Collects what the API logs, and from all that is logged the lines with a secret.
static LOG: Mutex<String> = Mutex::new(String::new());

/// The logger of this program: what all its tests make the library log is looked through.
struct Ours;

impl log::Log for Ours {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let target = metadata.target();
        target == "aliyun_mqtt" || target.starts_with("aliyun_mqtt::")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = format!("{} {}: {}\n", record.level(), record.target(), record.args());
        if record.target().starts_with("aliyun_mqtt::openapi") || SECRETS.iter().any(|secret| line.contains(secret)) {
            LOG.lock().expect("a lock").push_str(&line);
        }
    }

    fn flush(&self) {}
}

/// The texts that no line may contain.
const SECRETS: [&str; 2] = ["geheim", "Signature="];

#[test]
fn the_log_shows_calls_but_no_secrets() {
    log::set_logger(&Ours).expect("the only logger");
    log::set_max_level(log::LevelFilter::Trace);
    let body = r#"{"RequestId":"LOGGED-1\nx","Token":"geheim-token"}"#;
    let server = Server::start([answer(500, ""), answer(200, body), answer(200, SENT)]);
    let api = api(&server);
    api.apply_token(&read_only()).expect("a token");
    api.send_message("demo/x", "geheim").expect("sent");
    eventually("the calls are logged", || LOG.lock().expect("a lock").contains("LOGGED-1\\nx"));
    let log = LOG.lock().expect("a lock").clone();
    assert!(log.contains("ApplyToken: attempt 2, HTTP 200"), "{log}");
    assert!(!SECRETS.iter().any(|secret| log.contains(secret)), "a secret was logged");
}
