//! The HTTPS API against the emulator, which checks signatures by code of its own: every typed call, both signatures,
//! and token mode from the application to the renewal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::support::http::{Server, Step, answer};
use crate::support::tokens::{accepted_logins, connections, uploads};
use crate::support::{LONG, client, config, connect, connected, emulator, error, event, eventually, payloads, topic};
use aliyun_mqtt::openapi::{Api, ApiBuilder, Call, Signing, TokenRequest, TraceRequest};
use aliyun_mqtt::{Client, Config, Credentials, ErrorKind, Event, Fate, QoS, Stage, TokenKind};
use aliyun_mqtt_emulator::{Emulator, What};

fn builder(emulator: &Emulator) -> ApiBuilder {
    Api::builder()
        .endpoint(emulator.api_endpoint())
        .region("cn-hangzhou")
        .instance_id(emulator.instance_id())
        .access_key(emulator.access_key_id(), emulator.access_key_secret())
        .timeout(LONG)
        .backoff(Duration::from_millis(1), Duration::from_millis(5))
}

fn api(emulator: &Emulator) -> Api {
    builder(emulator).build().expect("a good configuration")
}

fn everything(emulator: &Emulator) -> TokenRequest {
    TokenRequest::new(TokenKind::ReadWrite, [topic(emulator, "#")])
}

fn calls(emulator: &Emulator, action: &str) -> usize {
    let called = |what: &What| matches!(what, What::ApiCalled { action: seen, .. } if seen == action);
    emulator.log().iter().filter(|entry| called(&entry.what)).count()
}

#[test]
fn every_call_works_with_both_signatures() {
    for signing in [Signing::V3, Signing::V2] {
        let emulator = emulator();
        let api = builder(&emulator).signing(signing).build().expect("a good configuration");
        let receiver = client(&emulator);
        let id = receiver.config().client_id().as_str();
        let x = topic(&emulator, "x");
        receiver.subscribe(&x, QoS::AtLeastOnce).expect("subscribed");

        let token = api.apply_token(&everything(&emulator)).expect("a token");
        assert!(token.expires().is_some_and(|end| end > SystemTime::now() + Duration::from_secs(3500)));
        assert!(api.query_token(token.secret()).expect("an answer"));
        api.revoke_token(token.secret()).expect("revoked");
        assert!(!api.query_token(token.secret()).expect("an answer"));

        let odd = "中文 + & = % / ~ * \u{1F600}";
        let message_id = api.send_message(&x, odd).expect("sent");
        api.send_message(&format!("{}/p2p/{id}", emulator.parent_topic()), "psst").expect("sent");
        assert_eq!(payloads(&receiver, 2), [odd, "psst"]);

        assert!(api.query_session(id).expect("an answer"));
        let ids: Vec<_> = (0..12).map(|number| format!("{}@@@{number}", emulator.group_id())).collect();
        let mut asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        asked.insert(11, id);
        let online = api.batch_query_session(&asked).expect("an answer");
        assert_eq!(online.len(), 13);
        assert!(online.iter().all(|(client, online)| *online == (client == id)), "{online:?}");

        let device = format!("{}@@@device", emulator.group_id());
        let first = api.register_device_credential(&device).expect("registered");
        assert_eq!(api.device_credential(&device).expect("there").access_key_id(), first.access_key_id());
        let second = api.refresh_device_credential(&device).expect("refreshed");
        connect(config(&emulator).device_id("device").credentials(second.credentials()));
        let listed: Result<Vec<_>, _> = api.list_device_credentials(emulator.group_id()).collect();
        assert_eq!(listed.expect("a list"), [device.as_str()]);
        api.unregister_device_credential(&device).expect("unregistered");
        assert_eq!(error(api.device_credential(&device)).kind(), ErrorKind::Api);

        api.create_group("GID_another").expect("created");
        let groups = api.list_groups().expect("a list");
        assert!(groups.iter().any(|group| group.id() == "GID_another"), "{groups:?}");
        connect(config(&emulator).group_id("GID_another"));
        api.delete_group("GID_another").expect("deleted");

        let span = TraceRequest::new(
            SystemTime::now() - Duration::from_secs(600),
            SystemTime::now() + Duration::from_secs(60),
        );
        let trace = api.device_trace(id, &span).expect("a trace");
        assert!(trace.entries().iter().any(|entry| entry.action() == Some("connect")), "{trace:?}");
        receiver.publish(&x, QoS::AtLeastOnce, "traced").expect("published");
        receiver.publish(&x, QoS::AtLeastOnce, "traced, too").expect("published");
        let first = api.client_message_trace(id, &span.clone().page_size(1)).expect("a trace");
        assert!(first.entries().len() == 1 && first.total() > Some(1), "{first:?}");
        let second = api.client_message_trace(id, &span.clone().page_size(1).page(2)).expect("a trace");
        assert_ne!(format!("{:?}", first.entries()), format!("{:?}", second.entries()));
        let trace = api.client_message_trace(id, &span).expect("a trace");
        assert!(trace.entries().iter().any(|entry| entry.message_id().is_some()), "{trace:?}");
        assert!(!api.publish_trace(&message_id, &span).expect("a trace").entries().is_empty());
        assert!(!api.subscribe_trace(&message_id, None, &span).expect("a trace").entries().is_empty());

        let call =
            Call::new("QuerySessionByClientId").form("ClientId", id).parameter("InstanceId", emulator.instance_id());
        for call in [
            call,
            Call::new("QuerySessionByClientId")
                .parameter("ClientId", id)
                .parameter("InstanceId", emulator.instance_id())
                .get(),
        ] {
            assert_eq!(api.call(&call).expect("an answer")["OnlineStatus"], true);
        }
    }
}

