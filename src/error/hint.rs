//! The catalogue of hints, each with a key that never changes and its text.
//!
//! A hint names a *setting* by the name it has in the builder (`ca_file`), which is also its key in the command line's
//! file and, with dashes, its flag; so the same text serves all of them.

use std::borrow::Cow;

/// Defines [`Hint`] from the entries of the catalogue: name, parameters, key and text.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident: $type:ty),+ })? = $key:literal: $text:expr;)+) => {
        /// The usual cause of an error and its cure. All hints of an [`Error`](super::Error) are from this catalogue.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(dead_code, reason = "the cargo features decide which hints are used")]
        pub(crate) enum Hint {
            $($(#[$doc])* $name $({ $($field: $type),+ })?,)+
        }

        impl Hint {
            /// The keys of all hints.
            #[cfg(test)]
            const KEYS: &[&str] = &[$($key),+];

            /// Returns the hints of all keys, in all forms of their texts, with which the command line checks its
            /// translations.
            #[cfg(test)]
            pub(crate) fn samples() -> Vec<Hint> {
                let mut hints = Vec::new();
                for form in 0..4 {
                    $({
                        let mut _form = Form(form);
                        hints.push(Hint::$name $({ $($field: <$type as Sample>::sample(&mut _form)),+ })?);
                    })+
                }
                hints
            }

            /// Returns the key, which does not depend on the parameters.
            pub(crate) fn key(&self) -> &'static str {
                match self {
                    $(Hint::$name $({ $($field: _),+ })? => $key,)+
                }
            }

            pub(crate) fn text(&self) -> Cow<'static, str> {
                match self {
                    $(Hint::$name $({ $($field),+ })? => $text.into(),)+
                }
            }
        }
    };
}

