//! The API's client against a server that does everything wrong: what is repeated, what is told, and how soon.

mod support;

use std::io::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use aliyun_mqtt::openapi::{Api, ApiBuilder, Call, Signing, TokenRequest, TraceRequest};
use aliyun_mqtt::{Error, ErrorKind, Fate, Stage, TokenKind};
use support::http::{Server, Step, answer, answer_with, kept};
use support::{LONG, error, eventually};

const SECRET: &str = "geheim-secret+/=";
const STS: &str = "geheim-security+token/=";

fn builder(server: &Server) -> ApiBuilder {
    to(server.url())
}

fn to(url: impl Into<String>) -> ApiBuilder {
    Api::builder()
        .endpoint(url)
        .region("cn-hangzhou")
        .instance_id("post-cn-test")
        .sts_key("key-id", SECRET, STS)
        .timeout(LONG)
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

fn api(server: &Server) -> Api {
    builder(server).build().expect("a good configuration")
}

fn read_only() -> TokenRequest {
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

fn failed<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    clean(error(result))
}

const SENT: &str = r#"{"RequestId":"A","MsgId":"M1"}"#;
const TOKEN: &str = r#"{"RequestId":"A","Token":"geheim-token","Unknown":{"x":[1]}}"#;
const DONE: &str = r#"{"RequestId":"A"}"#;
const THROTTLED: &str = r#"{"Code":"Throttling.User","Message":"slow down","RequestId":"A"}"#;

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

#[test]
fn nothing_listens() {
    let port = Server::start([]).port();
    let api = to(format!("http://127.0.0.1:{port}")).build().expect("good");
    for error in [failed(api.send_message("demo/x", "geheim")), failed(api.apply_token(&read_only()))] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connect, Some(Fate::NotSent)));
        let text = error.to_string();
        assert!(text.contains("attempt 4") && text.contains("stage: connect") && text.contains("nothing listens"));
    }
}

#[test]
fn no_such_host() {
    let api = to("https://no-such-host.invalid").build().expect("good");
    let error = failed(api.send_message("demo/x", "x"));
    // A machine without a resolver may only find out by waiting.
    assert!(matches!(error.kind(), ErrorKind::Resolve | ErrorKind::Timeout(Stage::Resolve)), "{error}");
    assert_eq!((error.stage(), error.fate()), (Some(Stage::Resolve), Some(Fate::NotSent)));
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[test]
fn a_silent_server_is_left_in_time() {
    let server = Server::start([Step::Silence, Step::Silence]);
    let limit = Duration::from_millis(300);
    let api = api(&server).with_timeout(limit);
    let start = Instant::now();
    for error in [failed(api.send_message("demo/x", "x")), failed(api.revoke_token("geheim-token"))] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Api), Some(Fate::Unknown)));
        assert!(error.is_timeout() && error.to_string().contains("stage: api"), "{error}");
    }
    assert!(start.elapsed() >= limit * 2 && start.elapsed() < LONG);
}

#[test]
fn a_server_that_stops_in_the_body_is_left_in_time() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Token\":\"geheim".to_vec();
    let server = Server::start([Step::Kept(half)]);
    let error = failed(api(&server).with_timeout(Duration::from_millis(300)).apply_token(&read_only()));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Api), Some(Fate::Unknown)));
}

