//! Causes on the way to the server: DNS, TCP, TLS, and this machine's clock.

use super::row::{Cause, Row, row};
use crate::exit::Exit;

pub(super) const ROWS: &[Row] = &[
    row(
        Cause::DnsNoSuchName,
        "dns-no-such-name",
        Exit::Network,
        "this machine's DNS does not know the endpoint's host name",
        "compare its spelling with the endpoint (接入点) in the console, and check that the instance still exists",
    )
    .here("check this machine's hosts file: localhost is 127.0.0.1 or ::1"),
    row(
        Cause::DnsVpcName,
        "dns-vpc-name",
        Exit::Network,
        "this is a VPC endpoint, and this machine is probably not in that VPC",
        "run inside the instance's VPC, or use the public endpoint (公网接入点), {instance id}.mqtt.aliyuncs.com",
    ),
    row(
        Cause::DnsUnavailable,
        "dns-unavailable",
        Exit::Network,
        "this machine's DNS cannot be reached, or has no answer at the moment",
        "check this machine's network and its name servers",
    ),
    row(
        Cause::DnsSilent,
        "dns-silent",
        Exit::Timeout,
        "this machine's DNS did not answer in time",
        "check this machine's name servers; a firewall may drop the queries",
    ),
    row(
        Cause::TcpRefused,
        "tcp-refused",
        Exit::Network,
        "the host is reachable, but nothing listens on that port",
        "check the port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://; a firewall may also refuse the connection",
    ),
    row(
        Cause::NothingHere,
        "nothing-here",
        Exit::Network,
        "nothing listens on that port of this machine",
        "if an emulator was there, it has ended: start another with eval \"$(aliyun-mqtt emulator --env)\", or unset \
         the variables that it has set (ALIYUN_MQTT_..., ALIBABA_CLOUD_...), which have precedence over the \
         configuration file; otherwise check the port",
    ),
    row(
        Cause::TcpSilent,
        "tcp-silent",
        Exit::Timeout,
        "no answer: a firewall probably drops the packets, or a VPC endpoint is used from outside its VPC",
        "allow outgoing connections to 1883, 8883, 80 or 443 by host name, not by IP address; outside the VPC use the \
         public endpoint (公网接入点)",
    )
    .here("check the program that listens there: it hangs, or is overloaded"),
    row(
        Cause::TcpUnreachable,
        "tcp-unreachable",
        Exit::Network,
        "this machine has no route to the host",
        "check this machine's network, routes and firewall",
    ),
    row(
        Cause::TlsUntrustedIssuer,
        "tls-untrusted-issuer",
        Exit::Network,
        "this machine does not trust the issuer of the server's certificate: something intercepts TLS, or the CA is \
         private",
        "find the issuer with `aliyun-mqtt doctor -v`; if it is your company's proxy or your own CA, give its \
         certificate with --ca-file; if it is a public CA, configure the server to send its intermediate certificate, \
         too; if you do not know the issuer, do not connect",
    ),
    row(
        Cause::TlsChainIncomplete,
        "tls-chain-incomplete",
        Exit::Network,
        "the server sends its own certificate without the intermediate certificate of its issuer, so no CA that this \
         machine trusts can be found",
        "configure the server to send the whole chain, its own certificate first (fullchain.pem); if the issuer is \
         your own CA, give its certificate with --ca-file",
    ),
    row(
        Cause::TlsSelfSigned,
        "tls-self-signed",
        Exit::Network,
        "the server's certificate is self-signed",
        "if the server is yours, give this certificate with --ca-file or use one that a CA has signed; otherwise do \
         not connect",
    ),
    row(
        Cause::TlsVersion1,
        "tls-x509-version-1",
        Exit::Network,
        "the server's certificate has X.509 version 1, which has no names and no purpose",
        "create a version 3 certificate; with openssl x509 -req, pass an -extfile that contains subjectAltName",
    ),
    row(
        Cause::TlsNoNames,
        "tls-no-names",
        Exit::Network,
        "the server's certificate is valid for no name: it has no subject alternative name (SAN), and the common name \
         is no longer used",
        "create the certificate with subjectAltName",
    ),
    row(
        Cause::TlsWeakKey,
        "tls-weak-key",
        Exit::Network,
        "an RSA key in the server's certificate chain, or the key of its CA, has fewer than 2,048 bits",
        "recreate the certificate or the CA with an RSA key of at least 2,048 bits, or an ECDSA key",
    ),
    row(
        Cause::TlsOldSignature,
        "tls-old-signature",
        Exit::Network,
        "one of the server's certificates is signed with a method that is not accepted, such as SHA-1",
        "sign it with RSA or ECDSA and SHA-256 or better",
    ),
    row(
        Cause::TlsWrongPurpose,
        "tls-wrong-purpose",
        Exit::Network,
        "the extended key usage of the server's certificate does not allow servers",
        "create the certificate with the extended key usage serverAuth",
    ),
    row(
        Cause::TlsIssuerNotAllowed,
        "tls-issuer-not-allowed",
        Exit::Network,
        "the certificate above the server's may not issue it: it is not a CA, or the CA's constraints exclude the name \
         or the chain length",
        "have the certificate issued by a CA that may issue it (CA:TRUE, name constraints, path length)",
    ),
    row(
        Cause::TlsExpired,
        "tls-expired",
        Exit::Network,
        "the server's certificate has expired, or this machine's clock is wrong",
        "check this machine's date first; then renew the certificate of your domain in the console's certificate \
         management",
    )
    .here("check this machine's date first; then renew the server's certificate"),
    row(
        Cause::TlsNotYetValid,
        "tls-not-yet-valid",
        Exit::Network,
        "the server's certificate is not valid yet; this machine's clock is probably behind",
        "set this machine's date and time",
    ),
    row(
        Cause::TlsNameMismatch,
        "tls-name-mismatch",
        Exit::Network,
        "the server's certificate is for another name",
        "connect to the endpoint (接入点) that the console shows, not to an IP address or an alias; a domain of your \
         own needs a certificate bound to the instance",
    )
    .here("connect by a name that the certificate has; an emulator's has more names with --tls-name"),
    row(
        Cause::TlsCertificateBad,
        "tls-certificate-bad",
        Exit::Network,
        "the server's certificate is rejected for another reason, which the message names",
        "create a valid server certificate, signed by a CA that this machine trusts",
    ),
    row(
        Cause::TlsExpiresSoon,
        "tls-expires-soon",
        Exit::Network,
        "the server's certificate expires within days",
        "if the domain is yours, renew its certificate in the console's certificate management",
    )
    .here("renew the server's certificate"),
    row(
        Cause::TlsToPlainPort,
        "tls-to-plain-port",
        Exit::Network,
        "the endpoint uses TLS, but the port does not speak it",
        "use mqtt:// or ws:// for this port, or the TLS port: 8883 for mqtts://, 443 for wss://",
    ),
    row(
        Cause::TlsClosed,
        "tls-closed",
        Exit::Network,
        "the connection was closed during the TLS handshake",
        "check the port (TLS: 8883, 443); a firewall or proxy may block TLS to this name",
    )
    .here("check that the port speaks TLS, and the log of the server"),
    row(
        Cause::TlsSilent,
        "tls-silent",
        Exit::Timeout,
        "the TLS handshake got no answer",
        "check that it is a TLS port (8883, or 443 for wss://); something on the network path may drop the packets",
    ),
    row(
        Cause::TlsNoCommonVersion,
        "tls-no-common-version",
        Exit::Network,
        "client and server share no TLS version or cipher",
        "enable TLS 1.2 or 1.3 on the server, or on the older device between; this program speaks no other version",
    ),
    row(
        Cause::TlsClientCertificate,
        "tls-client-certificate",
        Exit::Network,
        "the server requires a client certificate, or rejects the given one: mutual TLS is on",
        "give --client-cert-file and --client-key-file, signed by a CA that is registered and active in the console",
    )
    .here(
        "give --client-cert-file and --client-key-file, signed by a CA that the server trusts (emulator: \
         --client-ca)",
    ),
    row(
        Cause::CaFileUnusable,
        "ca-file-unusable",
        Exit::Usage,
        "a certificate or key file cannot be used",
        "give a readable PEM file that contains -----BEGIN CERTIFICATE-----",
    ),
    row(
        Cause::ClockWrong,
        "clock-wrong",
        Exit::Refused,
        "this machine's clock is wrong by more than 15 minutes, so the API rejects signed requests",
        "set the clock and synchronize it with NTP",
    ),
    row(
        Cause::ClockOff,
        "clock-off",
        Exit::Refused,
        "this machine's clock is off, so tokens expire too early or too late; beyond 15 minutes the API rejects \
         requests",
        "set the clock and synchronize it with NTP",
    ),
];
