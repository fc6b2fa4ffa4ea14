//! TLS errors in plain words.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as Tls};

use super::chain::Finding;
use crate::config::endpoint::PLAIN_PORT;

/// Returns what is wrong, and what to do if the usual cause is known.
pub(crate) fn explain(error: &Tls) -> (String, Option<String>) {
    let (what, hint) = match error {
        Tls::InvalidCertificate(bad) => certificate(bad),
        Tls::AlertReceived(alert) => alert_received(*alert),
        Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } => {
            ("what answered does not speak TLS".to_string(), PLAIN_PORT)
        }
        Tls::PeerIncompatible(_) => (
            format!("client and server have no TLS version or cipher in common ({error})"),
            "this library speaks TLS 1.2 and 1.3",
        ),
        Tls::NoCertificatesPresented => ("the server showed no certificate".to_string(), ""),
        _ => (error.to_string(), ""),
    };
    (what, (!hint.is_empty()).then(|| hint.to_string()))
}

fn certificate(bad: &Bad) -> (String, &'static str) {
    const CLOCK: &str = "check this machine's date and time first";
    const NAME: &str =
        "connect by the domain name that the console shows, not by an IP address or an alias of your own";
    match bad {
        // If the chain could be examined, there is a finding instead.
        Bad::UnknownIssuer => (
            "the server's certificate comes from an issuer that is not trusted".to_string(),
            "does the server send its whole chain, with the intermediate certificate, and is nothing in between \
             intercepting TLS? For a private CA, set ca_file to its certificate",
        ),
        Bad::Expired => ("the server's certificate has expired".to_string(), CLOCK),
        Bad::ExpiredContext { time, not_after } => {
            (format!("the server's certificate expired {} ago", distance(*not_after, *time)), CLOCK)
        }
        Bad::NotValidYet => ("the server's certificate is not valid yet".to_string(), CLOCK),
        Bad::NotValidYetContext { time, not_before } => {
            (format!("the server's certificate becomes valid only in {}", distance(*time, *not_before)), CLOCK)
        }
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            "the server's certificate is for no name at all: it has no subject alternative name".to_string(),
            "have it issued with subjectAltName; a common name (CN) alone does not count any more",
        ),
        Bad::NotValidForName => ("the server's certificate is for another name".to_string(), NAME),
        Bad::NotValidForNameContext { expected, presented } => {
            // rustls shows them as DnsName("localhost").
            let bare = |name: &String| {
                let inner = name.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"));
                inner.unwrap_or(name).to_string()
            };
            let names: Vec<String> = presented.iter().map(bare).collect();
            (format!("the server's certificate is not for {}, but for {}", expected.to_str(), names.join(", ")), NAME)
        }
        Bad::Revoked => ("the server's certificate was revoked".to_string(), ""),
        Bad::BadEncoding => ("the server's certificate is malformed".to_string(), ""),
        Bad::BadSignature => (
            "the server's certificate is not signed by the issuer it names".to_string(),
            "if a CA certificate was given, is it the right one of several with the same name?",
        ),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => (
            "the server's certificate is not for servers, by its extended key usage".to_string(),
            "have it issued with the extended key usage serverAuth",
        ),
        Bad::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } if is_old(signature_algorithm_id) => (
            "a certificate of the server's is signed with SHA-1 or MD5, which are not accepted".to_string(),
            "have it signed with SHA-256 or better",
        ),
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "a certificate of the server's is signed by a method that is not accepted".to_string(),
            "have it signed with RSA (2,048 bits or more) or ECDSA, and SHA-256 or better",
        ),
        Bad::UnhandledCriticalExtension => (
            "the server's certificate has a critical extension that is not known here".to_string(),
            "have it issued without that extension, or without calling it critical",
        ),
        Bad::Other(other) => match other.0.downcast_ref::<Finding>() {
            Some(finding) => (finding.to_string(), finding.hint()),
            None => unnamed(&other.to_string()),
        },
        _ => (format!("the server's certificate is not acceptable: {bad}"), ""),
    }
}

/// Explains errors of the verifier for which rustls has no name.
fn unnamed(error: &str) -> (String, &'static str) {
    let known = |name| error.contains(name);
    match () {
        () if known("CaUsedAsEndEntity") => (
            "the server's certificate is a CA certificate itself".to_string(),
            "make a server certificate that is signed by this CA",
        ),
        () if known("UnsupportedCertVersion") => (
            "the server's certificate is of X.509 version 1, which has no names and no purpose".to_string(),
            "have it issued with version 3: with openssl x509 -req, by an -extfile that has subjectAltName",
        ),
        () if known("EndEntityUsedAsCa") => (
            "the server's certificate was issued by a certificate that is not one of a CA".to_string(),
            "have the issuer's certificate made with the basic constraint CA:TRUE",
        ),
        () if known("NameConstraintViolation") => (
            "the server's certificate is for a name that its CA may not issue certificates for".to_string(),
            "connect by a name within the CA's name constraints, or have another CA issue the certificate",
        ),
        () if known("PathLenConstraintViolated") => (
            "there are more intermediate certificates than a CA in the chain allows".to_string(),
            "have the certificate issued closer to that CA, or a path length of the CA that allows for it",
        ),
        () => (format!("the server's certificate is not acceptable: {error}"), ""),
    }
}

