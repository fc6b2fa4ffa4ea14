//! Explains TLS errors.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as Tls};

use super::chain::Finding;
use crate::error::Hint;

/// Returns the fault, and a hint if the usual cause is known.
pub(crate) fn explain(error: &Tls) -> (String, Option<Hint>) {
    match error {
        Tls::InvalidCertificate(bad) => certificate(bad),
        Tls::AlertReceived(alert) => alert_received(*alert),
        Tls::InvalidMessage(_) | Tls::InappropriateMessage { .. } => {
            ("the server does not speak TLS".to_string(), Some(Hint::PlainPort))
        }
        Tls::PeerIncompatible(_) => {
            (format!("client and server have no TLS version or cipher in common ({error})"), Some(Hint::TlsVersions))
        }
        Tls::NoCertificatesPresented => ("the server showed no certificate".to_string(), None),
        _ => (error.to_string(), None),
    }
}

fn certificate(bad: &Bad) -> (String, Option<Hint>) {
    match bad {
        // If the chain could be examined, there is a finding instead.
        Bad::UnknownIssuer => {
            ("the server's certificate comes from an issuer that is not trusted".to_string(), Some(Hint::UnknownIssuer))
        }
        Bad::Expired => ("the server's certificate has expired".to_string(), Some(Hint::CheckClock)),
        Bad::ExpiredContext { time, not_after } => {
            (format!("the server's certificate expired {} ago", distance(*not_after, *time)), Some(Hint::CheckClock))
        }
        Bad::NotValidYet => ("the server's certificate is not valid yet".to_string(), Some(Hint::CheckClock)),
        Bad::NotValidYetContext { time, not_before } => (
            format!("the server's certificate becomes valid only in {}", distance(*time, *not_before)),
            Some(Hint::CheckClock),
        ),
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            "the server's certificate is for no name at all: it has no subject alternative name".to_string(),
            Some(Hint::CertificateWithoutName),
        ),
        Bad::NotValidForName => {
            ("the server's certificate is for another name".to_string(), Some(Hint::CertificateName))
        }
        Bad::NotValidForNameContext { expected, presented } => {
            // rustls shows them as DnsName("localhost").
            let bare = |name: &String| {
                let inner = name.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"));
                inner.unwrap_or(name).to_string()
            };
            let names: Vec<String> = presented.iter().map(bare).collect();
            (
                format!("the server's certificate is not for {}, but for {}", expected.to_str(), names.join(", ")),
                Some(Hint::CertificateName),
            )
        }
        Bad::Revoked => ("the server's certificate was revoked".to_string(), None),
        Bad::BadEncoding => ("the server's certificate is malformed".to_string(), None),
        Bad::BadSignature => {
            ("the server's certificate is not signed by the issuer it names".to_string(), Some(Hint::BadSignature))
        }
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => (
            "the server's certificate is not for servers, by its extended key usage".to_string(),
            Some(Hint::CertificatePurpose),
        ),
        Bad::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } if is_old(signature_algorithm_id) => (
            "a certificate of the server's is signed with SHA-1 or MD5, which are not accepted".to_string(),
            Some(Hint::OldSignature),
        ),
        Bad::UnsupportedSignatureAlgorithmContext { .. }
        | Bad::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (
            "a certificate of the server's is signed by a method that is not accepted".to_string(),
            Some(Hint::UnknownSignature),
        ),
        Bad::UnhandledCriticalExtension => (
            "the server's certificate has a critical extension that is not known here".to_string(),
            Some(Hint::UnknownExtension),
        ),
        Bad::Other(other) => match other.0.downcast_ref::<Finding>() {
            Some(finding) => (finding.to_string(), Some(finding.hint())),
            None => unnamed(&other.to_string()),
        },
        _ => (format!("the server's certificate is not acceptable: {bad}"), None),
    }
}

/// Explains errors of the verifier for which rustls has no name.
fn unnamed(error: &str) -> (String, Option<Hint>) {
    let known = |name| error.contains(name);
    match () {
        () if known("CaUsedAsEndEntity") => {
            ("the server's certificate is a CA certificate itself".to_string(), Some(Hint::CaAsServer))
        }
        () if known("UnsupportedCertVersion") => (
            "the server's certificate is of X.509 version 1, which has no names and no purpose".to_string(),
            Some(Hint::CertificateVersion),
        ),
        () if known("EndEntityUsedAsCa") => (
            "the server's certificate was issued by a certificate that is not one of a CA".to_string(),
            Some(Hint::IssuerNotCa),
        ),
        () if known("NameConstraintViolation") => (
            "the server's certificate is for a name that its CA may not issue certificates for".to_string(),
            Some(Hint::NameConstraint),
        ),
        () if known("PathLenConstraintViolated") => (
            "there are more intermediate certificates than a CA in the chain allows".to_string(),
            Some(Hint::PathLength),
        ),
        () => (format!("the server's certificate is not acceptable: {error}"), None),
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

fn alert_received(alert: Alert) -> (String, Option<Hint>) {
    match alert {
        Alert::CertificateRequired => {
            ("the server requires a client certificate".to_string(), Some(Hint::ClientCertificate))
        }
        Alert::HandshakeFailure => ("the server aborted the handshake".to_string(), Some(Hint::HandshakeBroken)),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::DecryptError => {
            (format!("the server does not accept the client certificate ({alert:?})"), Some(Hint::ClientCertificateCa))
        }
        Alert::CertificateExpired => {
            ("the server says that the client certificate has expired".to_string(), Some(Hint::RenewClientCertificate))
        }
        Alert::CertificateRevoked => {
            ("the server says that the client certificate was revoked".to_string(), Some(Hint::RenewClientCertificate))
        }
        Alert::AccessDenied => ("the server denies access to this client certificate".to_string(), None),
        Alert::UnrecognisedName => {
            ("the server does not know the host name it was asked for".to_string(), Some(Hint::DomainBound))
        }
        Alert::ProtocolVersion => {
            ("the server supports none of the TLS versions offered".to_string(), Some(Hint::TlsVersions))
        }
        _ => (format!("the server aborted the handshake ({alert:?})"), None),
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
            assert!(advice.as_ref().is_some_and(|advice| advice.text().contains(hint)), "{text}: {advice:?}");
        }
    }

    #[test]
    fn anything_else_keeps_its_own_words() {
        let error = Tls::DecryptError;
        assert_eq!(explain(&error), (error.to_string(), None));
    }
}