#[test]
fn a_silent_tls_port_is_named() {
    // It reads, and waits for the end of a request that TLS never sends.
    let server = Server::start([]);
    let api = to(format!("https://localhost:{}", server.port())).build().expect("good");
    let error = failed(api.with_timeout(Duration::from_secs(3)).send_message("demo/x", "x"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Tls), Some(Fate::NotSent)), "{error}");
    assert!(error.to_string().contains("stage: tls"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn no_time_at_all() {
    let server = Server::start([]);
    let error = failed(api(&server).with_timeout(Duration::ZERO).send_message("demo/x", "x"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Api), Some(Fate::NotSent)));
    assert!(server.requests().is_empty());
}

#[test]
fn too_many_calls_are_repeated_even_for_messages() {
    let limit = answer(429, "");
    let overflow = answer(400, r#"{"Code":"ApplyTokenOverFlow","RequestId":"A"}"#);
    let server = Server::start([limit, answer(400, THROTTLED), overflow, answer(200, SENT)]);
    assert_eq!(api(&server).send_message("demo/x", "x").expect("sent"), "M1");
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    let mut nonces: Vec<_> = requests.iter().map(support::http::Request::nonce).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 4, "each attempt has a nonce of its own");
}

#[test]
fn at_last_too_many_calls_are_an_error() {
    let server = Server::start(vec![answer(400, THROTTLED); 5]);
    let error = failed(api(&server).send_message("demo/x", "x"));
    assert_eq!((server.requests().len(), server.left()), (4, 1));
    assert_eq!((error.kind(), error.fate(), error.is_retryable()), (ErrorKind::Api, Some(Fate::Refused), true));
    let fault = error.api().expect("a fault");
    assert_eq!((fault.code(), fault.request_id()), (Some("Throttling.User"), Some("A")));
    assert!(error.to_string().starts_with("attempt 4: SendMessage failed"), "{error}");
}

#[test]
fn the_pause_the_service_asks_for_is_kept() {
    let server = Server::start([answer_with(429, "x-acs-retry-after: 1\r\n", ""), answer(200, SENT)]);
    let start = Instant::now();
    api(&server).send_message("demo/x", "x").expect("sent");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let seconds: Vec<_> = server.requests().iter().map(|request| request.headers["x-acs-date"].clone()).collect();
    assert_ne!(seconds[0], seconds[1], "each attempt has a time of its own");
    // Longer than the deadline: not waited for.
    let server = Server::start([answer_with(429, "x-acs-retry-after: 100\r\n", "")]);
    let start = Instant::now();
    let error = failed(api(&server).send_message("demo/x", "x"));
    assert!(error.kind() == ErrorKind::Api && start.elapsed() < LONG);
}

#[test]
fn a_failing_service_is_asked_again_only_where_that_is_safe() {
    let broken = answer(503, "<html><title>busy</title></html>");
    let server = Server::start([broken.clone(), answer(500, ""), answer(200, TOKEN)]);
    api(&server).apply_token(&read_only()).expect("a token");
    assert_eq!(server.requests().len(), 3);
    for call in [
        |api: &Api| api.send_message("demo/x", "x").map(drop),
        |api: &Api| api.create_group("GID_test"),
        |api: &Api| api.delete_group("GID_test"),
        |api: &Api| api.unregister_device_credential("GID_test@@@1"),
        |api: &Api| api.refresh_device_credential("GID_test@@@1").map(drop),
        |api: &Api| api.call(&Call::new("Unknown")).map(drop),
    ] {
        for step in [broken.clone(), Step::Close, Step::Bytes(Vec::new())] {
            let close = matches!(step, Step::Close);
            let server = Server::start([step, answer(200, SENT)]);
            let error = failed(call(&api(&server)));
            assert_eq!((error.fate(), server.left()), (Some(Fate::Unknown), 1), "{error}");
            assert!(close || server.requests().len() == 1);
            assert!(error.is_retryable(), "{error}");
        }
    }
    let server = Server::start([broken, answer(200, DONE)]);
    api(&server).call(&Call::new("Unknown").repeatable(true)).expect("done");
}

#[test]
fn what_an_earlier_attempt_did_stays_unknown() {
    let server = Server::start([answer(500, ""), answer(400, r#"{"Code":"ParameterCheckFailed","RequestId":"A"}"#)]);
    let error = failed(api(&server).revoke_token("geheim-token"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Api, Some(Fate::Unknown)));
}

#[test]
fn a_cut_answer() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nContent-Le"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Token\":\"geheim",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"Token\":",
    ] {
        let server = Server::start([Step::Bytes(bytes.to_vec()), answer(200, TOKEN)]);
        let error = failed(api(&server).send_message("demo/x", "x"));
        assert_eq!(error.fate(), Some(Fate::Unknown), "{error}");
        assert!(matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Protocol), "{error}");
        assert_eq!(server.left(), 1);
    }
    let server =
        Server::start([Step::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec()), answer(200, TOKEN)]);
    api(&server).apply_token(&read_only()).expect("a token at the second attempt");
}