#[test]
fn over_tls_and_with_a_temporary_key() {
    let emulator = Emulator::builder().sts_key("STS.id", "STS.secret", "security+token/=").start().expect("it starts");
    for signing in [Signing::V3, Signing::V2] {
        let to = || builder(&emulator).endpoint(emulator.api_tls_endpoint()).signing(signing);
        let api = to().ca_pem(emulator.ca_pem()).sts_key("STS.id", "STS.secret", "security+token/=");
        api.build().expect("a good configuration").apply_token(&everything(&emulator)).expect("a token");
        let untrusted = to().build().expect("a good configuration");
        let refused = error(untrusted.apply_token(&everything(&emulator)));
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Tls, Some(Fate::NotSent)), "{refused}");
        let wrong = to().ca_pem(emulator.ca_pem()).sts_key("STS.id", "STS.secret", "another").build();
        assert_eq!(error(wrong.expect("a good configuration").list_groups()).kind(), ErrorKind::Api);
    }
}

#[test]
fn what_the_service_refuses_says_why() {
    let emulator = emulator();
    for signing in [Signing::V3, Signing::V2] {
        let build = |id: &str, secret: &str| {
            builder(&emulator).access_key(id, secret).signing(signing).build().expect("a good configuration")
        };
        let wrong = error(build(emulator.access_key_id(), "wrong-secret").list_groups());
        let fault = wrong.api().expect("the service's answer");
        assert_eq!((fault.http_status(), fault.code()), (400, Some("SignatureDoesNotMatch")), "{wrong}");
        assert!(wrong.hint().is_some_and(|hint| hint.contains("secret is wrong")), "{wrong}");
        assert!(fault.request_id().is_some() && !wrong.is_retryable());
        let unknown = error(build("nobody", "wrong-secret").list_groups());
        assert_eq!(unknown.api().and_then(|fault| fault.http_status().into()), Some(404), "{unknown}");
        for minutes in [-40, 40] {
            emulator.set_clock_skew(minutes * 60);
            let late = error(build(emulator.access_key_id(), emulator.access_key_secret()).list_groups());
            let direction = if minutes < 0 { "ahead of" } else { "behind" };
            assert!(late.hint().is_some_and(|hint| hint.contains(direction) && hint.contains("clock")), "{late}");
        }
        emulator.set_clock_skew(0);
    }
    let api = api(&emulator);
    let elsewhere = error(api.apply_token(&TokenRequest::new(TokenKind::Read, ["elsewhere/#"])));
    assert_eq!(elsewhere.api().and_then(|fault| fault.code()), Some("PermissionCheckFailed"), "{elsewhere}");
    assert_eq!(elsewhere.fate(), Some(Fate::Refused));
    let unknown = error(api.call(&Call::new("NoSuchThing")));
    assert_eq!(unknown.api().and_then(|fault| fault.code()), Some("ApiNotSupport"), "{unknown}");
}

#[test]
fn throttled_calls_are_repeated_and_others_only_where_that_is_safe() {
    let emulator = emulator();
    let api = api(&emulator);
    emulator.throttle_api(2);
    api.send_message(&topic(&emulator, "x"), "once").expect("sent in the end");
    assert_eq!(calls(&emulator, "SendMessage"), 1);
    emulator.fail_api(2, 500, "InternalError");
    api.apply_token(&everything(&emulator)).expect("a token in the end");
    emulator.fail_api(1, 500, "InternalError");
    let unknown = error(api.send_message(&topic(&emulator, "x"), "perhaps"));
    assert_eq!((unknown.kind(), unknown.fate()), (ErrorKind::Api, Some(Fate::Unknown)), "{unknown}");
    assert_eq!(calls(&emulator, "SendMessage"), 1, "not repeated");
}

