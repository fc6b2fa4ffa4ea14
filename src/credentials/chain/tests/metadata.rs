//! The metadata service of an ECS instance, and the URI.

use std::net::TcpListener;

use super::scripted::{answer, key, request, serve};
use super::*;

const END: &str = "2099-01-01T00:00:00Z";

fn found(url: &str, more: &[(&str, &str)]) -> Result<ChainKey> {
    Home::new().chain(&[&[("ALIYUN_MQTT_METADATA_ENDPOINT", url)], more].concat()).find()
}

#[test]
fn the_token_comes_first_and_goes_with_every_request() {
    let (url, requests) = serve(vec![
        answer("200 OK", "geheim-token"),
        answer("200 OK", "role-1"),
        answer("200 OK", &key("STS.id", END)),
    ]);
    let key = found(&url, &[]).expect("a key");
    assert_eq!((key.access_key_id(), secret(&key)), ("STS.id", ("geheim-1", Some("geheim-2"))));
    let requests = requests.join().expect("answered");
    let lines: Vec<_> = requests.iter().filter_map(|request| request.lines().next()).collect();
    assert_eq!(
        lines,
        [
            "PUT /latest/api/token HTTP/1.1",
            "GET /latest/meta-data/ram/security-credentials/ HTTP/1.1",
            "GET /latest/meta-data/ram/security-credentials/role-1 HTTP/1.1"
        ]
    );
    assert!(requests[0].contains("x-aliyun-ecs-metadata-token-ttl-seconds: 21600"));
    assert!(requests[1..].iter().all(|request| request.contains("x-aliyun-ecs-metadata-token: geheim-token")));
}

