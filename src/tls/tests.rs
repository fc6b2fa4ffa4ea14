use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::config::network::Pem;
use crate::error::ErrorKind;

fn trusting(pem: &str) -> Network {
    Network::new().ca_pem(pem).system_roots(false)
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_string()).unwrap()
}

fn client_config(network: &Network) -> Result<Arc<ClientConfig>> {
    client_config_within(Duration::from_secs(30), network)
}

fn client_config_within(timeout: Duration, network: &Network) -> Result<Arc<ClientConfig>> {
    Tls::new("localhost", network, timeout).map(|tls| tls.config())
}

fn refused(network: &Network, expected: &str) {
    refused_within(Duration::from_secs(30), network, expected);
}

fn refused_within(timeout: Duration, network: &Network, expected: &str) {
    let error = client_config_within(timeout, network).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(expected), "{error} / {expected}");
    assert!(!format!("{error:?}{network:?}").contains("PRIVATE KEY-----M"));
}

/// Creates a server with this certificate, which may require a client certificate.
fn server(certificate: &str, client_certificate: bool) -> Arc<ServerConfig> {
    server_with(certificate, &SERVER_KEY, client_certificate)
}

fn server_with(certificate: &str, key: &str, client_certificate: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.unwrap();
    let builder = if client_certificate {
        let roots = Arc::new(Trust::of(&trusting(&CA), Duration::ZERO).unwrap().first().store().clone());
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = pem::certificates(&Pem::bytes(certificate), "", Duration::ZERO).unwrap();
    let key = pem::private_key(&Pem::bytes(key), Duration::ZERO).unwrap();
    // Not by `with_single_cert`, which refuses some of the certificates that servers have.
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    Arc::new(builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified))))
}

/// Makes a handshake in memory. Returns the client's error, if any.
fn handshake(network: &Network, server: Arc<ServerConfig>, host: &str) -> Result<(), rustls::Error> {
    handshake_at(network, server, host, host)
}

/// Does the same for a host that is dialled under another name.
fn handshake_at(network: &Network, server: Arc<ServerConfig>, host: &str, at: &str) -> Result<(), rustls::Error> {
    let tls = Tls::new(host, network, Duration::from_secs(30)).unwrap();
    let watch = Arc::new(Watch::default());
    let config = tls.watched(&watch);
    assert!(!watch.has_begun());
    let shaken = shake_hands(config, server, at);
    assert!(watch.has_begun());
    shaken
}

fn shake_hands(config: Arc<ClientConfig>, server: Arc<ServerConfig>, at: &str) -> Result<(), rustls::Error> {
    let mut client = ClientConnection::new(config, name(at)).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut io::Cursor::new(wire)).unwrap();
        // The client receives the server's error as an alert.
        let _ = server.process_new_packets();
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut io::Cursor::new(wire)).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

fn explained(network: &Network, server: Arc<ServerConfig>, name: &str) -> String {
    let (what, hint) = explain(&handshake(network, server, name).unwrap_err());
    format!("{what} ({})", hint.map(|hint| hint.text()).unwrap_or_default())
}

#[test]
fn a_given_ca_is_trusted() {
    assert_eq!(handshake(&trusting(&CA), server(&SERVER, false), "localhost"), Ok(()));
    let added = Network::new().ca_pem(CA.clone());
    assert_eq!(handshake(&added, server(&SERVER, false), "localhost"), Ok(()));
}

/// Reading them takes longer than a handshake.
#[test]
fn the_systems_roots_are_read_only_if_the_given_ones_do_not_suffice() {
    let chain = |pem: &str| pem::certificates(&Pem::bytes(pem), "", Duration::ZERO).unwrap();
    for (network, certificate, read, trusted) in [
        (Network::new().ca_pem(CA.clone()), &SERVER, false, true),
        (Network::new().ca_pem(CLIENT.clone()), &SERVER, true, false),
        (Network::new().ca_pem(CA.clone()), &EXPIRED, true, false),
        (trusting(&CLIENT), &SERVER, false, false),
    ] {
        let verifier = Verifier {
            trust: Trust::of(&network, Duration::from_secs(30)).unwrap(),
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms,
            name: name("localhost"),
        };
        let certificate = &chain(certificate)[0];
        let verified = verifier.verify_server_cert(certificate, &[], &name("x"), &[], UnixTime::now());
        assert_eq!(verified.is_ok(), trusted, "{verified:?}");
        let all = match &verifier.trust {
            Trust::GivenAndSystem(_, all) => all.get(),
            _ => None,
        };
        assert_eq!(all.is_some(), read);
        assert!(all.is_none_or(|all| all.certificates().len() > 1));
    }
}