// ---- token mode, applied for by the library ----

#[test]
fn the_library_applies_for_its_token_and_renews_it_on_one_connection() {
    // A token of an hour lives for 3.6 seconds, and the notice comes 3 seconds before its end.
    let emulator = Emulator::builder().token_time_scale(0.001).token_notice_lead(Duration::from_secs(3000));
    let emulator = Arc::new(emulator.start().expect("the emulator starts"));
    let credentials = Credentials::apply_tokens(&api(&emulator), [everything(&emulator)]);
    let client = connect(config(&emulator).credentials(credentials));
    let events = client.events();
    let x = topic(&emulator, "x");
    client.subscribe(&x, QoS::AtLeastOnce).expect("subscribed");
    for number in 0..3 {
        let kind = event(&events, "a renewed token", |event| match event {
            Event::TokenRenewed { kind, .. } => Some(kind),
            _ => None,
        });
        assert_eq!(kind, TokenKind::ReadWrite);
        client.publish(&x, QoS::AtLeastOnce, number.to_string()).expect("published");
        assert_eq!(payloads(&client, 1), [number.to_string()]);
    }
    assert_eq!(connections(&emulator, &client), 1);
    assert!(calls(&emulator, "ApplyToken") > uploads(&emulator));
}

#[test]
fn narrow_tokens_of_both_kinds_are_applied_for() {
    let emulator = Arc::new(emulator());
    let requests = [
        TokenRequest::new(TokenKind::Read, [topic(&emulator, "in/#")]),
        TokenRequest::new(TokenKind::Write, [topic(&emulator, "out/+"), topic(&emulator, "in/x")]),
    ];
    let client = connect(config(&emulator).credentials(Credentials::apply_tokens(&api(&emulator), requests)));
    let x = topic(&emulator, "in/x");
    client.subscribe(&x, QoS::AtLeastOnce).expect("subscribed");
    client.publish(&x, QoS::AtLeastOnce, "x").expect("published");
    assert_eq!(payloads(&client, 1), ["x"]);
    let refused = error(client.subscribe(topic(&emulator, "out/x"), QoS::AtLeastOnce));
    assert_eq!(refused.kind(), ErrorKind::Rejected, "{refused}");
    let other = Config::builder()
        .endpoint(emulator.endpoint())
        .instance_id("post-cn-other")
        .group_id(emulator.group_id())
        .credentials(Credentials::apply_tokens(&api(&emulator), [everything(&emulator)]));
    assert!(error(other.build()).to_string().contains("post-cn-other"));
}

