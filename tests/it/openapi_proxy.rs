//! The API through an HTTP proxy. It needs no cargo feature of its own.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use crate::support::LONG;
use crate::support::api::{DONE, failed, to};
use crate::support::http::{Server, Step, answer, kept};
use crate::support::http_proxy::{Answer, HttpProxy, Tunnel};
use crate::support::port::Port;
use crate::support::process::{as_child, child};
use aliyun_mqtt::openapi::ApiBuilder;
use aliyun_mqtt::{Code, Error, ErrorKind, Fate, Stage};

/// Names that only the proxy knows.
const URL: &str = "https://api.test";
const TARGET: &str = "api.test:443";

/// An API that only the proxy knows, and the way there.
fn through(proxy: &HttpProxy, steps: impl IntoIterator<Item = Step>) -> (Server, ApiBuilder) {
    let (server, ca) = Server::start_tls(steps);
    proxy.know(TARGET, SocketAddr::from(([127, 0, 0, 1], server.port())));
    (server, to(URL).ca_pem(ca).proxy(proxy.url()))
}

/// A call that fails, with a message that names the API, the proxy and the stage.
fn refused(builder: ApiBuilder) -> Error {
    let api = builder.build().expect("good");
    let proxy = api.proxy().expect("a proxy").to_string();
    let start = Instant::now();
    let error = failed(api.send_message("demo/x", "x"));
    assert!(start.elapsed() < LONG / 2, "{:?}: {error}", start.elapsed());
    let text = error.to_string();
    let stage = error.stage().expect("a stage");
    assert!(text.contains(&proxy) && text.contains(URL) && text.contains(&format!("(stage: {stage})")), "{text}");
    assert!(error.hint().is_some(), "{text}");
    error
}

#[test]
fn calls_go_through_one_tunnel_and_the_proxy_looks_up_the_name() {
    let proxy = HttpProxy::start();
    proxy.want_login("user", "geheim %");
    let (server, builder) = through(&proxy, [kept(200, DONE), answer(200, DONE)]);
    let api = builder.proxy_credentials("user", "geheim %").build().expect("good");
    assert!(!format!("{api:?}").contains("geheim") && format!("{api:?}").contains(&proxy.url()), "{api:?}");
    api.revoke_token("geheim-token").expect("done");
    api.revoke_token("geheim-token").expect("done");
    assert_eq!((server.requests().len(), server.left()), (2, 0));
    let login = Some("user:geheim %".to_string());
    assert_eq!(proxy.asked(), [Tunnel { target: TARGET.to_string(), login }]);
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn refusals() {
    let proxy = HttpProxy::start();
    let (server, builder) = through(&proxy, []);
    for (status, attempts) in [(407, 1), (403, 1), (502, 4)] {
        proxy.answer(Answer::Refuse(status));
        let before = proxy.connections();
        let error = refused(builder.clone());
        assert_eq!((error.kind(), error.code()), (ErrorKind::Proxy, Some(Code::Proxy(status))), "{error}");
        assert_eq!(error.fate(), Some(Fate::NotSent), "{error}");
        assert_eq!(proxy.connections() - before, attempts, "{error}");
    }
    proxy.answer(Answer::Close);
    let error = refused(builder);
    assert_eq!((error.kind(), error.stage()), (ErrorKind::ConnectionLost, Some(Stage::Proxy)), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn what_is_no_answer() {
    let proxy = HttpProxy::start();
    let (_server, builder) = through(&proxy, []);
    for answer in
        [Answer::Bytes(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), Answer::Endless(b"A: b\r\n"), Answer::Endless(b"x")]
    {
        proxy.answer(answer.clone());
        let error = refused(builder.clone().timeout(Duration::from_secs(2)));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer:?}: {error}");
    }
}

#[test]
fn no_proxy_there() {
    let closed = Port::reserve();
    let error = refused(to(URL).proxy(format!("http://{}", closed.addr())));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connect, Some(Fate::NotSent)), "{error}");
    assert!(error.to_string().contains("port of the proxy"), "{error}");
    let error = refused(to(URL).proxy("http://no-such-host.invalid:3128"));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Resolve, Some(Fate::NotSent)), "{error}");
}

/// The last attempt gets a part of this only, in which a busy machine has to look once more.
const SILENCE: Duration = Duration::from_secs(9);

#[test]
fn silence_ends_at_the_deadline_with_its_stage() {
    let proxy = HttpProxy::start();
    let (_server, builder) = through(&proxy, []);
    proxy.answer(Answer::Silence);
    let error = refused(builder.timeout(SILENCE));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Proxy), "{error}");
}

#[test]
fn silence_behind_the_tunnel_ends_at_the_deadline_with_its_stage() {
    let proxy = HttpProxy::start();
    let (_server, builder) = through(&proxy, []);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.know(TARGET, silent.local_addr().expect("an address"));
    proxy.answer(Answer::Tunnel);
    let error = refused(builder.timeout(SILENCE));
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Tls), "{error}");
}

/// The environment of a process cannot be changed safely, so this test runs itself in another one.
#[test]
fn the_environment_counts_on_demand_only() {
    if let Some(values) = as_child() {
        let (direct, ca) = values.split_once(' ').expect("two");
        to(direct).build().expect("good").revoke_token("geheim-token").expect("done directly");
        // This machine needs no proxy, even on demand.
        to(direct).proxy_from_env().build().expect("good").revoke_token("geheim-token").expect("done directly");
        assert!(to("https://excepted.test").proxy_from_env().build().expect("good").proxy().is_none());
        let api = to(URL).ca_pem(ca).proxy_from_env().build().expect("good");
        api.revoke_token("geheim-token").expect("done through the proxy");
        return;
    }
    let direct = Server::start([answer(200, DONE), answer(200, DONE)]);
    let proxy = HttpProxy::start();
    let (server, ca) = Server::start_tls([answer(200, DONE)]);
    proxy.know(TARGET, SocketAddr::from(([127, 0, 0, 1], server.port())));
    let child = child(module_path!(), "the_environment_counts_on_demand_only", &format!("{} {ca}", direct.url()))
        .env("https_proxy", format!("http://user:geheim@{}", proxy.addr()))
        .env("HTTPS_PROXY", "http://no-such-host.invalid:1")
        .env("no_proxy", "excepted.test")
        .output()
        .expect("it runs");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert_eq!((direct.left(), server.left()), (0, 0));
    let login = Some("user:geheim".to_string());
    assert_eq!(proxy.asked(), [Tunnel { target: TARGET.to_string(), login }]);
}
