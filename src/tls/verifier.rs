//! Verifies the server's certificate for the configured name, and explains a refusal.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::chain::diagnose;
use super::roots::Trust;

/// Verifies like rustls' own verifier, but always for the configured name, whatever name or address was dialled, and
/// with the system's roots only if the given ones do not suffice. Its errors contain findings from the certificates
/// themselves.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) trust: Trust,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) name: ServerName<'static>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // These are the steps of rustls' verifier without lists of revoked certificates. It ignores OCSP, too.
        let verify = |roots: &RootCertStore| {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
            verify_server_name(&certificate, &self.name)
        };
        let mut roots = self.trust.first();
        let mut verified = verify(roots.store());
        if verified.is_err() {
            if let Some(all) = self.trust.all() {
                roots = all;
                verified = verify(roots.store());
            }
        }
        match verified {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => Err(diagnose(error, end_entity, intermediates, &roots.store().roots)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls12_signature(message, certificate, signature, &self.algorithms);
        verified.map_err(|error| diagnose(error, certificate, &[], &[]))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_tls13_signature(message, certificate, signature, &self.algorithms);
        verified.map_err(|error| diagnose(error, certificate, &[], &[]))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