#[test]
fn the_mqtt_connection_lives_on_while_the_token_endpoint_misbehaves() {
    let emulator = Arc::new(emulator());
    let credentials = Credentials::apply_tokens(&api(&emulator), [everything(&emulator)]);
    let client = connect(config(&emulator).credentials(credentials));
    let events = client.events();
    let id = client.config().client_id().to_string();
    let x = topic(&emulator, "x");
    let failed = || {
        event(&events, "a failed renewal", |event| match event {
            Event::TokenRenewalFailed { reason, .. } => Some(reason),
            _ => None,
        })
    };
    emulator.fail_api(1, 403, "Forbidden.RAM");
    emulator.push_notice(&id, "$SYS/tokenExpireNotice", r#"{"type":"RW"}"#);
    let reason = failed();
    assert_eq!((reason.kind(), reason.stage()), (ErrorKind::Credentials, Some(Stage::Credentials)), "{reason}");
    let fault = reason.api().expect("the service's answer");
    assert_eq!((fault.http_status(), fault.code()), (403, Some("Forbidden.RAM")));
    client.publish(&x, QoS::AtLeastOnce, "x").expect("published");
    event(&events, "a renewed token", |event| matches!(event, Event::TokenRenewed { .. }).then_some(()));
    assert_eq!(connections(&emulator, &client), 1);
}

/// One client for each thing that can be wrong with the token endpoint; then it answers as it should.
#[test]
fn whatever_the_token_endpoint_answers_the_mqtt_connection_lives_on() {
    let emulator = Arc::new(emulator());
    let issue = || {
        let everything = topic(&emulator, "#");
        emulator.issue_token(aliyun_mqtt_emulator::Permission::ReadWrite, &[&everything], Duration::from_secs(3600))
    };
    let good = || answer(200, &format!(r#"{{"RequestId":"A","Token":"{}"}}"#, issue()));
    let throttled = || answer(400, r#"{"Code":"ApplyTokenOverFlow","Message":"slow down","RequestId":"A"}"#);
    let failures = [
        (vec![Step::Silence], "did not answer within"),
        ((0..4).map(|_| throttled()).collect(), "ApplyTokenOverFlow"),
        ((0..4).map(|_| Step::Close).collect(), "lost before"),
        (vec![answer(200, "\u{1F600} garbage")], "not JSON"),
        (vec![answer(200, "<html><title>Login</title></html>")], "titled \"Login\""),
        (vec![answer(200, r#"{"RequestId":"A","Tok"#)], "incomplete JSON"),
        (
            vec![answer(200, r#"{"Code":"PermissionCheckFailed","Message":"no","RequestId":"A"}"#)],
            "PermissionCheckFailed",
        ),
        (vec![answer(200, r#"{"RequestId":"A"}"#)], "Token"),
        (vec![answer(200, r#"{"RequestId":"A","Token":""}"#)], "Token"),
    ];
    // Side by side: each has its own pauses.
    std::thread::scope(|scope| {
        for (steps, text) in failures {
            let server = Server::start([good()].into_iter().chain(steps).chain([good()]));
            let emulator = &emulator;
            scope.spawn(move || lives_on(emulator, &server, text));
        }
    });
}

fn lives_on(emulator: &Emulator, server: &Server, text: &str) {
    let api = builder(emulator).endpoint(server.url()).timeout(Duration::from_secs(5)).build().expect("well formed");
    let client = connect(config(emulator).credentials(Credentials::apply_tokens(&api, [everything(emulator)])));
    let events = client.events();
    let notice = r#"{"type":"RW"}"#;
    assert!(emulator.push_notice(client.config().client_id().as_str(), "$SYS/tokenExpireNotice", notice));
    let reason = event(&events, text, |event| match event {
        Event::TokenRenewalFailed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.kind(), ErrorKind::Credentials, "{reason}");
    assert!(reason.to_string().contains(text), "{text}: {reason}");
    let behind = std::error::Error::source(&reason).and_then(|cause| cause.downcast_ref::<aliyun_mqtt::Error>());
    assert_eq!(behind.and_then(aliyun_mqtt::Error::stage), Some(Stage::Api), "{reason:?}");
    client.publish(topic(emulator, "x"), QoS::AtLeastOnce, "x").expect("published");
    event(&events, "a renewed token", |event| matches!(event, Event::TokenRenewed { .. }).then_some(()));
    assert_eq!(connections(emulator, &client), 1);
}

#[test]
fn a_first_login_without_a_token_says_what_the_api_said() {
    let emulator = Arc::new(emulator());
    let credentials = Credentials::apply_tokens(&api(&emulator), [TokenRequest::new(TokenKind::Read, ["elsewhere/#"])]);
    let refused = error(Client::connect(config(&emulator).credentials(credentials).build().expect("well formed")));
    assert_eq!(refused.kind(), ErrorKind::Credentials, "{refused}");
    assert_eq!(refused.api().and_then(|fault| fault.code()), Some("PermissionCheckFailed"));
    assert!(!refused.is_retryable());
    assert_eq!(accepted_logins(&emulator), 0);
    emulator.fail_api(9, 503, "ServiceUnavailable");
    let credentials = Credentials::apply_tokens(&api(&emulator), [everything(&emulator)]);
    let refused = error(Client::connect(config(&emulator).credentials(credentials).build().expect("well formed")));
    assert!(refused.is_retryable(), "{refused}");
}

#[test]
fn a_token_revoked_over_the_api_is_replaced() {
    let emulator = Arc::new(emulator());
    let api = api(&emulator);
    let credentials = Credentials::apply_tokens(&api, [everything(&emulator)]);
    let client = connect(config(&emulator).credentials(credentials));
    let events = client.events();
    // The token itself is nowhere to be seen; its holder is found by who is cut.
    let other = api.apply_token(&everything(&emulator)).expect("a token");
    api.revoke_token(other.secret()).expect("revoked");
    client.publish(topic(&emulator, "x"), QoS::AtLeastOnce, "another's token is another's").expect("published");
    assert_eq!(accepted_logins(&emulator), 1);
    let call = Call::new("CloseConnection").parameter("InstanceId", emulator.instance_id());
    api.call(&call.parameter("ClientId", client.config().client_id().as_str())).expect("closed");
    connected(&events);
    eventually("the same token serves on", || accepted_logins(&emulator) == 2);
    assert_eq!(calls(&emulator, "ApplyToken"), 2);
}