#[test]
fn without_a_token_the_old_way_is_gone_unless_it_is_disabled() {
    let refused = || answer("404 Not Found", "");
    let (url, requests) = serve(vec![refused(), answer("200 OK", &key("STS.id", END))]);
    assert!(found(&url, &[("ALIBABA_CLOUD_ECS_METADATA", "named")]).is_ok());
    let requests = requests.join().expect("answered");
    assert!(requests[1].starts_with("GET /latest/meta-data/ram/security-credentials/named "));
    assert!(!requests[1].contains("x-aliyun-ecs-metadata-token"));
    let (url, requests) = serve(vec![refused()]);
    let error = found(&url, &[("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]).expect_err("no token");
    assert!(error.to_string().contains("HTTP 404"), "{error}");
    assert_eq!(requests.join().expect("answered").len(), 1);
    // A connection that ends without an answer, as where something in between lets no PUT pass.
    let (url, requests) = serve(vec![String::new(), answer("200 OK", &key("STS.id", END))]);
    assert!(found(&url, &[("ALIBABA_CLOUD_ECS_METADATA", "named")]).is_ok());
    assert_eq!(requests.join().expect("answered").len(), 2);
    let (url, requests) = serve(vec![answer("200 OK", "")]);
    let error = found(&url, &[("ALIBABA_CLOUD_IMDSV1_DISABLED", "TRUE")]).expect_err("no token");
    assert!(error.to_string().contains("an empty token"), "{error}");
    requests.join().expect("answered");
    // A token that is given, but not taken.
    let (url, requests) = serve(vec![answer("200 OK", "token"), refused(), answer("200 OK", &key("STS.id", END))]);
    assert!(found(&url, &[("ALIBABA_CLOUD_ECS_METADATA", "named")]).is_ok());
    assert_eq!(requests.join().expect("answered").len(), 3);
    let (url, requests) = serve(vec![answer("200 OK", "token"), refused()]);
    assert!(found(&url, &[("ALIBABA_CLOUD_ECS_METADATA", "x"), ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")]).is_err());
    assert_eq!(requests.join().expect("answered").len(), 2);
}

#[test]
fn a_token_that_does_not_come_leaves_time_for_the_old_way() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let _server = thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            // One who has given up may have left.
            thread::spawn(move || {
                if request(&mut stream).starts_with("PUT ") {
                    // The answer to the PUT never comes.
                    thread::park();
                }
                let _ = std::io::Write::write_all(&mut stream, answer("200 OK", &key("STS.id", END)).as_bytes());
            });
        }
    });
    // What is left of the second may be too short on a busy machine.
    let end = Instant::now() + Duration::from_secs(60);
    while found(&url, &[("ALIBABA_CLOUD_ECS_METADATA", "named")]).is_err() {
        assert!(Instant::now() < end, "the old way is not gone");
    }
}

#[test]
fn an_ended_key_is_passed_over_as_by_the_official_sdks() {
    let ended = key("STS.ended", "2001-01-01T00:00:00Z");
    let (url, _requests) = serve(vec![answer("200 OK", "token"), answer("200 OK", &ended)]);
    let (uri, _requests) = serve(vec![answer("200 OK", &key("STS.id", END))]);
    let more = [("ALIBABA_CLOUD_ECS_METADATA", "named"), ("ALIBABA_CLOUD_CREDENTIALS_URI", uri.as_str())];
    let key = found(&url, &more).expect("a key");
    assert_eq!(key.access_key_id(), "STS.id");
    assert!(key.passed_over()[0].contains("has ended already"), "{:?}", key.passed_over());
}

#[test]
fn what_answers_with_no_key_is_passed_over_with_its_reason_and_silence_is_nothing() {
    let ok = |body: &str| answer("200 OK", body);
    let failure = key("STS.id", END).replace("Success", "Failure");
    let v2_only = ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true");
    let token = || ok("token");
    for (answers, more, reason) in [
        (vec![answer("403 Forbidden", ""), answer("403 Forbidden", "")], None, Some("HTTP 403")),
        (vec![answer("403 Forbidden", "")], Some(v2_only), Some("HTTP 403")),
        (vec![token(), answer("401 Unauthorized", "")], Some(v2_only), Some("HTTP 401")),
        (vec![token(), answer("503 Service Unavailable", "")], Some(v2_only), Some("HTTP 503")),
        (vec![token(), ok("../x")], None, Some("names no RAM role")),
        (vec![token(), ok("role"), ok(&failure)], None, Some("does not have the Code Success")),
        (vec![token(), ok("role"), answer("404 Not Found", "")], Some(v2_only), Some("HTTP 404")),
        // It has answered once.
        (vec![token(), String::new()], Some(v2_only), Some("was lost")),
        (vec![token(), answer("404 Not Found", ""), answer("404 Not Found", "")], None, None),
        (vec![answer("404 Not Found", ""), answer("404 Not Found", "")], None, None),
    ] {
        let (url, requests) = serve(answers);
        let (uri, _requests) = serve(vec![ok(&key("STS.uri", END))]);
        let more = [&[("ALIBABA_CLOUD_CREDENTIALS_URI", uri.as_str())][..], more.as_slice()].concat();
        let key = found(&url, &more).expect("the key of the URI");
        requests.join().expect("answered");
        match (reason, key.passed_over()) {
            (None, []) => {}
            (Some(part), [one]) => {
                assert!(one.starts_with("the RAM role of the ECS instance: ") && one.contains(part), "{part}: {one}");
            }
            (_, other) => panic!("{reason:?}: {other:?}"),
        }
    }
    // Silence after an answer is not that of a machine without such a service.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let mut stream = listener.accept().expect("a connection").0;
        request(&mut stream);
        std::io::Write::write_all(&mut stream, answer("200 OK", "token").as_bytes()).expect("written");
        listener
    });
    let (uri, _requests) = serve(vec![ok(&key("STS.uri", END))]);
    let key_of_uri = found(&url, &[v2_only, ("ALIBABA_CLOUD_CREDENTIALS_URI", &uri)]).expect("the key of the URI");
    assert!(key_of_uri.passed_over()[0].contains("did not answer within 1s"), "{:?}", key_of_uri.passed_over());
    let _silent = server.join().expect("answered");
    // An address makes it a setting, and so does a name.
    let (_kept, url) = nobody();
    let (uri, _requests) = serve(vec![ok(&key("STS.uri", END)), ok(&key("STS.uri", END))]);
    let uri = ("ALIBABA_CLOUD_CREDENTIALS_URI", uri.as_str());
    let known = found(&url, &[uri]).expect("a key");
    assert!(known.passed_over()[0].contains("cannot connect to http://127.0.0.1:"), "{:?}", known.passed_over());
    let named = found(&url, &[uri, ("ALIBABA_CLOUD_ECS_METADATA", "role")]).expect("a key");
    assert!(named.passed_over()[0].contains("cannot connect to http://127.0.0.1:"), "{:?}", named.passed_over());
}