#[test]
fn answers_that_are_none() {
    let huge = format!(r#"{{"RequestId":"A","Token":"{}"}}"#, "x".repeat(5 << 20));
    for (step, what) in [
        (Step::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()), "does not speak HTTP"),
        (answer(200, ""), "empty body"),
        (answer(200, "<html><title>Log in</title>geheim</html>"), "Log in"),
        (answer(200, r#"{"Token":"geheim-to"#), "half a JSON"),
        (answer(200, "geheim"), "no JSON"),
        (answer(200, r#"{"RequestId":"A"}"#), "no Token"),
        (answer(200, r#"{"RequestId":"A","Token":""}"#), "no Token"),
        (answer(200, r#"{"RequestId":"A","Token":7}"#), "no Token"),
        (answer(200, r#"{"Token":"geheim"}"#), "RequestId"),
        (answer(200, &huge), "more than 4194304 bytes"),
        (answer_with(302, "Location: https://login.example.com/?x=geheim\r\n", ""), "login.example.com"),
    ] {
        let server = Server::start([step, answer(200, TOKEN)]);
        let error = failed(api(&server).apply_token(&read_only()));
        assert_eq!((error.kind(), error.stage()), (ErrorKind::Protocol, Some(Stage::Api)), "{error}");
        assert!(error.to_string().contains(what) && !error.is_retryable(), "{error}");
        assert_eq!(server.left(), 1, "not asked again");
    }
}

#[test]
fn a_failure_with_status_200() {
    let body = r#"{"Code":"PermissionCheckFailed","Message":"no geheim-secret+/=","RequestId":"A","Success":false}"#;
    let server = Server::start([answer(200, body)]);
    let error = failed(api(&server).revoke_token("geheim-token"));
    let fault = error.api().expect("a fault");
    assert_eq!((fault.http_status(), fault.message()), (200, Some("no ***")));
    assert!(error.hint().expect("a hint").contains("mq:RevokeToken"));
    assert_eq!(error.fate(), Some(Fate::Refused));
}

#[test]
fn a_wrong_clock_is_told() {
    let server = Server::start([answer_with(
        400,
        "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n",
        r#"{"Code":"IllegalTimestamp","RequestId":"A"}"#,
    )]);
    let error = failed(api(&server).apply_token(&read_only()));
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("ahead of the server's") && hint.contains("days"), "{hint}");
}

#[test]
fn what_the_server_signed_is_compared_but_not_shown() {
    // Signature V2 has the security token and the parameters in the text that is signed.
    let echo = r#"{"Code":"SignatureDoesNotMatch","RequestId":"A","Message":"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3Dkey-id%26SecurityToken%3Dgeheim-other"}"#;
    let server = Server::start([answer(400, echo)]);
    let api = builder(&server).signing(Signing::V2).build().expect("good");
    let error = failed(api.query_token("geheim-token"));
    assert!(error.hint().expect("a hint").contains("on their way"), "{error}");
    let message = error.api().and_then(|fault| fault.message()).expect("a message");
    assert_eq!(message, "Specified signature is not matched with our calculation.");
}

#[test]
fn https_is_verified() {
    let (server, ca) = Server::start_tls([answer(200, TOKEN), answer(200, TOKEN)]);
    let trusting = builder(&server).ca_pem(ca.clone()).system_roots(false).build().expect("good");
    trusting.apply_token(&read_only()).expect("a token");
    let error = failed(api(&server).send_message("demo/x", "x"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Tls, Some(Fate::NotSent)));
    assert!(error.to_string().contains("not trusted"), "{error}");
    assert!(error.hint().expect("a hint").contains("ALIYUN_MQTT_CA_FILE"));
    let other = to(format!("https://127.0.0.1:{}", server.port())).ca_pem(ca).build().expect("good");
    let error = failed(other.apply_token(&read_only()));
    assert!(error.kind() == ErrorKind::Tls && error.to_string().contains("but for localhost"), "{error}");
    assert_eq!((server.requests().len(), server.left()), (1, 1));
}

#[test]
fn tls_to_a_plain_port() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // Until the client has read it and gone.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let error = failed(to(format!("https://localhost:{port}")).build().expect("good").apply_token(&read_only()));
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert!(error.hint().expect("a hint").contains("443"));
}

#[test]
fn a_port_that_hangs_up_during_tls() {
    let (server, ca) = Server::start_tls([Step::Close, Step::Close, answer(200, TOKEN)]);
    let api = builder(&server).ca_pem(ca).build().expect("good");
    let error = failed(api.send_message("demo/x", "x"));
    // Where unread bytes were thrown away, the system reports a reset, which tells nothing of the stage.
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.stage() == Some(Stage::Tls) || error.to_string().contains("reset"), "{error}");
    api.apply_token(&read_only()).expect("a token at the second attempt");
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
    let online = r#"{"RequestId":"A","OnlineStatusList":[{"ClientId":"a","OnlineStatus":true},{"ClientId":"b","OnlineStatus":"false"}]}"#;
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

#[test]
fn a_forked_child_is_told() {
    let server = Server::start([kept(200, DONE), kept(200, DONE)]);
    let api = api(&server);
    api.revoke_token("geheim-token").expect("done");
    // SAFETY: the child calls only what compares the process id, and leaves with `_exit`.
    match unsafe { libc::fork() } {
        0 => {
            let forked = |result: Result<(), Error>| matches!(result, Err(error) if error.kind() == ErrorKind::Forked);
            let told = forked(api.revoke_token("geheim-token"))
                && forked(api.send_message("bad topic", "").map(drop))
                && forked(api.call(&Call::new("X")).map(drop));
            drop(api);
            // SAFETY: ends the child at once, without running anything of the parent's.
            unsafe { libc::_exit(i32::from(!told)) }
        }
        child => {
            let mut status = -1;
            // SAFETY: waits for our own child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0, "the child was told at each call");
            api.revoke_token("geheim-token").expect("the parent's line is untouched");
            assert_eq!(server.requests()[1].connection, 0);
        }
    }
}

/// The environment of a process cannot be changed safely, so this test runs itself in another one.
#[test]
fn a_proxy_is_used_on_demand_only() {
    const TARGET: &str = "TEST_TARGET";
    if let Ok(url) = std::env::var(TARGET) {
        to(url.as_str()).build().expect("good").revoke_token("geheim-token").expect("done directly");
        let proxied = to(url).proxy_from_env(true).build().expect("good");
        let error = failed(proxied.send_message("demo/x", "x"));
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connect, Some(Fate::NotSent)), "{error}");
        assert!(error.to_string().contains("proxy"), "{error}");
        return;
    }
    let target = Server::start([answer(200, DONE)]);
    let proxy = Server::start(vec![answer(403, ""); 4]);
    let child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_proxy_is_used_on_demand_only"])
        .env(TARGET, target.url())
        .env("ALL_PROXY", proxy.url())
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("it runs");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert_eq!((target.requests().len(), target.left()), (1, 0));
    assert_eq!(proxy.requests().len(), 4);
}

static LOG: Mutex<String> = Mutex::new(String::new());

struct Ours;

impl log::Log for Ours {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("aliyun_mqtt")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            use std::fmt::Write;
            let mut log = LOG.lock().expect("a lock");
            let _ = writeln!(log, "{} {}: {}", record.level(), record.target(), record.args());
        }
    }

    fn flush(&self) {}
}

#[test]
fn the_log_shows_calls_but_no_secrets() {
    // Other tests of this file are heard, too.
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
    assert!(!log.contains("geheim") && !log.contains("Signature="), "a secret was logged");
}