catalogue! {
    // Settings.
    /// A setting, or the variable it is read from.
    Set { name: &'static str } = "set": format!("set {name}");
    SetCredentials = "set-credentials": "set credentials, or read them from the environment with from_env";
    UseMqtt5 = "use-mqtt-5": "set protocol to 5";
    UseMqtt5Again = "use-mqtt-5-again": "set protocol to 5, as it was when the message was accepted";
    KeepSession = "keep-session": "set clean_session to false";
    UseHostName = "use-host-name": "set endpoint to its host name";
    GroupAndDevice = "group-and-device":
        "set group_id and device_id instead; together they make GroupID@@@DeviceID";
    ShorterDeviceId = "shorter-device-id": "set a device_id that is short enough";
    BareAccessKeyId = "bare-access-key-id": "set the bare id; the library makes the user name from it";
    BareToken = "bare-token": "give the bare token; the library puts its kind in front";
    CopiedWithMore = "copied-with-more": "was it copied with surrounding characters?";
    NoNestedProvider = "no-nested-provider": "the provider must return the credentials themselves";
    TokenOrApply = "token-or-apply":
        "token mode needs a token in ALIYUN_MQTT_TOKEN, as RW|..., R|... or W|...; or the variables to apply for one: \
         ALIBABA_CLOUD_ACCESS_KEY_SECRET, ALIYUN_MQTT_TOPIC and either ALIYUN_MQTT_REGION_ID or \
         ALIYUN_MQTT_API_ENDPOINT";
    KeyChain = "key-chain":
        "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, run `aliyun configure`, or give the \
         machine a RAM role";
    PermanentKeyOnly = "permanent-key-only":
        "the user name of a login has no field for its security token; set auth to token: the client then applies for \
         tokens with this key, and renews them";
    TokenNeeded = "token-needed":
        "token mode needs a token, as RW|..., R|... or W|...; with the cargo feature `openapi` the client can apply \
         for one";
    ClientCertificateNeedsTls = "client-certificate-needs-tls": "client certificates need TLS: mqtts://";
    CreateInChild = "create-in-child": "create one in the child";

    // Messages, filters and requests.
    ReceiverLimit = "receiver-limit": "a receiver with the same packet_len would not receive it";
    PayloadLimit = "payload-limit":
        "the service cuts the connection of a client that sends more; if your instance allows more, raise payload_len \
         (ALIYUN_MQTT_MAX_PAYLOAD)";
    PayloadLimitAgain = "payload-limit-again":
        "raise payload_len (ALIYUN_MQTT_MAX_PAYLOAD) to its value when the message was accepted";
    RaisePayloadLen { size: usize } = "raise-payload-len": raise_payload_len(*size);
    RedeliveredPacket { size: usize } = "redelivered-packet":
        format!(
            "{}; until then a QoS 1 or 2 message comes again on every connection, and nothing behind it arrives; \
             connecting once with clean_session true discards all that waits",
            raise_payload_len(*size)
        );
    FilterLimit = "filter-limit":
        "use a wildcard filter, or raise filters in limits if your instance allows more";
    OneIdentifier = "one-identifier": "give only one of them an identifier";
    SplitSubscribe = "split-subscribe": "subscribe to them in several calls";
    ShareWork = "share-work":
        "to share work between consumers, consume the parent topic with RocketMQ or the server SDK";
    P2pParts = "p2p-parts": "give the first topic level and the receiver's client id";
    NoReply { enveloped: bool, response_topic: bool } = "no-reply":
        format!(
            "the replier must be online, and {}{}",
            if *enveloped { "read the envelope" } else { "speak MQTT 5, or be asked with envelope" },
            if *response_topic { "" } else { "; a broker without P2P topics needs response_topic" }
        );

    // Refusals of operations.
    PublishRights = "publish-rights":
        "check that the parent topic exists and that this client may publish to it";
    ReadRights = "read-rights": "check that the parent topic exists and that this client may read it";
    PublishCut = "publish-cut": PUBLISH_CUT;
    ReadCut = "read-cut":
        "the service cuts the connection when a topic's parent does not exist, or when the AccessKey, token or device \
         has no right to it";
    TopicRefused = "topic-refused":
        format!(
            "{PUBLISH_CUT}; other credentials or a new token end the refusal, and refused_topic_pause sets its length"
        );
    TakenOver = "taken-over": "two programs use one client id: give each its own";
    SharedClientId = "shared-client-id":
        "the server has closed several connections in a row soon after the login, so another program probably uses the \
         same client id: give each program its own device_id, or none";
    FewerInFlight = "fewer-in-flight": "let fewer messages be unacknowledged at a time: lower window";
    SmallerMessage = "smaller-message":
        "make the message smaller, or have the instance's limit raised (64 KB by default)";
    SendMoreSlowly = "send-more-slowly": "send more slowly: lower max_publish_rate";
    Quota = "quota":
        "the console's monitoring shows the instance's quotas and what is used of them; a lower max_publish_rate \
         sends more slowly";
    NotUtf8 = "not-utf-8": "a payload that is marked as text (payload_format_utf8) must be UTF-8";
    LowerQos = "lower-qos": "use a lower QoS";
    NoSharedSubscriptions = "no-shared-subscriptions":
        "use a filter without $share: the service has no shared subscriptions";
    NoIdentifiers = "no-identifiers": "subscribe without an identifier";
    NoWildcards = "no-wildcards": "subscribe to the topics by their full names";

    // Tokens.
    TokenRights = "token-rights":
        "log in with a token whose resources cover this topic, and that gives this permission";
    /// The service's notice about a token explains the end of a connection.
    TokenNotice { meaning: String } = "token-notice": meaning.clone();
    NewTokenRefused = "new-token-refused":
        "is it alive, of this kind, and applied for with the AccessKey of the login?";
    NewToken = "new-token":
        "log in with a new token; upload_token replaces a token before it ends, and token_provider does so by itself";

    // Refusals of the login.
    NoMqtt5 = "no-mqtt-5":
        "MQTT 5 is for Professional, Enterprise Platinum and Serverless instances, and older ones need a ticket (help \
         page \"MQTT 5.0 overview\"); set protocol to 3.1.1";
    NoMqtt311 = "no-mqtt-3.1.1": "this library speaks MQTT 3.1.1 here; does the instance support it?";
    ClientIdRefused = "client-id-refused":
        "the client id must be GroupID@@@DeviceID, at most 64 letters, digits, '-' and '_', and the group must exist";
    TryLater = "try-later": "the service may be restarting or over its connection quota; try again later";
    WrongSecret = "wrong-secret":
        "check the AccessKey secret, or whether the token has expired, was revoked or belongs to another key";
    NotAuthorized = "not-authorized":
        "check that the instance id is the one this endpoint belongs to, that the group id exists there, and that the \
         AccessKey may use it; a token may have expired or been revoked";
    OtherCode = "other-code": "MQTT 5 has this code for more than a wrong login; see its meaning";
    UndefinedCode = "undefined-code": "the code is outside MQTT 3.1.1";

    // This machine.
    ThreadLimit = "thread-limit":
        "raise the limit on processes and threads (ulimit -u; pids.max of the container or service)";
    StackLimit = "stack-limit":
        "raise the limits on processes and threads (ulimit -u; pids.max) and on address space (ulimit -v): the stack \
         is reserved, and hardly used";
    OpenFiles = "open-files":
        "this process has used up its limit of open files (ulimit -n); each connection takes three or four";
    Dns = "dns": "check this machine's DNS";

    // The way to the server.
    HostName = "host-name":
        "check the spelling of the endpoint and this machine's DNS; VPC endpoints resolve only inside their VPC";
    NothingListens = "nothing-listens":
        "nothing listens on that port: check host and port (1883 plain, 8883 TLS; WebSocket 80, 443 with TLS)";
    CheckEndpoint = "check-endpoint": "check the endpoint, the network and any firewall in between";
    CheckHost = "check-host":
        "check host, port and firewall; a VPC endpoint is reachable only inside its VPC";
    CheckNetwork = "check-network": "check the network, and what stands between here and there";
    Overloaded = "overloaded": "the server, or something on the way, takes nothing more: is it overloaded?";
    ProviderTime = "provider-time": "it runs at every connect and must finish within timeout";
    OrderedMessages = "ordered-messages": "does this instance support ordered messages?";

    // Something else answers.
    PlainPort = "plain-port":
        "is this a plain port (1883, or 80 for WebSocket)? Then the endpoint is mqtt://host:1883 or ws://host; TLS is \
         on 8883, or on 443 for WebSocket";
    TlsPort = "tls-port": "is this really a TLS port (8883)? 1883 is plain";
    TlsScheme = "tls-scheme": "a port with TLS needs mqtts://host:port";
    MqttPort = "mqtt-port": "is this really an MQTT port (1883, or 8883 for TLS)?";
    MqttPorts = "mqtt-ports": "MQTT is on port 1883, or 8883 with TLS";
    MqttScheme = "mqtt-scheme": MQTT_SCHEME;
    MqttSchemeOrVersion = "mqtt-scheme-or-version":
        format!("{MQTT_SCHEME}. An instance without MQTT 5 may answer so, too: set protocol to 3.1.1");
    WebSocketPort = "websocket-port": "is this really a WebSocket port (80, or 443 for TLS)?";
    WebSocketPorts = "websocket-ports":
        "is it a WebSocket port? WebSocket is on 80 (ws://), or 443 with TLS (wss://); 1883 and 8883 are for mqtt:// \
         and mqtts://";
    WebSocketPath = "websocket-path": "is the path right? The default is /mqtt";
    WebSocketPortAndPath = "websocket-port-and-path":
        "is this the MQTT server's WebSocket port, and is the path right? The default is /mqtt";
    WebSocketRedirect = "websocket-redirect":
        "redirects are not followed: give the address it points to as the endpoint";
    WebSocketBarred = "websocket-barred":
        "something in front of the MQTT server wants a login, or bars the way";
    WebSocketGateway = "websocket-gateway":
        "a gateway may have no MQTT server to pass this on to; try again later";
    WebSocketUpgrade = "websocket-upgrade":
        "a list with that word in it, such as \"keep-alive, Upgrade\", is right (RFC 6455, section 4.1), but the \
         WebSocket library in use refuses it: have the gateway in front of the server send \"Connection: Upgrade\"";

    // Proxies.
    ProxyOther2xx = "proxy-other-2xx":
        "this means success (RFC 9110, section 9.3.6), but the underlying proxy library accepts 200 only: configure \
         the proxy to answer 200";
    ProxyLogin = "proxy-login":
        "check user name and password: set proxy_credentials, or write them in the URL of proxy \
         (http://user:password@host:port); the only supported scheme is Basic";
    ProxyPortBarred = "proxy-port-barred":
        "many proxies allow port 443 only; have the proxy allow the host and port of the endpoint";
    ProxyBusy = "proxy-busy": "the proxy says that there are too many requests; try again later";
    ProxyUpstream = "proxy-upstream":
        "the proxy could not find or reach the server: check the endpoint; VPC endpoints resolve only inside their VPC";
    ProxyConnect = "proxy-connect": "is it an HTTP proxy that allows CONNECT?";
    NotAProxy = "not-a-proxy": "is it the host and port of an HTTP proxy?";
    ProxyClosed = "proxy-closed": "is it the host and port of an HTTP proxy, and does it allow this machine?";
    ProxySilent = "proxy-silent":
        "is it an HTTP proxy? It may be trying in vain to reach the server: check the endpoint, too";
    ProxyHostName = "proxy-host-name": "check the spelling of the proxy and this machine's DNS";
    ProxyNothingListens = "proxy-nothing-listens": "nothing listens on that port: check host and port of the proxy";
    ProxyNetwork = "proxy-network": "check the proxy, the network and any firewall in between";
    ProxyFirewall = "proxy-firewall": "check host and port of the proxy, and any firewall";

    // TLS.
    TlsVersions = "tls-versions": "this library speaks TLS 1.2 and 1.3";
    CheckClock = "check-clock": "check this machine's date and time first";
    CertificateName = "certificate-name":
        "connect by the domain name that the console shows, not by an IP address or an alias of your own";
    CertificateWithoutName = "certificate-without-name":
        "have it issued with subjectAltName; a common name (CN) alone is no longer accepted";
    UnknownIssuer = "unknown-issuer":
        "does the server send its whole chain, with the intermediate certificate, and is nothing in between \
         intercepting TLS? For a private CA, set ca_file to its certificate";
    SelfSigned = "self-signed":
        "trust it by name: set ca_file to it, or have the server use a certificate that a trusted CA has signed";
    NoIntermediate = "no-intermediate":
        "most often the server is set up without its intermediate certificate: have it send the whole chain, its own \
         certificate first (fullchain.pem). For a private CA, set ca_file to its certificate";
    UntrustedRoot = "untrusted-root":
        "is something between here and the server intercepting TLS? For a private CA, set ca_file to its certificate";
    WeakIssuer = "weak-issuer": "make a new CA with an RSA key of 2,048 bits or more, or an ECDSA key";
    WeakKey = "weak-key":
        "make a new certificate for the server, with an RSA key of 2,048 bits or more, or an ECDSA key";
    BadSignature = "bad-signature":
        "if a CA certificate was given, is it the right one of several with the same name?";
    CertificatePurpose = "certificate-purpose": "have it issued with the extended key usage serverAuth";
    OldSignature = "old-signature": "have it signed with SHA-256 or better";
    UnknownSignature = "unknown-signature":
        "have it signed with RSA (2,048 bits or more) or ECDSA, and SHA-256 or better";
    UnknownExtension = "unknown-extension":
        "have it issued without that extension, or without calling it critical";
    CaAsServer = "ca-as-server": "make a server certificate that is signed by this CA";
    CertificateVersion = "certificate-version":
        "have it issued with version 3: with openssl x509 -req, by an -extfile that has subjectAltName";
    IssuerNotCa = "issuer-not-ca": "have the issuer's certificate made with the basic constraint CA:TRUE";
    NameConstraint = "name-constraint":
        "connect by a name within the CA's name constraints, or have another CA issue the certificate";
    PathLength = "path-length":
        "have the certificate issued closer to that CA, or a path length of the CA that allows for it";
    ClientCertificate = "client-certificate":
        "the instance has mutual TLS switched on: set client_certificate_files to the device's certificate and key";
    HandshakeBroken = "handshake-broken":
        "it may require a client certificate (client_certificate_files), or have no cipher in common";
    ClientCertificateCa = "client-certificate-ca":
        "its CA must be registered and activated in the console, and the key must belong to it";
    RenewClientCertificate = "renew-client-certificate": "renew the client certificate";
    DomainBound = "domain-bound": "is the domain bound to the instance, with its own certificate?";
    NothingTrusted = "nothing-trusted": "set ca_file or ca_pem";
    SaveAsPem = "save-as-pem": "save it as UTF-8, or as PEM (Base64)";
    PemCertificate = "pem-certificate": "a PEM file has lines like -----BEGIN CERTIFICATE-----";
    PemCertificateLine = "pem-certificate-line":
        "each begins with a line that is -----BEGIN CERTIFICATE----- and nothing else";
    PemKey = "pem-key": "a PEM file has a line like -----BEGIN PRIVATE KEY-----";
    DecryptKey = "decrypt-key": "decrypt it first, for example with: openssl pkey -in FILE -out NEW_FILE";
    PemDamaged = "pem-damaged": "is the file complete and unchanged?";

    // The spool.
    DiskSlow = "disk-slow": "the disk does not respond, or is slow";
    DiskFull = "disk-full": "the disk is full: free some space";
    NoDirectory = "no-directory": "its directory must exist";
    NoWriteRight = "no-write-right": "this user needs write permission for the file and its directory";
    DiskErrors = "disk-errors": "check the system's log for errors of the disk";
    SpoolInUse = "spool-in-use":
        "one client at a time can use a spool: end the other one, or set another path; a child forked from the other \
         process holds the lock, too";
    SpoolDamaged = "spool-damaged":
        "nothing was changed and nothing is sent; move the file away to start with an empty spool, or set \
         set_aside_damaged; the messages in it are not sent then";
    SpoolOfAnother = "spool-of-another":
        "use a separate spool for each instance and endpoint; the messages in this one are sent by a client with its \
         instance and endpoint";
    SpoolNewer = "spool-newer":
        "it was written by a newer version: use that one, at least until it has sent these messages";

    // The API.
    ApiRegion = "api-region": "set region, such as cn-hangzhou";
    ApiVpc = "api-vpc": "vpc chooses between the addresses of a region: set region or endpoint, not both";
    ApiLifetime = "api-lifetime": "set lifetime instead";
    ApiOneOfEachKind = "api-one-of-each-kind": "a client holds one of each kind; join their topics";
    ApiUrlLength = "api-url-length":
        "the API takes parameters in the URL, where a letter of Chinese takes 9 bytes; send large messages by MQTT \
         instead";
    ApiUrl = "api-url": "is the URL that of the API?";
    ApiUrlOrProxy = "api-url-or-proxy": "is the URL the one of the API, and is there a proxy in between?";
    ApiUrlOrLogin = "api-url-or-login": "the URL is not that of the API, or a proxy requires a login";
    ApiNotJson = "api-not-json":
        "this is not the API; is the URL right, and is there a proxy or a login page in between?";
    ApiLost = "api-lost": "if it is lost each time: is the URL the one of the API, with the right scheme and port?";
    ApiHostName = "api-host-name":
        "check the region or URL and this machine's DNS; VPC endpoints resolve only inside their VPC";
    ApiNothingListens = "api-nothing-listens": "nothing listens on that port: check host and port";
    ApiNetwork = "api-network": "check the URL, the network and any firewall in between";
    ApiHttpsPort = "api-https-port": "is this really an HTTPS port (443)?";
    ApiPlainPort = "api-plain-port": "is it a plain port? https is on 443";
    ApiProxySilent = "api-proxy-silent":
        "is it an HTTP proxy? It may be trying in vain to reach the server";
    ApiTokenRate = "api-token-rate":
        "an account may apply for 100 tokens a second; keep a token until it expires instead of applying at each \
         connect";
    ApiRate = "api-rate": "there are too many calls of this account (RevokeToken: 5 a second, most others 100 to 500)";
    ApiNotSupported = "api-not-supported": "this region or kind of instance does not offer the operation";
    ApiTemporaryKey = "api-temporary-key":
        "the account of the temporary key (STS) was not found; do key and security token belong together?";
    ApiInstanceRights { action: String } = "api-instance-rights":
        format!(
            "the instance must exist in this region and belong to the account, and a RAM user needs the permissions \
             mq:MqttInstanceAccess and mq:{action}"
        );
    ApiRights { action: String } = "api-rights":
        format!(
            "instance, topic and group must exist and belong to the account, and a RAM user needs the permissions \
             mq:MqttInstanceAccess and mq:{action}"
        );
    ApiParameter = "api-parameter": "a parameter is missing or wrong";
    ApiParameterOrName = "api-parameter-or-name":
        "a parameter is missing or wrong; do the instance, topic and group exist in this region?";
    ApiAccessKeyId = "api-access-key-id":
        "the service does not know this AccessKey id: it is misspelled, deleted, or a temporary one (STS) that has \
         expired";
    ApiClock = "api-clock": "requests are valid for minutes only; is this machine's clock right?";
    /// `amount`, such as "6 min", that this machine's clock is `ahead` or behind. `also`: the usual cause of the code
    /// that came with it.
    ApiClockSkew { amount: String, ahead: bool, also: Option<Box<Hint>> } = "api-clock-skew": {
        let direction = if *ahead { "ahead of" } else { "behind" };
        let also = also.as_ref().map(|also| format!("; {}", also.text())).unwrap_or_default();
        format!(
            "this machine's clock is {amount} {direction} the server's, and requests carry the time; set the clock\
             {also}"
        )
    };
    ApiRepeated = "api-repeated": "something repeats requests on their way; is there a proxy?";
    ApiFault = "api-fault": "the service itself failed; try again later";
    ApiWrongSecret = "api-wrong-secret": "both sides signed the same text, so the AccessKey secret is wrong";
    ApiChangedRequest = "api-changed-request":
        "the server signed another text than this side, so something changes requests on their way; is there a proxy?";
    ApiSecretOfKey = "api-secret-of-key": "is this the secret of this AccessKey id?";
}

const PUBLISH_CUT: &str = "the service cuts the connection when a topic's parent does not exist, when the AccessKey, \
                           token or device has no right to it, or when a message is too large";

const MQTT_SCHEME: &str = "is it an MQTT port, and the right kind? TLS needs mqtts://host:port, and a WebSocket ws:// \
                           or wss://; without a scheme only port 8883 means TLS";

fn raise_payload_len(size: usize) -> String {
    format!("raise payload_len (ALIYUN_MQTT_MAX_PAYLOAD), which raises packet_len with it, to at least {size}")
}

/// Which of the forms a text has, if it depends on something that is there or not: one bit for each such parameter.
#[cfg(test)]
pub(crate) struct Form(u32);

/// Makes a parameter of a hint for [`Hint::samples`].
#[cfg(test)]
pub(crate) trait Sample {
    fn sample(form: &mut Form) -> Self;
}

#[cfg(test)]
impl Sample for usize {
    fn sample(_: &mut Form) -> Self {
        70_000
    }
}

#[cfg(test)]
impl Sample for &'static str {
    fn sample(_: &mut Form) -> Self {
        "SAMPLE"
    }
}

