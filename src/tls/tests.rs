use std::io;

use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::error::ErrorKind;

fn trusting(pem: &str) -> Options {
    let mut options = Options::default();
    options.add_ca_pem(pem.into());
    options.set_system_roots(false);
    options
}

fn refused(options: &Options, expected: &str) {
    let error = client_config(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(expected), "{error} / {expected}");
    assert!(!format!("{error:?}{options:?}").contains("PRIVATE KEY-----M"));
}

/// A server with this certificate, which asks for a client certificate or not.
fn server(certificate: &str, client_certificate: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.unwrap();
    let builder = if client_certificate {
        let roots = Arc::new(roots(&trusting(CA)).unwrap());
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = Pem::bytes(certificate.into()).certificates("").unwrap();
    Arc::new(builder.with_single_cert(chain, Pem::bytes(SERVER_KEY.into()).private_key().unwrap()).unwrap())
}

/// A handshake in memory: the client's error, if any.
fn handshake(options: &Options, server: Arc<ServerConfig>, name: &str) -> Result<(), rustls::Error> {
    let name = ServerName::try_from(name.to_string()).unwrap();
    let mut client = ClientConnection::new(client_config(options).unwrap(), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..10 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut io::Cursor::new(wire)).unwrap();
        // The client hears of the server's error by an alert.
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

fn explained(options: &Options, server: Arc<ServerConfig>, name: &str) -> String {
    let (what, hint) = explain(&handshake(options, server, name).unwrap_err());
    format!("{what} ({})", hint.unwrap_or_default())
}

#[test]
fn a_given_ca_is_trusted() {
    assert_eq!(handshake(&trusting(CA), server(SERVER, false), "localhost"), Ok(()));
    let mut added = Options::default();
    added.add_ca_pem(CA.into());
    assert_eq!(handshake(&added, server(SERVER, false), "localhost"), Ok(()));
}

#[test]
fn nothing_else_is() {
    let text = explained(&Options::default(), server(SERVER, false), "localhost");
    assert!(text.contains("not trusted") && text.contains("ca_file"), "{text}");
    let text = explained(&trusting(CA), server(SERVER, false), "example.com");
    assert!(text.contains("not for example.com, but for") && text.contains("localhost"), "{text}");
    let text = explained(&trusting(CA), server(EXPIRED, false), "localhost");
    assert!(text.contains("expired") && text.contains("date and time"), "{text}");
    let text = explained(&trusting(CA), server(FUTURE, false), "localhost");
    assert!(text.contains("becomes valid only in") && text.contains("date and time"), "{text}");
}

#[test]
fn a_client_certificate_is_shown_when_asked_for() {
    let mut options = trusting(CA);
    options.set_client_pem(CLIENT.into(), CLIENT_KEY.into());
    assert_eq!(handshake(&options, server(SERVER, true), "localhost"), Ok(()));
    let text = explained(&trusting(CA), server(SERVER, true), "localhost");
    assert!(text.contains("wants a client certificate") && text.contains("client_certificate_files"), "{text}");
}

#[test]
fn a_plain_server_is_recognised() {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client_config(&trusting(CA)).unwrap(), name).unwrap();
    client.read_tls(&mut &b"\x20\x02\x00\x02 and so on"[..]).unwrap();
    let (what, hint) = explain(&client.process_new_packets().unwrap_err());
    assert!(what.contains("does not speak TLS") && hint.unwrap().contains("1883"), "{what}");
}

#[test]
fn there_are_always_roots_unless_switched_off() {
    assert!(!system_roots().is_empty());
    assert!(client_config(&Options::default()).is_ok());
    let mut none = Options::default();
    none.set_system_roots(false);
    refused(&none, "no CA certificate is trusted");
}

#[test]
fn bad_pem_is_refused_by_name() {
    refused(&trusting(""), "the given PEM text holds no CA certificate");
    refused(&trusting(CLIENT_KEY), "holds no CA certificate");
    refused(&trusting("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n"), "no valid PEM");
    refused(&trusting("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "cannot be used");
    let mut missing = Options::default();
    missing.add_ca_file("/no/such/ca.pem".into());
    refused(&missing, "\"/no/such/ca.pem\" cannot be read");
    let mut client = Options::default();
    client.set_client_files("/no/such/cert.pem".into(), "/no/such/key.pem".into());
    refused(&client, "/no/such/cert.pem");
}

#[test]
fn certificate_and_key_must_fit() {
    let with = |certificate: &str, key: &str| {
        let mut options = trusting(CA);
        options.set_client_pem(certificate.into(), key.into());
        options
    };
    refused(&with(CLIENT, SERVER_KEY), "does not belong to");
    refused(&with(CLIENT, CLIENT), "holds no private key");
    refused(&with(CLIENT_KEY, CLIENT_KEY), "holds no client certificate");
    refused(&with(CLIENT, &CLIENT_KEY.replace("MIG", "%%%")), "no valid PEM");
    refused(&with(CLIENT, &CLIENT_KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")), "is encrypted");
    let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    refused(&with(CLIENT, old), "is encrypted");
    assert!(client_config(&with(CLIENT, &format!("{CLIENT}{CLIENT_KEY}"))).is_ok());
}

// Made for these tests, and used nowhere else. All but EXPIRED and FUTURE are valid from 2020 to 2120.

const CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBWTCCAQCgAwIBAgIUEQq1Wg2EQtfTqDYLFc/tr+CAaMswCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAw
MDAwMFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABMItLniTUncINhYlf1I+bqiahB+igM/XaJTNXCzetDrKpGiUV5Lxflc20ca9
2P/KVlUbDbzME7AOWbe/98/LQzmjMjAwMB0GA1UdDgQWBBTqqZFwh5onXWwkCWhb
Vo7vk1hZUTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIClu5i+g
dVlKWWodTDrJQnzLdbXxMOSLkz5JFURY8mF5AiBU0rt81RFDZ73Wq9GSlIb7yY10
GvhD15D1vCybK/GqqQ==
-----END CERTIFICATE-----
";

const SERVER_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeIP9kcUI3tt+97fV
gBw5T165txWzVSl8nAsyiXUAuV2hRANCAASZhk4G47SGhrQ7exiSlhTfMoDHbD5z
8h00E5omT8tfW11HByJPn7jxPzIhFHVGxW4p9hAGZt099COMMIyvty3g
-----END PRIVATE KEY-----
";

const SERVER: &str = "\
-----BEGIN CERTIFICATE-----
MIIBUzCB+qADAgECAhRi0/KWymNw48vvmsFHQDoHwC+mDjAKBggqhkjOPQQDAjAS
MRAwDgYDVQQDDAdUZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAw
MDAwWjARMQ8wDQYDVQQDDAZzZXJ2ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASZhk4G47SGhrQ7exiSlhTfMoDHbD5z8h00E5omT8tfW11HByJPn7jxPzIhFHVG
xW4p9hAGZt099COMMIyvty3goy0wKzAUBgNVHREEDTALgglsb2NhbGhvc3QwEwYD
VR0lBAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSAAwRQIhALH0GfGCpZr5lpol
lvpJRVZ267lfpQ4O9TBlSAMTQfY4AiBNVaHl5QASZ4WVnkKbMvsHHXiLj6s5nIsl
RSREluiLZA==
-----END CERTIFICATE-----
";

const EXPIRED: &str = "\
-----BEGIN CERTIFICATE-----
MIIBUTCB+KADAgECAhRi0/KWymNw48vvmsFHQDoHwC+mDjAKBggqhkjOPQQDAjAS
MRAwDgYDVQQDDAdUZXN0IENBMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAw
MFowETEPMA0GA1UEAwwGc2VydmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
mYZOBuO0hoa0O3sYkpYU3zKAx2w+c/IdNBOaJk/LX1tdRwciT5+48T8yIRR1RsVu
KfYQBmbdPfQjjDCMr7ct4KMtMCswFAYDVR0RBA0wC4IJbG9jYWxob3N0MBMGA1Ud
JQQMMAoGCCsGAQUFBwMBMAoGCCqGSM49BAMCA0gAMEUCIQCQXPngl+dZ64Cp5cM6
hpDISw96qOVOcdDpaqn8rZMAPwIgA2bdu6L8QvBNe9JJPzsuHLIib9mv26TGhOMl
c9d6XEM=
-----END CERTIFICATE-----
";

const FUTURE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBVDCB/KADAgECAhRi0/KWymNw48vvmsFHQDoHwC+mDjAKBggqhkjOPQQDAjAS
MRAwDgYDVQQDDAdUZXN0IENBMCIYDzIxMTAwMTAxMDAwMDAwWhgPMjEyMDAxMDEw
MDAwMDBaMBExDzANBgNVBAMMBnNlcnZlcjBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABJmGTgbjtIaGtDt7GJKWFN8ygMdsPnPyHTQTmiZPy19bXUcHIk+fuPE/MiEU
dUbFbin2EAZm3T30I4wwjK+3LeCjLTArMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAT
BgNVHSUEDDAKBggrBgEFBQcDATAKBggqhkjOPQQDAgNHADBEAiBiqz3oJ9idvJay
zVjB/wmG47QsbTX41DjPvarmD8doRwIgdQyPp61Kd7T9zDvQzrxRuAKFN6KfhdbQ
FptzdmWlllA=
-----END CERTIFICATE-----
";

const CLIENT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBPjCB5KADAgECAhRxGZ7gvq0s7AS1F3qblWRZJIMgeTAKBggqhkjOPQQDAjAS
MRAwDgYDVQQDDAdUZXN0IENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAw
MDAwWjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AARRWTf/YGd5ujfKDC08EEB96+Nb6zV1ASTAbRDNlocnfdJhMNPFvEmD9Fcuw9UR
TDEgfkBKYJl2ZQatOJFZTK1LoxcwFTATBgNVHSUEDDAKBggrBgEFBQcDAjAKBggq
hkjOPQQDAgNJADBGAiEAtQTKWjQsaA7eqw95NHfRnyZFVLCTZmnqypmVV3Y+mfAC
IQCtgMvArFiH6u48XaTXv9nvf93yVi8lgBfAMrkQh6ApDw==
-----END CERTIFICATE-----
";

const CLIENT_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHOUxgoDe2+ppt5FR
NLXRse8LcmxVp2FHrnt7enI0wvahRANCAARRWTf/YGd5ujfKDC08EEB96+Nb6zV1
ASTAbRDNlocnfdJhMNPFvEmD9Fcuw9URTDEgfkBKYJl2ZQatOJFZTK1L
-----END PRIVATE KEY-----
";