#[test]
fn nothing_else_is() {
    let text = explained(&Network::default(), server(&SERVER, false), "localhost");
    assert!(text.contains("not trusted") && text.contains("ca_file"), "{text}");
    let text = explained(&trusting(&CA), server(&SERVER, false), "example.com");
    assert!(text.contains("not for example.com, but for") && text.contains("localhost"), "{text}");
    let text = explained(&trusting(&CA), server(&EXPIRED, false), "localhost");
    assert!(text.contains("expired") && text.contains("date and time"), "{text}");
    let text = explained(&trusting(&CA), server(&FUTURE, false), "localhost");
    assert!(text.contains("becomes valid only in") && text.contains("date and time"), "{text}");
}

/// Issues a CA or a server certificate; the parameters are those of [`signed`] and may be changed.
fn issued(
    name: &str,
    change: impl FnOnce(&mut rcgen::CertificateParams),
    issuer: &rcgen::Issuer<'_, rcgen::KeyPair>,
) -> (String, rcgen::Issuer<'static, rcgen::KeyPair>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    change(&mut params);
    let pem = params.signed_by(&key, issuer).unwrap().pem();
    (pem, rcgen::Issuer::new(params, key))
}

/// A certificate for localhost with the server's key.
fn for_localhost(
    change: impl FnOnce(&mut rcgen::CertificateParams),
    issuer: &rcgen::Issuer<'_, rcgen::KeyPair>,
) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    change(&mut params);
    params.signed_by(&MADE.server_key, issuer).unwrap().pem()
}

/// Each fault of a server's certificates that occurs in practice has its own text and its own hint.
#[test]
fn each_fault_of_a_chain_has_its_own_words_and_cure() {
    let (intermediate, below) = issued("Middle CA", |_| {}, &MADE.issuer);
    let leaf = for_localhost(|_| {}, &below);
    // With the intermediate certificate the handshake succeeds.
    assert_eq!(handshake(&trusting(&CA), server(&format!("{leaf}{intermediate}"), false), "localhost"), Ok(()));
    let (foreign, of_foreign) = issued("Foreign CA", |_| {}, &MADE.issuer);
    let self_signed = {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_string()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
        params.self_signed(&MADE.server_key).unwrap().pem()
    };
    let no_names = for_localhost(|params| params.subject_alt_names.clear(), &MADE.issuer);
    let for_clients = for_localhost(
        |params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth],
        &MADE.issuer,
    );
    let permitted = |name: &str| rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName(name.to_string())],
        excluded_subtrees: Vec::new(),
    };
    let (constrained, narrow) =
        issued("Narrow CA", |params| params.name_constraints = Some(permitted("example.com")), &MADE.issuer);
    let outside = format!("{}{constrained}", for_localhost(|_| {}, &narrow));
    let (no_ca, not_an_issuer) = issued("No CA", |params| params.is_ca = rcgen::IsCa::ExplicitNoCa, &MADE.issuer);
    let of_no_ca = format!("{}{no_ca}", for_localhost(|_| {}, &not_an_issuer));
    let (short, last) = issued(
        "Short CA",
        |params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0)),
        &MADE.issuer,
    );
    let (one_more, too_deep) = issued("Deep CA", |_| {}, &last);
    let too_long = format!("{}{one_more}{short}", for_localhost(|_| {}, &too_deep));
    let is_a_ca =
        for_localhost(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained), &MADE.issuer);
    for (chain, what, cure) in [
        (&leaf, "\"Middle CA\", and the server sent no certificate of that issuer", "fullchain.pem"),
        (&self_signed, "self-signed", "ca_file"),
        (&no_names, "for no name at all", "subjectAltName"),
        (&for_clients, "not for servers", "serverAuth"),
        (&outside, "its CA may not issue certificates for", "name constraints"),
        (&of_no_ca, "not one of a CA", "CA:TRUE"),
        (&too_long, "more intermediate certificates", "path length"),
        (&is_a_ca, "a CA certificate itself", "signed by this CA"),
    ] {
        let text = explained(&trusting(&CA), server(chain, false), "localhost");
        assert!(text.contains(what) && text.contains(cure), "{text} / {what}");
    }
    // The chain is whole, and its end is not trusted.
    let whole = format!("{}{foreign}", for_localhost(|_| {}, &of_foreign));
    let text = explained(&trusting(include_str!("testdata/ca.pem")), server(&whole, false), "localhost");
    assert!(text.contains("not trusted") && text.contains("intercepting") && !text.contains("sent no"), "{text}");

    // Certificates that rcgen cannot make: see the folder.
    const KEY: &str = include_str!("testdata/server.key");
    for (certificate, ca, what, cure) in [
        (include_str!("testdata/version-1.pem"), include_str!("testdata/ca.pem"), "X.509 version 1", "version 3"),
        (include_str!("testdata/sha1.pem"), include_str!("testdata/ca.pem"), "SHA-1", "SHA-256"),
        (include_str!("testdata/of-weak-ca.pem"), include_str!("testdata/weak-ca.pem"), "1024 bits", "2,048 bits"),
    ] {
        let text = explained(&trusting(ca), server_with(certificate, KEY, false), "localhost");
        assert!(text.contains(what) && text.contains(cure), "{text} / {what}");
    }
}