#[test]
fn a_disabled_service_is_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let error = found(&url, &[("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")]).expect_err("no key");
    assert!(error.to_string().contains("ALIBABA_CLOUD_ECS_METADATA_DISABLED is true"), "{error}");
    assert!(listener.accept().is_err(), "nobody has called");
}

#[test]
fn a_service_that_never_answers_is_given_one_second() {
    assert_eq!(super::super::metadata::PATIENCE, Duration::from_secs(1));
    // The system accepts the connection, and nobody reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let error = found(&url, &[]).expect_err("no key");
    assert!(error.to_string().contains("the metadata service did not answer within 1s"), "{error}");
}

#[test]
fn a_redirect_and_a_proxy_are_not_followed() {
    let (trap, _never) = serve(vec![answer("200 OK", &key("STS.stolen", END))]);
    let redirect =
        format!("HTTP/1.1 302 Found\r\nlocation: {trap}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let (url, requests) = serve(vec![answer("200 OK", "token"), redirect.clone()]);
    let named = [("ALIBABA_CLOUD_ECS_METADATA", "x"), ("ALIBABA_CLOUD_IMDSV1_DISABLED", "true")];
    let proxied = [&named[..], &[("ALIYUN_MQTT_PROXY", trap.as_str())]].concat();
    let error = found(&url, &proxied).expect_err("no key");
    assert!(error.to_string().contains("HTTP 302, a redirect, which is not followed"), "{error}");
    requests.join().expect("answered");
    // This machine by an address for which the shared variables would make no exception.
    #[cfg(unix)]
    {
        let (url, requests) = serve(vec![answer("200 OK", "token"), answer("200 OK", &key("STS.id", END))]);
        let names = ["https_proxy", "http_proxy", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];
        let mut shared: Vec<_> = names.iter().map(|name| (*name, trap.as_str())).collect();
        shared.extend([("ALIYUN_MQTT_PROXY", "env"), ("ALIBABA_CLOUD_ECS_METADATA", "named")]);
        let key = found(&url.replace("127.0.0.1", "0.0.0.0"), &shared).expect("a key");
        assert_eq!(key.access_key_id(), "STS.id");
        requests.join().expect("answered");
    }
    let (url, requests) = serve(vec![redirect]);
    let error = Home::new().chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &url)]).find().expect_err("no key");
    assert!(error.to_string().contains("HTTP 302, a redirect"), "{error}");
    requests.join().expect("answered");
}

#[test]
fn what_is_no_key_is_refused_without_showing_it() {
    for (body, part) in [
        (key("STS.id", END).replace("Success", "Failure"), "does not have the Code Success"),
        (key("STS.id", END).replace("AccessKeySecret", "geheim"), "no valid AccessKeySecret"),
        (key("STS.id", "soon"), "no valid Expiration"),
        (key("", END), "no valid AccessKeyId"),
        (key("STS.id", "2001-01-01T00:00:00Z"), "has ended already"),
        ("geheim".to_string(), "is not a JSON object"),
        ("[]".to_string(), "is not a JSON object"),
    ] {
        let (url, requests) = serve(vec![answer("200 OK", &body)]);
        let home = Home::new();
        let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &format!("{url}/a/b?c=d"))]);
        let error = refusal(&chain);
        assert!(error.to_string().contains(part), "{error}");
        assert!(requests.join().expect("answered")[0].starts_with("GET /a/b?c=d HTTP/1.1\r\n"));
    }
    for (uri, part) in [("127.0.0.1", "http://"), ("http://user:geheim@host", "'@'"), ("ftp://host", "http://")] {
        let error = refusal(&Home::new().chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", uri)]));
        assert!(error.to_string().contains(part), "{error}");
    }
    // A role becomes a part of the next URL.
    let (url, requests) = serve(vec![answer("200 OK", "token"), answer("200 OK", "../../x?y")]);
    assert!(found(&url, &[]).expect_err("no role").to_string().contains("names no RAM role"));
    requests.join().expect("answered");
}
