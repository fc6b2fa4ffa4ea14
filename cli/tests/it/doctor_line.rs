//! `doctor`: the line below MQTT - names, connections, TLS, and servers that are none of the service.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::support::doctor::{Found, Responder, drain, examine, in_time};
use crate::support::library::port::Port;
use crate::support::{Folder, emulator, run, with};
use aliyun_mqtt_emulator::Emulator;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

/// Settings for an endpoint that has nothing to do with the emulator, and no API.
fn at(emulator: &Emulator, endpoint: impl AsRef<str>) -> Command {
    let mut command = with(emulator);
    command.env("ALIYUN_MQTT_ENDPOINT", endpoint.as_ref()).env_remove("ALIYUN_MQTT_API_ENDPOINT");
    command
}

/// A second is enough for what never comes.
const SHORT: &[&str] = &["--timeout", "1"];

#[test]
fn a_name_that_does_not_exist() {
    let found = examine(at(&emulator(), "doctor.invalid"), &[]);
    // On a machine without any name server, none can say so.
    let cause = if found.step("dns")["cause"] == "dns-unavailable" { "dns-unavailable" } else { "dns-no-such-name" };
    found.expect("a bad name", "dns", cause, 3);
    assert_eq!(found.step("tcp")["result"], "skipped");
    assert_eq!(found.step("login")["result"], "ok", "what needs no connection is looked at all the same");
    assert_eq!(found.step("connect")["reason"], "there is no connection");
}

#[test]
fn nobody_listens() {
    let port = Port::reserve();
    examine(at(&emulator(), format!("mqtt://{}", port.addr())), &[]).expect("refused", "tcp", "nothing-here", 3);
}

/// An address of this machine that does not say so.
#[cfg(target_os = "linux")]
#[test]
fn nobody_listens_elsewhere() {
    let endpoint = format!("mqtt://0.0.0.0:{}", Port::reserve().addr().port());
    let found = examine(at(&emulator(), endpoint), &[]);
    found.expect("refused", "tcp", "tcp-refused", 3);
    assert!(found.step("tcp")["cure"].as_str().is_some_and(|cure| cure.contains("firewall")), "{found:?}");
}

/// An emulator that has ended, with its API: one cause, and no advice about the cloud.
#[test]
fn an_emulator_that_has_ended() {
    let emulator = emulator();
    let command = with(&emulator);
    drop(emulator);
    let output = run(command, ["doctor"]).expect(3);
    let text = output.text();
    assert!(text.contains("2 failed") && text.matches("cause: ").count() == 1, "{text}");
    assert!(text.contains("cure:  if an emulator was there, it has ended: start another with eval"), "{text}");
    for word in ["firewall", "region", "aliyuncs", "console"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_answers() {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()).expect("bound");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().expect("an address").as_socket().expect("an address");
    // Until the queue of those that wait is full, and the next is not answered.
    let mut waiting = Vec::new();
    loop {
        match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
            Ok(stream) => waiting.push(stream),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => break,
            Err(error) => panic!("{error}"),
        }
        assert!(waiting.len() < 1000, "the queue does not fill");
    }
    examine(at(&emulator(), format!("mqtt://{address}")), SHORT).expect("silent", "tcp", "tcp-silent", 5);
}

/// One of the library's certificates that rcgen cannot make.
macro_rules! old_one {
    ($name:literal) => {
        &include_bytes!(concat!("../../../src/tls/testdata/", $name))[..]
    };
}

/// A server with a certificate of one's own making; its CA comes as PEM.
struct Server {
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: Vec<u8>,
    ca: String,
}

