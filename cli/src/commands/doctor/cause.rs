//! The causes that are told apart: what each is called, what it means, and its cure in the words of the service's console.

use crate::exit::Exit;

/// What stands at the head of [`Cause::table`], and of `docs/doctor.md`, which is made of it.
const HEAD: &str = "\
# What `aliyun-mqtt doctor` can find

Each step that fails or warns names one of these causes, in `--json` by its id. *Exit* is the program's exit code where it
is the first failure; a warning alone ends with 0. The service does not document which code of CONNACK goes with which
cause, and cuts a connection without a word where a permission is missing: where only that was seen, the text says
\"likely\". With access to the API (`--region-id`, and an AccessKey with its secret) more is told apart.

| id | exit | cause | cure |
|---|---|---|---|
";

/// One cause.
#[derive(Debug)]
struct Row {
    id: &'static str,
    /// For a failure with this cause.
    exit: Exit,
    text: &'static str,
    cure: &'static str,
}

macro_rules! causes {
    ($($name:ident $id:literal $exit:ident $text:literal $cure:literal)*) => {
        /// Why a step failed or warns.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Cause { $($name),* }

        impl Cause {
            const ALL: &'static [Cause] = &[$(Cause::$name),*];

            fn row(self) -> Row {
                match self {
                    $(Cause::$name => Row { id: $id, exit: Exit::$exit, text: $text, cure: $cure }),*
                }
            }
        }
    };
}

