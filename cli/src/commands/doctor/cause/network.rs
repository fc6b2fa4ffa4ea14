//! The way to the server: DNS, TCP, TLS, and this machine's clock.

use super::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::DnsNoSuchName,
        "dns-no-such-name",
        Exit::Network,
        "the endpoint's host name does not exist for this machine's DNS",
        "check its spelling against the console's endpoint (接入点), and whether the instance still exists",
    ),
    row(
        Cause::DnsVpcName,
        "dns-vpc-name",
        Exit::Network,
        "this is a VPC endpoint, and likely this machine is not in that VPC",
        "run inside the instance's VPC, or use the public endpoint (公网接入点), {instance id}.mqtt.aliyuncs.com",
    ),
    row(
        Cause::DnsUnavailable,
        "dns-unavailable",
        Exit::Network,
        "this machine's DNS could not be asked, or had no answer for now",
        "check this machine's network and its name servers",
    ),
    row(
        Cause::DnsSilent,
        "dns-silent",
        Exit::Timeout,
        "this machine's DNS did not answer in time",
        "check this machine's name servers; a firewall may drop the questions",
    ),
    row(
        Cause::TcpRefused,
        "tcp-refused",
        Exit::Network,
        "the host is there, but nothing listens on that port",
        "check the port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://; a firewall may refuse as well",
    ),
    row(
        Cause::TcpSilent,
        "tcp-silent",
        Exit::Timeout,
        "nobody answered: likely a firewall drops the packets, or it is a VPC endpoint seen from outside",
        "open 1883, 8883, 80 or 443 outwards, by name and not by IP address; from outside the VPC use the public \
         endpoint (公网接入点)",
    ),
    row(
        Cause::TcpUnreachable,
        "tcp-unreachable",
        Exit::Network,
        "there is no way from this machine to that host",
        "check this machine's network, routes and firewall",
    ),
    row(
        Cause::TlsUntrustedIssuer,
        "tls-untrusted-issuer",
        Exit::Network,
        "the server's certificate comes from an issuer this machine does not trust: something intercepts TLS, or the \
         CA is a private one",
        "look at the issuer above: if it is your company's proxy or your own CA, give its certificate with --ca-file; \
         if it is a public CA, have the server send its intermediate certificate too; if you do not know it, do not \
         connect",
    ),
    row(
        Cause::TlsChainIncomplete,
        "tls-chain-incomplete",
        Exit::Network,
        "the server sends its own certificate without that of its issuer, the intermediate one: nothing leads from it \
         to a CA this machine trusts",
        "have the server send the whole chain, its own certificate first (fullchain.pem); if the issuer is a CA of \
         your own, give its certificate with --ca-file",
    ),
    row(
        Cause::TlsSelfSigned,
        "tls-self-signed",
        Exit::Network,
        "the server's certificate is self-signed: nobody vouches for it",
        "if the server is yours, give this very certificate with --ca-file, or use one that a CA has signed; else do \
         not connect",
    ),
    row(
        Cause::TlsVersion1,
        "tls-x509-version-1",
        Exit::Network,
        "the server's certificate is of X.509 version 1, which has neither names nor a purpose",
        "have it made with version 3: with openssl x509 -req, by an -extfile that has subjectAltName",
    ),
    row(
        Cause::TlsNoNames,
        "tls-no-names",
        Exit::Network,
        "the server's certificate is for no name at all: it has no subject alternative name (SAN), and a common name \
         does not count any more",
        "have it made with subjectAltName",
    ),
    row(
        Cause::TlsWeakKey,
        "tls-weak-key",
        Exit::Network,
        "an RSA key among the server's certificates, or that of their CA, has fewer than 2,048 bits",
        "make the certificate, or the CA, anew: with an RSA key of 2,048 bits or more, or an ECDSA key",
    ),
    row(
        Cause::TlsOldSignature,
        "tls-old-signature",
        Exit::Network,
        "a certificate of the server's is signed by a method that is not accepted, such as SHA-1",
        "have it signed with RSA or ECDSA, and SHA-256 or better",
    ),
    row(
        Cause::TlsWrongPurpose,
        "tls-wrong-purpose",
        Exit::Network,
        "the server's certificate is not for servers, by its extended key usage",
        "have it made with the extended key usage serverAuth",
    ),
    row(
        Cause::TlsIssuerNotAllowed,
        "tls-issuer-not-allowed",
        Exit::Network,
        "the certificate above the server's may not issue it: it is none of a CA, or the name or the length of the \
         chain is outside of what that CA is for",
        "have the certificate issued by a CA that may (CA:TRUE, name constraints, path length)",
    ),
    row(
        Cause::TlsExpired,
        "tls-expired",
        Exit::Network,
        "the server's certificate has expired, or this machine's clock is wrong",
        "check this machine's date first; then renew the certificate of your domain in the console's certificate \
         management",
    ),
    row(
        Cause::TlsNotYetValid,
        "tls-not-yet-valid",
        Exit::Network,
        "the server's certificate is not valid yet: likely this machine's clock is behind",
        "set this machine's date and time",
    ),
    row(
        Cause::TlsNameMismatch,
        "tls-name-mismatch",
        Exit::Network,
        "the server's certificate is for another name",
        "connect by the endpoint (接入点) that the console shows, not by an IP address or an alias; a domain of your \
         own needs a certificate bound to the instance",
    ),
    row(
        Cause::TlsCertificateBad,
        "tls-certificate-bad",
        Exit::Network,
        "the server's certificate cannot be accepted for another reason, which the message names",
        "have a proper server certificate made, signed by a CA that this machine trusts",
    ),
    row(
        Cause::TlsExpiresSoon,
        "tls-expires-soon",
        Exit::Network,
        "the server's certificate expires within days",
        "if the domain is your own, renew its certificate in the console's certificate management",
    ),
    row(
        Cause::TlsToPlainPort,
        "tls-to-plain-port",
        Exit::Network,
        "TLS was tried, but the port does not speak it",
        "use mqtt:// or ws:// for this port, or the TLS port: 8883 for mqtts://, 443 for wss://",
    ),
    row(
        Cause::TlsClosed,
        "tls-closed",
        Exit::Network,
        "the connection was closed during the TLS handshake",
        "likely a firewall or proxy on the way does not let TLS through to this name, or it is no TLS port (8883, 443)",
    ),
    row(
        Cause::TlsSilent,
        "tls-silent",
        Exit::Timeout,
        "the TLS handshake was not answered",
        "is it a TLS port (8883, or 443 for wss://)? Likely something on the way swallows it",
    ),
    row(
        Cause::TlsNoCommonVersion,
        "tls-no-common-version",
        Exit::Network,
        "client and server have no TLS version or cipher in common",
        "this program speaks TLS 1.2 and 1.3; something on the way may be older",
    ),
    row(
        Cause::TlsClientCertificate,
        "tls-client-certificate",
        Exit::Network,
        "the server wants a client certificate, or does not accept the one it got: mutual TLS is on",
        "give --client-cert-file and --client-key-file, signed by a CA that is registered and active in the console",
    ),
    row(
        Cause::CaFileUnusable,
        "ca-file-unusable",
        Exit::Usage,
        "a certificate or key file cannot be used",
        "give a readable PEM file with -----BEGIN CERTIFICATE----- in it",
    ),
    row(
        Cause::ClockWrong,
        "clock-wrong",
        Exit::Refused,
        "this machine's clock is wrong by so much that signed requests to the API are refused (15 minutes)",
        "set the clock, and keep it by NTP",
    ),
    row(
        Cause::ClockOff,
        "clock-off",
        Exit::Refused,
        "this machine's clock is off: tokens end too early or too late, and beyond 15 minutes the API refuses requests",
        "set the clock, and keep it by NTP",
    ),
];