#[test]
fn the_configured_name_counts_whatever_is_dialled() {
    for at in ["127.0.0.1", "::1", "example.com"] {
        assert_eq!(handshake_at(&trusting(&CA), server(&SERVER, false), "localhost", at), Ok(()), "{at}");
    }
    let (what, _) =
        explain(&handshake_at(&trusting(&CA), server(&SERVER, false), "example.com", "localhost").unwrap_err());
    assert!(what.contains("not for example.com"), "{what}");
    let strangers = handshake_at(&Network::default(), server(&SERVER, false), "localhost", "127.0.0.1");
    assert!(explain(&strangers.unwrap_err()).0.contains("not trusted"));
}

#[test]
fn a_dial_that_was_given_up_gets_no_further() {
    let tls = Tls::new("localhost", &trusting(&CA), Duration::from_secs(30)).unwrap();
    // A session that could be resumed makes no difference.
    for given_up in [false, true, false, true] {
        let watch = Arc::new(Watch::default());
        let (config, server) = (tls.watched(&watch), server(&SERVER, false));
        if given_up {
            watch.give_up();
        }
        let result = shake_hands(config, server, "localhost");
        assert_eq!(result, if given_up { Err(rustls::Error::FailedToGetCurrentTime) } else { Ok(()) });
        watch.end();
    }
}

#[test]
fn a_client_certificate_is_shown_when_asked_for() {
    let network = trusting(&CA).client_certificate_pem(CLIENT.clone(), CLIENT_KEY.clone());
    assert_eq!(handshake(&network, server(&SERVER, true), "localhost"), Ok(()));
    let text = explained(&trusting(&CA), server(&SERVER, true), "localhost");
    assert!(text.contains("requires a client certificate") && text.contains("client_certificate_files"), "{text}");
}

#[test]
fn a_plain_server_is_recognised() {
    let mut client = ClientConnection::new(client_config(&trusting(&CA)).unwrap(), name("localhost")).unwrap();
    client.read_tls(&mut &b"\x20\x02\x00\x02 and so on"[..]).unwrap();
    let (what, hint) = explain(&client.process_new_packets().unwrap_err());
    assert!(what.contains("does not speak TLS") && hint.unwrap().text().contains("1883"), "{what}");
}

#[test]
fn there_are_always_roots_unless_switched_off() {
    assert!(!roots::system_roots().certificates().is_empty());
    assert!(client_config(&Network::default()).is_ok());
    refused(&Network::new().system_roots(false), "no CA certificate is trusted");
}

