//! The API's client against a server that does everything wrong: what is repeated, what is told, and how soon.

use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::support::LONG;
use crate::support::api::{DONE, SENT, THROTTLED, TOKEN, api, builder, failed, read_only, to};
use crate::support::http::{Server, Step, answer, answer_with};
use aliyun_mqtt::openapi::{Api, Call, Signing};
use aliyun_mqtt::{ErrorKind, Fate, Stage};

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
    let mut nonces: Vec<_> = requests.iter().map(crate::support::http::Request::nonce).collect();
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
    assert!(error.to_string().contains("the service asks to wait 100 s"), "{error}");
}

/// HTTP's own header: seconds, or a date by the server's clock.
#[test]
fn the_pause_that_a_gateway_asks_for_is_kept_where_the_call_may_be_repeated() {
    const DATES: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:38 GMT\r\n";
    for headers in ["Retry-After: 1\r\n", DATES] {
        let server = Server::start([answer_with(503, headers, ""), answer(200, TOKEN)]);
        let start = Instant::now();
        api(&server).apply_token(&read_only()).expect("a token");
        assert!(start.elapsed() >= Duration::from_secs(1), "{headers}");
        assert_eq!(server.requests().len(), 2);
    }
    let server = Server::start([answer_with(503, "Retry-After: 1\r\n", ""), answer(200, SENT)]);
    let error = failed(api(&server).send_message("demo/x", "x"));
    assert_eq!((error.fate(), server.left()), (Some(Fate::Unknown), 1), "never twice: {error}");
    assert!(error.to_string().contains("the service asks to wait 1 s"), "{error}");
    // A refusal is one, whatever it says of time.
    let server = Server::start([answer_with(403, "Retry-After: 1\r\n", ""), answer(200, TOKEN)]);
    let error = failed(api(&server).apply_token(&read_only()));
    assert_eq!((error.is_retryable(), server.left()), (false, 1), "{error}");
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
        (answer(200, r#"{"Token":"geheim-to"#), "incomplete JSON"),
        (answer(200, "geheim"), "not JSON"),
        (answer(200, r#"{"RequestId":"A"}"#), "no valid Token"),
        (answer(200, r#"{"RequestId":"A","Token":""}"#), "no valid Token"),
        (answer(200, r#"{"RequestId":"A","Token":7}"#), "no valid Token"),
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
    assert!(error.hint().expect("a hint").contains("ca_file"));
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