causes! {
    SettingMissing "setting-missing" Usage
        "a setting is not given"
        "give it as the message says; `aliyun-mqtt config show` tells what is set and where it comes from"
    SettingWrong "setting-wrong" Usage
        "a setting has a value that cannot be used"
        "correct it where the message says it comes from"
    EndpointMalformed "endpoint-malformed" Usage
        "the endpoint is no host, host:port or URL"
        "copy the endpoint (接入点) from the instance's page in the console: mqtts://{endpoint}:8883, mqtt://{endpoint}:1883, wss://{endpoint}:443"
    EndpointOfApi "endpoint-of-api" Usage
        "this is an address of the service's API, not of an instance"
        "use the instance's endpoint (接入点), {instance id}.mqtt.aliyuncs.com; the API's address belongs to --api-endpoint"
    EndpointOfServerSdk "endpoint-of-server-sdk" Usage
        "this endpoint is for the cloud SDK of servers, which speaks AMQP on 5672, not MQTT"
        "use the instance's MQTT endpoint (接入点), {instance id}.mqtt.aliyuncs.com, or {instance id}-internal-vpc.mqtt.aliyuncs.com within its VPC"
    EndpointIsAddress "endpoint-is-address" Network
        "the endpoint is an IP address: the service changes its addresses without notice, and supports only its domain names"
        "use the endpoint (接入点) that the console shows; with TLS a certificate is for that name only"
    NotEncrypted "not-encrypted" Network
        "the connection is not encrypted: anybody on the way can read messages and tokens"
        "use mqtts:// (8883) or wss:// (443); every kind of instance has TLS"
    InstanceNotOfEndpoint "instance-not-of-endpoint" Refused
        "the endpoint belongs to another instance than the instance id says"
        "take instance id (实例 ID) and endpoint (接入点) from the same instance's page in the console"
    DnsNoSuchName "dns-no-such-name" Network
        "the endpoint's host name does not exist for this machine's DNS"
        "check its spelling against the console's endpoint (接入点), and whether the instance still exists"
    DnsVpcName "dns-vpc-name" Network
        "this is a VPC endpoint, and likely this machine is not in that VPC"
        "run inside the instance's VPC, or use the public endpoint (公网接入点), {instance id}.mqtt.aliyuncs.com"
    DnsUnavailable "dns-unavailable" Network
        "this machine's DNS could not be asked, or had no answer for now"
        "check this machine's network and its name servers"
    DnsSilent "dns-silent" Timeout
        "this machine's DNS did not answer in time"
        "check this machine's name servers; a firewall may drop the questions"
    TcpRefused "tcp-refused" Network
        "the host is there, but nothing listens on that port"
        "check the port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://; a firewall may refuse as well"
    TcpSilent "tcp-silent" Timeout
        "nobody answered: likely a firewall drops the packets, or it is a VPC endpoint seen from outside"
        "open 1883, 8883, 80 or 443 outwards, by name and not by IP address; from outside the VPC use the public endpoint (公网接入点)"
    TcpUnreachable "tcp-unreachable" Network
        "there is no way from this machine to that host"
        "check this machine's network, routes and firewall"
    TlsUntrustedIssuer "tls-untrusted-issuer" Network
        "the server's certificate comes from an issuer this machine does not trust: something intercepts TLS, or the CA is a private one"
        "look at the issuer above: if it is your company's proxy or your own CA, give its certificate with --ca-file; if it is a public CA, have the server send its intermediate certificate too; if you do not know it, do not connect"
    TlsChainIncomplete "tls-chain-incomplete" Network
        "the server sends its own certificate without that of its issuer, the intermediate one: nothing leads from it to a CA this machine trusts"
        "have the server send the whole chain, its own certificate first (fullchain.pem); if the issuer is a CA of your own, give its certificate with --ca-file"
    TlsSelfSigned "tls-self-signed" Network
        "the server's certificate is self-signed: nobody vouches for it"
        "if the server is yours, give this very certificate with --ca-file, or use one that a CA has signed; else do not connect"
    TlsVersion1 "tls-x509-version-1" Network
        "the server's certificate is of X.509 version 1, which has neither names nor a purpose"
        "have it made with version 3: with openssl x509 -req, by an -extfile that has subjectAltName"
    TlsNoNames "tls-no-names" Network
        "the server's certificate is for no name at all: it has no subject alternative name (SAN), and a common name does not count any more"
        "have it made with subjectAltName"
    TlsWeakKey "tls-weak-key" Network
        "an RSA key among the server's certificates, or that of their CA, has fewer than 2,048 bits"
        "make the certificate, or the CA, anew: with an RSA key of 2,048 bits or more, or an ECDSA key"
    TlsOldSignature "tls-old-signature" Network
        "a certificate of the server's is signed by a method that is not accepted, such as SHA-1"
        "have it signed with RSA or ECDSA, and SHA-256 or better"
    TlsWrongPurpose "tls-wrong-purpose" Network
        "the server's certificate is not for servers, by its extended key usage"
        "have it made with the extended key usage serverAuth"
    TlsIssuerNotAllowed "tls-issuer-not-allowed" Network
        "the certificate above the server's may not issue it: it is none of a CA, or the name or the length of the chain is outside of what that CA is for"
        "have the certificate issued by a CA that may (CA:TRUE, name constraints, path length)"
    TlsExpired "tls-expired" Network
        "the server's certificate has expired, or this machine's clock is wrong"
        "check this machine's date first; then renew the certificate of your domain in the console's certificate management"
    TlsNotYetValid "tls-not-yet-valid" Network
        "the server's certificate is not valid yet: likely this machine's clock is behind"
        "set this machine's date and time"
    TlsNameMismatch "tls-name-mismatch" Network
        "the server's certificate is for another name"
        "connect by the endpoint (接入点) that the console shows, not by an IP address or an alias; a domain of your own needs a certificate bound to the instance"
    TlsCertificateBad "tls-certificate-bad" Network
        "the server's certificate cannot be accepted for another reason, which the message names"
        "have a proper server certificate made, signed by a CA that this machine trusts"
    TlsExpiresSoon "tls-expires-soon" Network
        "the server's certificate expires within days"
        "if the domain is your own, renew its certificate in the console's certificate management"
    TlsToPlainPort "tls-to-plain-port" Network
        "TLS was tried, but the port does not speak it"
        "use mqtt:// or ws:// for this port, or the TLS port: 8883 for mqtts://, 443 for wss://"
    TlsClosed "tls-closed" Network
        "the connection was closed during the TLS handshake"
        "likely a firewall or proxy on the way does not let TLS through to this name, or it is no TLS port (8883, 443)"
    TlsSilent "tls-silent" Timeout
        "the TLS handshake was not answered"
        "is it a TLS port (8883, or 443 for wss://)? Likely something on the way swallows it"
    TlsNoCommonVersion "tls-no-common-version" Network
        "client and server have no TLS version or cipher in common"
        "this program speaks TLS 1.2 and 1.3; something on the way may be older"
    TlsClientCertificate "tls-client-certificate" Network
        "the server wants a client certificate, or does not accept the one it got: mutual TLS is on"
        "give --client-cert-file and --client-key-file, signed by a CA that is registered and active in the console"
    CaFileUnusable "ca-file-unusable" Usage
        "a certificate or key file cannot be used"
        "give a readable PEM file with -----BEGIN CERTIFICATE----- in it"
    ClockWrong "clock-wrong" Refused
        "this machine's clock is wrong by so much that signed requests to the API are refused (15 minutes)"
        "set the clock, and keep it by NTP"
    ClockOff "clock-off" Refused
        "this machine's clock is off: tokens end too early or too late, and beyond 15 minutes the API refuses requests"
        "set the clock, and keep it by NTP"
    GroupIdMalformed "group-id-malformed" Usage
        "the group id breaks a rule: 7 to 64 letters, digits, - and _, beginning with GID_ or GID-"
        "copy the Group ID from the console's group management (Group 管理)"
    DeviceIdMalformed "device-id-malformed" Usage
        "the device id breaks a rule: letters, digits, - and _ only"
        "choose another device id (Device ID)"
    ClientIdTooLong "client-id-too-long" Usage
        "the client id, GroupID@@@DeviceID, has more than 64 characters"
        "choose a shorter device id (Device ID), or a shorter Group ID"
    DeviceIdMissing "device-id-missing" Usage
        "a device credential is for one client id, and no device id is given"
        "give --device-id: the one that the device credential (一机一密) was registered for"
    TopicMalformed "topic-malformed" Usage
        "the topic breaks a rule: letters, digits, - and _ in levels split by /, at least 3 characters, no wildcards here"
        "correct the topic; its first level is the parent topic (父级 Topic) as created in the console"
    TopicTooLong "topic-too-long" Usage
        "the topic has more than 128 characters; the service would cut the connection"
        "shorten it: parent topic and sub-topics together"
    TopicLong "topic-long" Usage
        "the topic has more than 64 characters, the bound that the help pages give; demos say 128"
        "shorten it if messages do not arrive"
    SecretUnreadable "secret-unreadable" Usage
        "a secret cannot be read from where it is configured"
        "see the message: the file, variable or command must give the secret"
    SecretMarked "secret-marked" Usage
        "the secret has a space or & at its end: likely copied wrongly (the & belongs to old API signatures only)"
        "copy the secret again, as it is"
    DeviceKeyInSignature "device-key-in-signature" Usage
        "the AccessKey id begins with DC., as those of device credentials do, but the login is not by device credential"
        "use --auth device, with --device-access-key-id and --device-access-key-secret-file"
    AccountKeyInDevice "account-key-in-device" Usage
        "the device's AccessKey id does not begin with DC., as the documented ones do: likely it is an account's key"
        "use the credential of this device (一机一密): `aliyun-mqtt credential` shows or makes it"
    StsInSignature "sts-in-signature" Usage
        "the key is a temporary one (STS): likely the signature mode does not take it, since a login has no place for its security token"
        "use --auth token: tokens may be applied for with a temporary key"
    TokenMalformed "token-malformed" Usage
        "the token text is not RW|..., R|... or W|..., or several of them joined by |"
        "write the kind in front of the token: RW|{token}"
    ClientIdInUse "client-id-in-use" Refused
        "a client with this id is online now; logging in would close its connection"
        "stop that client, use another --device-id, or go on with --take-over"
    ClientIdConflict "client-id-conflict" Network
        "the connection was cut with nothing under way: likely another client uses the same client id (trace: clientId conflict)"
        "give each client a device id of its own; the console's device trace (设备轨迹) shows who else connects"
    MqttVersionRefused "mqtt-version-refused" Refused
        "the instance does not take this MQTT version (5 is for Professional, Enterprise Platinum and Serverless instances)"
        "use --protocol 3.1.1, or ask for MQTT 5 by a ticket (工单)"
    ClientIdRefused "client-id-refused" Refused
        "the client id is refused: likely its form, its length or its group"
        "GroupID@@@DeviceID, at most 64 letters, digits, - and _; the Group ID must exist in the console"
    ServiceUnavailable "service-unavailable" Refused
        "the instance is not available now: likely it restarts, or has reached its number of connections"
        "try again later; the console's monitoring shows the connections against the instance's specification"
    AccessKeyUnknown "access-key-unknown" Refused
        "the AccessKey id does not exist (any more), or is disabled"
        "copy it from the AccessKey page of the console (AccessKey 管理)"
    AccessKeySecretWrong "access-key-secret-wrong" Refused
        "the AccessKey secret is not the one of this AccessKey id: the API refuses its signature"
        "give the secret that belongs to it; if it is lost, make a new AccessKey"
    InstanceUnknown "instance-unknown" Refused
        "the instance does not exist in this region, does not belong to the account, or a RAM policy hides it"
        "compare the instance id (实例 ID) and region with the console; a RAM user needs mq: permissions on the instance"
    GroupNotCreated "group-not-created" Refused
        "the Group ID does not exist in the instance"
        "create it in the console's group management (Group 管理), or with `aliyun-mqtt group create`"
    SignatureNotTaken "signature-not-taken" Refused
        "key, secret, instance and group are right, as the API shows, and yet the login is refused: likely this instance takes only tokens and device credentials"
        "use --auth token or --auth device; else check that the RAM user may use the instance"
    PasswordRefused "password-refused" Refused
        "user name or password are refused: likely the secret is wrong, or the token has ended"
        "check the secret with the console's signature check tool (签名校验); give --region-id, and the API tells more"
    NotAuthorized "not-authorized" Refused
        "the login is not authorized: likely a wrong instance id, a Group ID that does not exist, or an unknown AccessKey id"
        "compare instance id (实例 ID), Group ID and AccessKey id with the console; give --region-id, and the API tells more"
    DeviceCredentialMissing "device-credential-missing" Refused
        "this client id has no device credential (any more)"
        "register one: `aliyun-mqtt credential`, or 一机一密 in the console"
    DeviceCredentialReplaced "device-credential-replaced" Refused
        "this client id has another device credential than the one given: it was registered again or refreshed"
        "give the device its present credential"
    DeviceSecretWrong "device-secret-wrong" Refused
        "the device's AccessKey id is right, but not its secret"
        "give the device its present credential (一机一密)"
    TokenDead "token-dead" Refused
        "the token is not valid (any more): expired, revoked, or of another instance"
        "apply for a new one: `aliyun-mqtt token apply`; tokens live for 60 s to 30 days"
    TokenOfOtherKey "token-of-other-key" Refused
        "the token is valid, and yet the login is refused: likely its kind is not the one written before it, or another AccessKey applied for it"
        "give the AccessKey id that applied for the token, and the kind it was applied for: R, W or RW"
    PlainToTlsPort "plain-to-tls-port" Network
        "the port speaks TLS, and the endpoint asks for a plain connection"
        "use mqtts:// (8883) or wss:// (443)"
    PlainToWebSocketPort "mqtt-to-websocket-port" Network
        "the port speaks WebSocket, and the endpoint asks for MQTT without it"
        "use ws:// (80) or wss:// (443), or the MQTT port: 1883, or 8883 with TLS"
    WebSocketToMqttPort "websocket-to-mqtt-port" Network
        "the port speaks MQTT without WebSocket, and the endpoint asks for a WebSocket"
        "use mqtt:// (1883) or mqtts:// (8883), or the WebSocket port: 80, or 443 with TLS"
    WebSocketNotAllowed "websocket-not-allowed" Network
        "the HTTP server there wants a login of its own for the WebSocket, or does not allow it (401, 403)"
        "the MQTT login is not for HTTP: see to the gateway in front of the service, or connect past it"
    WebSocketRedirected "websocket-redirected" Network
        "the HTTP server there sends the client to another address of its own, and redirects are not followed"
        "give the address it points to as the endpoint: https:// stands for wss://"
    WebSocketUpgradeLost "websocket-upgrade-lost" Network
        "the HTTP server there asks for an upgrade that was asked for (426): likely something on the way takes the request for it out"
        "have the gateway or proxy in between pass on the headers Upgrade and Connection; wss:// gets past most of them"
    WebSocketNoServer "websocket-no-server" Network
        "a gateway answers there, and has no server behind it for now (429, 5xx)"
        "try again later, and see to the gateway; the console shows whether the instance runs"
    WebSocketWithoutMqtt "websocket-without-mqtt" Network
        "the server makes a WebSocket, but does not choose the sub-protocol mqtt, which MQTT demands: likely it is for something else"
        "likely another path: /mqtt is the usual one"
    WebSocketBroken "websocket-broken" Network
        "the server makes a WebSocket, but its answer is not as it must be (RFC 6455: Upgrade, Connection, Sec-WebSocket-Accept)"
        "see to the gateway or proxy in between, which likely changes the headers"
    WebSocketRefused "websocket-refused" Network
        "the HTTP server there does not make a WebSocket for MQTT of this path"
        "likely another path: /mqtt is the usual one; or it is another server"
    HttpInsteadOfMqtt "http-instead-of-mqtt" Network
        "a web server answers there, not the MQTT service"
        "check host and port: 1883 mqtt://, 8883 mqtts://, 80 ws://, 443 wss://"
    HttpProxy "http-proxy" Network
        "an HTTP proxy answers there and wants a login"
        "give the proxy and its login by ALIYUN_MQTT_PROXY=http://user:password@host:port, or without a login by --proxy"
    ProxyUnreachable "proxy-unreachable" Network
        "the HTTP proxy that is configured cannot be reached"
        "check host and port of --proxy or ALIYUN_MQTT_PROXY, and with env those of https_proxy"
    ProxySilent "proxy-silent" Timeout
        "the HTTP proxy that is configured did not answer in time"
        "check host and port of the proxy; it may itself wait for an endpoint that does not answer"
    ProxyRefused "proxy-refused" Network
        "the HTTP proxy that is configured does not make the connection, or it is no proxy"
        "see the message: many proxies let only port 443 through (wss://), or only some hosts"
    CaptivePortal "captive-portal" Network
        "the answer sends the reader to another page: likely the login page of this network"
        "log in to this network with a browser first"
    AmqpInsteadOfMqtt "amqp-instead-of-mqtt" Network
        "the port speaks AMQP"
        "use an MQTT port: 1883, or 8883 with TLS"
    NotMqtt "not-mqtt" Network
        "what answers there is not MQTT"
        "check host and port (接入点); likely something on the way answers instead"
    ConnackSilent "connack-silent" Timeout
        "the connection stands, but CONNECT was not answered"
        "is it an MQTT port? Likely something on the way swallows it, or the instance is overloaded"
    ConnectionClosed "connection-closed" Network
        "the connection was closed instead of an answer to CONNECT"
        "likely no MQTT port, a firewall, or a client id or Group ID that the service does not answer at all"
    ConnectionCut "connection-cut" Network
        "the connection was lost"
        "likely the network; the console's device trace (设备轨迹) names the reason"
    SubscribeRefused "subscribe-refused" Rejected
        "the subscription was answered with a refusal"
        "see the code; the identity needs the right to subscribe to this topic"
    PublishRefused "publish-refused" Rejected
        "the message was answered with a refusal"
        "see the code; the identity needs the right to publish to this topic"
    TopicNotCreated "topic-not-created" Rejected
        "the parent topic does not exist in the instance, so the connection is cut (trace: resource auth failed)"
        "create the parent topic (父级 Topic) in the console's topic management; sub-topics need none"
    SubscribeNotPermitted "subscribe-not-permitted" Rejected
        "the topic exists, and yet subscribing cuts the connection (trace: resource auth failed): likely the AccessKey may not subscribe to it"
        "grant the RAM user the right to subscribe to this topic"
    PublishNotPermitted "publish-not-permitted" Rejected
        "the topic exists, and yet publishing cuts the connection (trace: resource auth failed): likely the AccessKey may not publish to it"
        "grant the RAM user the right to publish to this topic"
    TopicOrPermission "topic-or-permission" Rejected
        "the connection is cut for it: likely the parent topic does not exist, or the identity has no right to it"
        "create the parent topic (父级 Topic) in the console, or grant the right; give --region-id, and the API tells which of both"
    TokenForged "token-forged" Refused
        "the service says that the token is forged or cannot be parsed (tokenInvalidNotice 1)"
        "apply for a new one, and give it unchanged"
    TokenExpired "token-expired" Refused
        "the service says that the token has expired (tokenInvalidNotice 2)"
        "apply for a new one: `aliyun-mqtt token apply`"
    TokenRevoked "token-revoked" Refused
        "the service says that the token was revoked (tokenInvalidNotice 3)"
        "apply for a new one: `aliyun-mqtt token apply`"
    TokenOtherTopic "token-other-topic" Rejected
        "the token does not cover this topic (tokenInvalidNotice 4)"
        "apply for one whose Resources cover it, such as {parent topic}/#, which takes in P2P topics too"
    TokenWrongKind "token-wrong-kind" Rejected
        "the token does not give this permission (tokenInvalidNotice 5): R is for subscribing, W for publishing"
        "apply for a token with the Actions R,W, or hold one of each kind"
    TokenSignature "token-signature" Refused
        "the service says that the signature is invalid (tokenInvalidNotice 8)"
        "apply for a new token with the present AccessKey"
    TokenAccount "token-account" Refused
        "the service says that the account is not permitted (tokenInvalidNotice -1)"
        "the token must be applied for by the account that has the instance"
    NoAcknowledgement "no-acknowledgement" Timeout
        "the broker did not acknowledge it in time"
        "likely the network, or the instance is over its rate of messages (TPS): see the console's monitoring"
    MessageNotBack "message-not-back" Timeout
        "the message was acknowledged, but did not come back by the subscription"
        "likely more than 30 filters are subscribed by this client id (a kept session counts), or 100 wildcard filters below the parent topic"
    P2pNotArriving "p2p-not-arriving" Timeout
        "the message to this client itself was acknowledged, but did not arrive"
        "likely the client was not online under this id at that moment: see the message trace (消息轨迹) in the console"
    ApiUnreachable "api-unreachable" Network
        "the API cannot be reached: likely a wrong region or URL, or no way out for HTTPS"
        "onsmqtt.{region}.aliyuncs.com on 443; check --region-id against the instance's region in the console"
    ApiSilent "api-silent" Timeout
        "the API did not answer in time"
        "check the way out for HTTPS, or give it more --timeout"
    ApiTls "api-tls" Network
        "TLS with the API failed"
        "as for the endpoint: an intercepting proxy, a private CA (--ca-file), or a wrong clock"
    ApiNotApi "api-not-api" Network
        "what answered is not the API: likely a proxy, a login page, or a wrong URL"
        "check --api-endpoint, and what stands between"
    ApiThrottled "api-throttled" Refused
        "there are too many API calls of this account"
        "wait and try again; keep a token for its life instead of applying for one at each connect"
    ApiNoPermission "api-no-permission" Refused
        "the AccessKey may not do this: likely a RAM policy is missing"
        "grant the RAM user mq:ListGroupId, mq:QueryToken and what else it needs, on the instance"
    ApiNotSupported "api-not-supported" Refused
        "this region or kind of instance does not offer the operation"
        "check --region-id against the console"
    ApiFaulty "api-faulty" Refused
        "the service has a fault of its own"
        "try again later; its support finds the call by the request id"
    ApiRefused "api-refused" Refused
        "the API refuses the request"
        "see its code and message"
    SecurityTokenWrong "security-token-wrong" Refused
        "key and security token (STS) do not belong together, or one of them is missing or expired"
        "get a new temporary key, and give all three parts of it"
    Unexplained "unexplained" Failure
        "none of the known causes fits"
        "see the message; --log debug shows more"
}