#[cfg(test)]
impl Sample for String {
    fn sample(_: &mut Form) -> Self {
        "SAMPLE".to_string()
    }
}

#[cfg(test)]
impl Sample for bool {
    fn sample(form: &mut Form) -> Self {
        let is = form.0 & 1 == 1;
        form.0 >>= 1;
        is
    }
}

#[cfg(test)]
impl Sample for Option<Box<Hint>> {
    fn sample(form: &mut Form) -> Self {
        bool::sample(form).then(|| Box::new(Hint::ApiFault))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_are_unique_and_in_kebab_case() {
        let distinct: BTreeSet<_> = Hint::KEYS.iter().collect();
        assert_eq!(distinct.len(), Hint::KEYS.len(), "each key once");
        for key in Hint::KEYS {
            let word = |word: &str| {
                !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.')
            };
            assert!(key.split('-').all(word), "{key}");
        }
    }

    #[test]
    fn samples_have_all_keys_and_all_forms() {
        let samples = Hint::samples();
        let keys: BTreeSet<_> = samples.iter().map(Hint::key).collect();
        assert_eq!(keys, Hint::KEYS.iter().copied().collect());
        let texts: BTreeSet<_> = samples.iter().map(|hint| hint.text().into_owned()).collect();
        assert!(texts.iter().filter(|text| text.contains("clock is SAMPLE")).count() == 4, "{texts:?}");
    }

    #[test]
    fn a_parameter_changes_the_text_and_not_the_key() {
        let (small, large) = (Hint::RaisePayloadLen { size: 1 }, Hint::RaisePayloadLen { size: 2 });
        assert_eq!((small.key(), large.key()), ("raise-payload-len", "raise-payload-len"));
        assert_ne!(small.text(), large.text());
        let clock = |also| Hint::ApiClockSkew { amount: "1 h".to_string(), ahead: true, also };
        let both = clock(Some(Box::new(Hint::ApiFault)));
        assert_eq!(both.key(), clock(None).key());
        assert!(both.text().starts_with(&*clock(None).text()) && both.text().ends_with(&*Hint::ApiFault.text()));
    }
}