impl Server {
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&ca_key).expect("a CA").pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().expect("a key");
        let mut server = CertificateParams::new(vec![name.to_string()]).expect("parameters");
        change(&mut server);
        let certificate = server.signed_by(&key, &issuer).expect("a certificate");
        Server { chain: vec![certificate.der().clone()], key: key.serialize_der(), ca: pem }
    }

    /// Shakes hands, and then says nothing. `mutual`: only with clients that this CA has signed.
    fn start(&self, mutual: bool) -> Responder {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("TLS versions");
        let builder = if mutual {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(self.chain[0].clone()).expect("a root");
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        // Not by `with_single_cert`, which refuses some of the certificates that servers have.
        let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("a key that signs");
        let certified = rustls::sign::CertifiedKey::new(self.chain.clone(), key);
        let config = Arc::new(builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified))));
        Responder::start(move |mut stream| {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a TLS server");
            while connection.is_handshaking() || connection.wants_write() {
                if connection.complete_io(&mut stream).is_err() {
                    // The alert is on its way.
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    break;
                }
            }
            drain(&mut stream);
        })
    }
}

/// Runs against a server with this certificate; its CA is trusted.
#[track_caller]
fn certified(server: &Server, mutual: bool, trusted: bool) -> Found {
    let (emulator, folder) = (emulator(), Folder::new());
    let running = server.start(mutual);
    let run = |timeout: &str| {
        let mut command = at(&emulator, format!("mqtts://localhost:{}", running.port()));
        if trusted {
            command.env("ALIYUN_MQTT_CA_FILE", folder.write("ca.pem", &server.ca));
        }
        examine(command, &["--timeout", timeout])
    };
    in_time(run, |found| found.is_ok("tcp") && found.step("tls")["cause"] != "tls-silent")
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn certificates_that_will_not_do() {
    let plain = Server::new("localhost", |_| {});
    let found = certified(&plain, false, false);
    found.expect("a private CA", "tls", "tls-untrusted-issuer", 3);
    // Certificates that were not verified are shown all the same.
    assert_eq!(found.step("tls")["saw"]["names"][0], "localhost");
    assert_eq!(found.step("connect")["reason"], "TLS failed");

    let found = certified(&Server::new("other.test", |_| {}), false, true);
    found.expect("another name", "tls", "tls-name-mismatch", 3);
    assert_eq!(found.step("tls")["saw"]["names"][0], "other.test");

    let expired = Server::new("localhost", |certificate| certificate.not_after = (SystemTime::now() - DAY).into());
    certified(&expired, false, true).expect("expired", "tls", "tls-expired", 3);

    let early = Server::new("localhost", |certificate| certificate.not_before = (SystemTime::now() + DAY).into());
    certified(&early, false, true).expect("not yet valid", "tls", "tls-not-yet-valid", 3);

    let authority =
        Server::new("localhost", |certificate| certificate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    certified(&authority, false, true).expect("a CA itself", "tls", "tls-certificate-bad", 3);

    let soon = Server::new("localhost", |certificate| certificate.not_after = (SystemTime::now() + 5 * DAY).into());
    let found = certified(&soon, false, true);
    assert_eq!(found.step("tls")["result"], "warning", "{found:?}");
    // Behind TLS nobody speaks MQTT.
    found.expect("ends soon", "tls", "tls-expires-soon", 5);
    found.expect("silence", "connect", "connack-silent", 5);
}

/// A CA with this name that another has signed, or that has signed itself.
fn authority(
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
    issuer: Option<&Issuer<'static, KeyPair>>,
) -> (rcgen::Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.distinguished_name.push(rcgen::DnType::CommonName, name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut ca);
    let certificate = match issuer {
        Some(issuer) => ca.signed_by(&key, issuer),
        None => ca.self_signed(&key),
    };
    (certificate.expect("a certificate"), Issuer::new(ca, key))
}

/// A server whose certificate this CA has signed; `more` is sent behind it, and `root` is trusted.
fn signed_by(
    issuer: &Issuer<'static, KeyPair>,
    more: &[&rcgen::Certificate],
    root: &rcgen::Certificate,
    change: impl FnOnce(&mut CertificateParams),
) -> Server {
    let key = KeyPair::generate().expect("a key");
    let mut server = CertificateParams::new(vec!["localhost".to_string()]).expect("parameters");
    server.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
    change(&mut server);
    let own = server.signed_by(&key, issuer).expect("a certificate");
    let chain = std::iter::once(&own).chain(more.iter().copied()).map(|made| made.der().clone()).collect();
    Server { chain, key: key.serialize_der(), ca: root.pem() }
}

/// Each fault of a chain has its own cause.
#[test]
fn chains_that_will_not_do() {
    let (root, top) = authority("Root CA", |_| {}, None);
    let (middle, below) = authority("Middle CA", |_| {}, Some(&top));
    // Nothing speaks MQTT behind it, but TLS is well.
    let found = certified(&signed_by(&below, &[&middle], &root, |_| {}), false, true);
    assert_eq!(found.step("tls")["result"], "ok", "{found:?}");

    let incomplete = signed_by(&below, &[], &root, |_| {});
    let found = certified(&incomplete, false, true);
    found.expect("no intermediate certificate", "tls", "tls-chain-incomplete", 3);
    assert!(found.step("tls")["cure"].as_str().is_some_and(|cure| cure.contains("fullchain.pem")), "{found:?}");
    // A certificate of a public CA says where its issuer's is to be had.
    let public = signed_by(&below, &[], &root, |params| {
        let at = b"\x30\x23\x30\x21\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x15http://ca.test/ca.crt";
        let access = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], at.to_vec());
        params.custom_extensions.push(access);
    });
    certified(&public, false, false).expect("of a public CA", "tls", "tls-chain-incomplete", 3);
    // Without either, it may as well be a private CA.
    certified(&incomplete, false, false).expect("a private CA", "tls", "tls-untrusted-issuer", 3);
    let (foreign, of_foreign) = authority("Foreign CA", |_| {}, None);
    let whole = signed_by(&of_foreign, &[&foreign], &root, |_| {});
    certified(&whole, false, true).expect("a foreign CA", "tls", "tls-untrusted-issuer", 3);

    let key = KeyPair::generate().expect("a key");
    let own = CertificateParams::new(vec!["localhost".to_string()]).expect("parameters").self_signed(&key);
    let own = own.expect("a certificate");
    let own = Server { chain: vec![own.der().clone()], key: key.serialize_der(), ca: root.pem() };
    certified(&own, false, true).expect("self-signed", "tls", "tls-self-signed", 3);

    let narrow = |params: &mut CertificateParams| {
        let permitted_subtrees = vec![rcgen::GeneralSubtree::DnsName("example.com".to_string())];
        params.name_constraints = Some(rcgen::NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    };
    let (narrow, of_narrow) = authority("Narrow CA", narrow, Some(&top));
    let (no_ca, of_no_ca) = authority("No CA", |params| params.is_ca = IsCa::ExplicitNoCa, Some(&top));
    let for_clients = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    };
    for (what, server, cause) in [
        ("no names", signed_by(&top, &[], &root, |params| params.subject_alt_names.clear()), "tls-no-names"),
        ("for clients", signed_by(&top, &[], &root, for_clients), "tls-wrong-purpose"),
        ("outside of its CA's names", signed_by(&of_narrow, &[&narrow], &root, |_| {}), "tls-issuer-not-allowed"),
        ("of no CA", signed_by(&of_no_ca, &[&no_ca], &root, |_| {}), "tls-issuer-not-allowed"),
    ] {
        certified(&server, false, true).expect(what, "tls", cause, 3);
    }
    // Certificates that rcgen does not make.
    for (what, certificate, ca, cause) in [
        ("version 1", old_one!("version-1.pem"), old_one!("ca.pem"), "tls-x509-version-1"),
        ("SHA-1", old_one!("sha1.pem"), old_one!("ca.pem"), "tls-old-signature"),
        ("1,024 bits", old_one!("of-weak-ca.pem"), old_one!("weak-ca.pem"), "tls-weak-key"),
    ] {
        let chain = vec![rustls::pki_types::CertificateDer::from_pem_slice(certificate).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(old_one!("server.key")).expect("PEM").secret_der().to_vec();
        let ca = String::from_utf8(ca.to_vec()).expect("text");
        certified(&Server { chain, key, ca }, false, true).expect(what, "tls", cause, 3);
    }
}

#[test]
fn a_client_certificate_is_wanted() {
    let found = certified(&Server::new("localhost", |_| {}), true, true);
    assert_eq!(found.step("tls")["saw"]["asks_for_client_certificate"], true, "{found:?}");
    found.expect("mutual TLS", "connect", "tls-client-certificate", 3);
}

#[test]
fn something_else_answers() {
    let emulator = emulator();
    let folder = Folder::new();
    let ca = folder.write("ca.pem", emulator.ca_pem());
    let ca = ca.to_str().expect("text");
    // The alert "protocol version".
    let old = Responder::says([0x15, 3, 3, 0, 2, 2, 70]);
    let (silent, closes) = (Responder::silent(), Responder::closes());
    let amqp = Responder::start(|mut stream| {
        // Says it at once, as AMQP brokers do to what they do not understand.
        let _ = stream.read(&mut [0; 4]);
        let _ = stream.write_all(b"AMQP\0\0\x09\x01");
        let _ = stream.shutdown(std::net::Shutdown::Write);
        drain(&mut stream);
    });
    // Some TLS servers say nothing to what is none.
    let strict = Responder::start(|mut stream| {
        let mut heard = [0; 4096];
        let length = stream.read(&mut heard).unwrap_or(0);
        if length > 0 && heard[0] == 0x16 {
            let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            drain(&mut stream);
        }
    });
    let mail = Responder::says("220 mail ready\r\n");
    let page = Responder::http("200 OK", "Content-Type: text/html\r\n", "<html>hello</html>");
    let missing = Responder::http("404 Not Found", "", "");
    let proxy = Responder::http("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", "");
    let portal = Responder::http("302 Found", "Location: http://login.test/\r\n", "");
    let (tcp, tls) = (emulator.tcp_addr().port(), emulator.tls_addr().port());
    let (ws, wss) = (emulator.ws_addr().port(), emulator.wss_addr().port());
    #[rustfmt::skip]
    let rows = [
        ("TLS to the plain port", "mqtts", tcp, "tls", "tls-to-plain-port", 3),
        ("TLS to the WebSocket port", "mqtts", ws, "tls", "tls-to-plain-port", 3),
        ("TLS to a login page", "wss", portal.port(), "tls", "captive-portal", 3),
        ("TLS to a proxy", "wss", proxy.port(), "tls", "http-proxy", 3),
        ("TLS to AMQP", "mqtts", amqp.port(), "tls", "amqp-instead-of-mqtt", 3),
        ("closed", "mqtts", closes.port(), "tls", "tls-closed", 3),
        ("silent", "mqtts", silent.port(), "tls", "tls-silent", 5),
        ("an old server", "mqtts", old.port(), "tls", "tls-no-common-version", 3),
        ("plain to the TLS port", "mqtt", tls, "connect", "plain-to-tls-port", 3),
        ("plain to a TLS port that says nothing", "mqtt", strict.port(), "connect", "plain-to-tls-port", 3),
        ("ws:// to the TLS port", "ws", wss, "connect", "plain-to-tls-port", 3),
        ("mqtt:// to the WebSocket port", "mqtt", ws, "connect", "mqtt-to-websocket-port", 3),
        ("mqtts:// to the WebSocket port", "mqtts", wss, "connect", "mqtt-to-websocket-port", 3),
        ("ws:// to the MQTT port", "ws", tcp, "connect", "websocket-to-mqtt-port", 3),
        ("wss:// to the MQTT port", "wss", tls, "connect", "websocket-to-mqtt-port", 3),
        ("no such path", "ws", missing.port(), "connect", "websocket-refused", 3),
        ("a web server", "ws", page.port(), "connect", "http-instead-of-mqtt", 3),
        ("a web server", "mqtt", page.port(), "connect", "http-instead-of-mqtt", 3),
        ("a proxy", "mqtt", proxy.port(), "connect", "http-proxy", 3),
        ("a login page", "ws", portal.port(), "connect", "captive-portal", 3),
        ("AMQP", "mqtt", amqp.port(), "connect", "amqp-instead-of-mqtt", 3),
        ("mail", "mqtt", mail.port(), "connect", "not-mqtt", 3),
        ("silent", "mqtt", silent.port(), "connect", "connack-silent", 5),
        ("closed", "mqtt", closes.port(), "connect", "connection-closed", 3),
    ];
    for (what, scheme, port, step, cause, exit) in rows {
        let endpoint = format!("{scheme}://localhost:{port}");
        let what = format!("{what}: {endpoint}");
        let arguments: &[&str] = if what.starts_with("silent") { SHORT } else { &["--timeout", "10"] };
        examine(at(&emulator, endpoint), &[arguments, &["--ca-file", ca]].concat()).expect(&what, step, cause, exit);
    }
}

/// The answer of an HTTP server to the request for a WebSocket is judged by its contents.
#[test]
fn answers_to_the_request_for_a_websocket() {
    const AGREED: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    // The answer to the key that doctor asks with; the library's own request has another.
    const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let emulator = emulator();
    let agreed = format!("{AGREED}{ACCEPT}");
    let other = format!("{agreed}Sec-WebSocket-Protocol: chat\r\n");
    let list = format!("Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n{ACCEPT}");
    for (status, headers, cause) in [
        ("200 OK", "", "http-instead-of-mqtt"),
        ("301 Moved Permanently", "Location: https://localhost/mqtt\r\n", "websocket-redirected"),
        ("308 Permanent Redirect", "Location: /mqtt/\r\n", "websocket-redirected"),
        ("302 Found", "Location: http://login.test/\r\n", "captive-portal"),
        ("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "websocket-not-allowed"),
        ("403 Forbidden", "", "websocket-not-allowed"),
        ("407 Proxy Authentication Required", "", "http-proxy"),
        ("400 Bad Request", "", "websocket-refused"),
        ("404 Not Found", "", "websocket-refused"),
        ("426 Upgrade Required", "Upgrade: websocket\r\n", "websocket-upgrade-lost"),
        ("429 Too Many Requests", "", "websocket-no-server"),
        ("502 Bad Gateway", "", "websocket-no-server"),
        ("503 Service Unavailable", "", "websocket-no-server"),
        ("501 Not Implemented", "", "websocket-refused"),
        ("511 Network Authentication Required", "", "captive-portal"),
        ("101 Switching Protocols", &agreed, "websocket-without-mqtt"),
        ("101 Switching Protocols", &other, "websocket-without-mqtt"),
        ("101 Switching Protocols", AGREED, "websocket-broken"),
        ("101 Switching Protocols", &list, "websocket-broken"),
    ] {
        let server = Responder::says(format!("HTTP/1.1 {status}\r\n{headers}\r\n"));
        let endpoint = format!("ws://localhost:{}", server.port());
        let found = examine(at(&emulator, endpoint), &["--timeout", "10"]);
        found.expect(&format!("{status} {headers}"), "connect", cause, 3);
    }
    // To a client that wants MQTT without WebSocket, these mean what they did.
    for (status, cause) in
        [("426 Upgrade Required", "mqtt-to-websocket-port"), ("403 Forbidden", "http-instead-of-mqtt")]
    {
        let server = Responder::http(status, "", "");
        let endpoint = format!("mqtt://localhost:{}", server.port());
        examine(at(&emulator, endpoint), &["--timeout", "10"]).expect(status, "connect", cause, 3);
    }
}

#[test]
fn a_ca_file_that_is_none() {
    let (emulator, folder) = (emulator(), Folder::new());
    let file = folder.write("ca.pem", "no certificate");
    let mut command = at(&emulator, emulator.tls_endpoint());
    command.env("ALIYUN_MQTT_CA_FILE", file);
    examine(command, &[]).expect("no PEM", "tls", "ca-file-unusable", 2);
}