#[test]
fn bad_pem_is_refused_by_name() {
    refused(&trusting(""), "the given PEM text holds no CA certificate");
    refused(&trusting(&CLIENT_KEY), "holds no CA certificate");
    refused(&trusting("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"), "no valid PEM");
    refused(&trusting("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "cannot be used");
    refused(&Network::new().ca_file("/no/such/ca.pem"), "\"/no/such/ca.pem\" cannot be read");
    let client = Network::new().client_certificate_files("/no/such/cert.pem", "/no/such/key.pem");
    refused(&client, "/no/such/cert.pem");
}

#[test]
fn what_an_editor_of_windows_leaves_does_no_harm() {
    const MARK: &str = "\u{feff}";
    let (ca, other) = (&*CA, &*CLIENT);
    let lines = |text: &str| text.replace('\n', "\r\n");
    for bundle in [format!("{MARK}{ca}"), format!("{MARK}{ca}{other}"), format!("{other}{MARK}{ca}")] {
        for pem in [bundle.clone(), lines(&bundle)] {
            assert_eq!(handshake(&trusting(&pem), server(&SERVER, false), "localhost"), Ok(()), "{pem}");
        }
    }
    let key = lines(&format!("{MARK}{}", *CLIENT_KEY));
    let network = trusting(&CA).client_certificate_pem(format!("{MARK}{other}"), key);
    assert_eq!(handshake(&network, server(&SERVER, true), "localhost"), Ok(()));

    let wide: Vec<u8> = format!("{MARK}{ca}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, word) in [(wide.clone(), "UTF-16"), (wide[2..].to_vec(), "UTF-16"), (vec![0x30, 0x82, 1, 2], "DER")] {
        refused(&Network::new().ca_pem(bytes), word);
    }
}

/// The parser skips what it does not recognise.
#[test]
fn no_certificate_is_left_out_without_a_word() {
    let (ca, other) = (&*CA, &*CLIENT);
    let indented = other.lines().map(|line| format!("  {line}\n")).collect::<String>();
    for second in [indented, other.replace("CERTIFICATE", "TRUSTED CERTIFICATE")] {
        refused(&trusting(&format!("{ca}{second}")), "holds 2 certificates, of which 1 can be read");
    }
    let commented = other.lines().map(|line| format!("# {line}\n")).collect::<String>();
    assert!(client_config(&trusting(&format!("{commented}{ca}"))).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_gives_nothing_or_never_ends_is_refused() {
    let folder = std::env::temp_dir().join(format!("aliyun-mqtt-pipe-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, word) in [(pipe, "within 0.02 s"), ("/dev/zero".into(), "longer than"), (folder.clone(), "directory")] {
        let timeout = if word.contains("0.02") { Duration::from_millis(20) } else { Duration::from_secs(30) };
        refused_within(timeout, &Network::new().ca_file(path), word);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn certificate_and_key_must_fit() {
    let with = |certificate: &str, key: &str| trusting(&CA).client_certificate_pem(certificate, key);
    refused(&with(&CLIENT, &SERVER_KEY), "does not belong to");
    refused(&with(&CLIENT, &CLIENT), "holds no private key");
    refused(&with(&CLIENT_KEY, &CLIENT_KEY), "holds no client certificate");
    refused(&with(&CLIENT, &CLIENT_KEY.replacen('M', "%", 1)), "no valid PEM");
    refused(&with(&CLIENT, &CLIENT_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")), "is encrypted");
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    refused(&with(&CLIENT, old), "is encrypted");
    assert!(client_config(&with(&CLIENT, &format!("{}{}", *CLIENT, *CLIENT_KEY))).is_ok());
}

/// Made anew for each run, and used nowhere else.
struct Made {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    ca: String,
    server_key: rcgen::KeyPair,
    client_key: rcgen::KeyPair,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = ca.self_signed(&key).unwrap();
    Made {
        ca: certificate.pem(),
        issuer: rcgen::Issuer::new(ca, key),
        server_key: rcgen::KeyPair::generate().unwrap(),
        client_key: rcgen::KeyPair::generate().unwrap(),
    }
});

/// A certificate for localhost that the CA signed, valid in these years.
fn signed(key: &rcgen::KeyPair, years: std::ops::Range<i32>) -> String {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_string()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    params.signed_by(key, &MADE.issuer).unwrap().pem()
}

static CA: LazyLock<String> = LazyLock::new(|| MADE.ca.clone());
static SERVER_KEY: LazyLock<String> = LazyLock::new(|| MADE.server_key.serialize_pem());
static SERVER: LazyLock<String> = LazyLock::new(|| signed(&MADE.server_key, 2020..2120));
static EXPIRED: LazyLock<String> = LazyLock::new(|| signed(&MADE.server_key, 2000..2001));
static FUTURE: LazyLock<String> = LazyLock::new(|| signed(&MADE.server_key, 2120..2121));
static CLIENT_KEY: LazyLock<String> = LazyLock::new(|| MADE.client_key.serialize_pem());
static CLIENT: LazyLock<String> = LazyLock::new(|| signed(&MADE.client_key, 2020..2120));