impl Cause {
    /// Its stable name.
    pub(super) fn id(self) -> &'static str {
        self.row().id
    }

    /// How the program ends where it is the first failure.
    pub(super) fn exit(self) -> Exit {
        self.row().exit
    }

    /// What is wrong.
    pub(super) fn text(self) -> &'static str {
        self.row().text
    }

    /// What to do.
    pub(super) fn cure(self) -> &'static str {
        self.row().cure
    }

    /// All of them as a page in Markdown: `docs/doctor.md`.
    pub(super) fn table() -> String {
        let mut page = HEAD.to_string();
        for cause in Cause::ALL {
            let Row { id, exit, text, cure } = cause.row();
            let [text, cure] = [text, cure].map(|text| text.replace('|', "\\|"));
            page.push_str(&format!("| `{id}` | {} | {text} | {cure} |\n", exit as u8));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_name_of_its_own() {
        for (index, cause) in Cause::ALL.iter().enumerate() {
            let id = cause.id();
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{id}");
            assert!(!Cause::ALL[..index].iter().any(|other| other.id() == id), "{id}");
            assert!(!cause.text().is_empty() && !cause.cure().is_empty(), "{id}");
            assert!(!matches!(cause.exit(), Exit::Ok | Exit::Interrupted), "{id}");
        }
    }
}