/// Returns true if this algorithm id is one of SHA-1 or MD5.
fn is_old(algorithm: &[u8]) -> bool {
    const MD5_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04];
    const SHA1_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05];
    const SHA1_ECDSA: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01];
    let object_id = algorithm.strip_prefix(&[0x06]).and_then(|rest| rest.split_first());
    let object_id = object_id.and_then(|(length, rest)| rest.get(..usize::from(*length)));
    object_id.is_some_and(|id| [MD5_RSA, SHA1_RSA, SHA1_ECDSA].contains(&id))
}

fn alert_received(alert: Alert) -> (String, &'static str) {
    const CLIENT: &str = "the instance has mutual TLS switched on: set client_certificate_files to the \
                          device's certificate and key";
    match alert {
        Alert::CertificateRequired => ("the server requires a client certificate".to_string(), CLIENT),
        Alert::HandshakeFailure => (
            "the server aborted the handshake".to_string(),
            "it may require a client certificate (client_certificate_files), or have no cipher in common",
        ),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::DecryptError => (
            format!("the server does not accept the client certificate ({alert:?})"),
            "its CA must be registered and activated in the console, and the key must belong to it",
        ),
        Alert::CertificateExpired => {
            ("the server says that the client certificate has expired".to_string(), "renew it")
        }
        Alert::CertificateRevoked => {
            ("the server says that the client certificate was revoked".to_string(), "renew it")
        }
        Alert::AccessDenied => ("the server denies access to this client certificate".to_string(), ""),
        Alert::UnrecognisedName => (
            "the server does not know the host name it was asked for".to_string(),
            "is the domain bound to the instance, with a certificate of its own?",
        ),
        Alert::ProtocolVersion => {
            ("the server supports none of the TLS versions offered".to_string(), "this library speaks TLS 1.2 and 1.3")
        }
        _ => (format!("the server aborted the handshake ({alert:?})"), ""),
    }
}

/// Returns the time between two moments in the largest fitting unit.
fn distance(from: UnixTime, to: UnixTime) -> String {
    let seconds = to.as_secs().saturating_sub(from.as_secs());
    match seconds {
        0..3_600 => format!("{} min", seconds.div_ceil(60)),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::ServerName;
    use rustls::{InvalidMessage, PeerIncompatible};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn the_usual_faults_are_told_in_plain_words() {
        let name = ServerName::try_from("mqtt.example.com").unwrap();
        for (error, what, hint) in [
            (Tls::InvalidCertificate(Bad::UnknownIssuer), "not trusted", "ca_file"),
            (Tls::InvalidCertificate(Bad::Expired), "expired", "date and time"),
            (
                Tls::InvalidCertificate(Bad::ExpiredContext { time: at(864_000), not_after: at(0) }),
                "expired 10 days ago",
                "date and time",
            ),
            (
                Tls::InvalidCertificate(Bad::NotValidYetContext { time: at(0), not_before: at(7_200) }),
                "in 2 h",
                "date and time",
            ),
            (
                Tls::InvalidCertificate(Bad::NotValidForNameContext {
                    expected: name,
                    presented: vec!["DnsName(\"*.mqtt.aliyuncs.com\")".to_string()],
                }),
                "not for mqtt.example.com, but for *.mqtt.aliyuncs.com",
                "domain name",
            ),
            (Tls::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS", "1883"),
            (Tls::AlertReceived(Alert::CertificateRequired), "client certificate", "client_certificate_files"),
            (Tls::AlertReceived(Alert::UnknownCA), "not accept the client certificate", "registered"),
            (Tls::AlertReceived(Alert::ProtocolVersion), "TLS versions", "1.2"),
            (Tls::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), "in common", "1.2"),
        ] {
            let (text, advice) = explain(&error);
            assert!(text.contains(what), "{text}");
            assert!(advice.as_deref().is_some_and(|advice| advice.contains(hint)), "{text}: {advice:?}");
        }
    }

    #[test]
    fn anything_else_keeps_its_own_words() {
        let error = Tls::DecryptError;
        assert_eq!(explain(&error), (error.to_string(), None));
    }
}
