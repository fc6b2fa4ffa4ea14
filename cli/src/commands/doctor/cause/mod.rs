//! The causes that are told apart: what each is called, what it means, and its cure in the words of the service's console.

mod answers;
mod api;
mod login;
mod messages;
mod network;
mod settings;

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
    cause: Cause,
    id: &'static str,
    /// For a failure with this cause.
    exit: Exit,
    text: &'static str,
    cure: &'static str,
}

const fn row(cause: Cause, id: &'static str, exit: Exit, text: &'static str, cure: &'static str) -> Row {
    Row { cause, id, exit, text, cure }
}

macro_rules! causes {
    ($($name:ident)*) => {
        /// Why a step failed or warns.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Cause { $($name),* }

        const COUNT: usize = [$(Cause::$name),*].len();
    };
}

// In the order of the rows below, which is checked when this is compiled.
causes! {
    SettingMissing
    SettingWrong
    EndpointMalformed
    EndpointOfApi
    EndpointOfServerSdk
    EndpointIsAddress
    NotEncrypted
    InstanceNotOfEndpoint
    GroupIdMalformed
    DeviceIdMalformed
    ClientIdTooLong
    DeviceIdMissing
    TopicMalformed
    TopicTooLong
    TopicLong
    SecretUnreadable
    SecretMarked
    DeviceKeyInSignature
    AccountKeyInDevice
    StsInSignature
    TokenMalformed

    DnsNoSuchName
    DnsVpcName
    DnsUnavailable
    DnsSilent
    TcpRefused
    TcpSilent
    TcpUnreachable
    TlsUntrustedIssuer
    TlsChainIncomplete
    TlsSelfSigned
    TlsVersion1
    TlsNoNames
    TlsWeakKey
    TlsOldSignature
    TlsWrongPurpose
    TlsIssuerNotAllowed
    TlsExpired
    TlsNotYetValid
    TlsNameMismatch
    TlsCertificateBad
    TlsExpiresSoon
    TlsToPlainPort
    TlsClosed
    TlsSilent
    TlsNoCommonVersion
    TlsClientCertificate
    CaFileUnusable
    ClockWrong
    ClockOff

    PlainToTlsPort
    PlainToWebSocketPort
    WebSocketToMqttPort
    WebSocketNotAllowed
    WebSocketRedirected
    WebSocketUpgradeLost
    WebSocketNoServer
    WebSocketWithoutMqtt
    WebSocketBroken
    WebSocketRefused
    HttpInsteadOfMqtt
    HttpProxy
    ProxyUnreachable
    ProxySilent
    ProxyRefused
    CaptivePortal
    AmqpInsteadOfMqtt
    NotMqtt
    ConnackSilent
    ConnectionClosed
    ConnectionCut

    ClientIdInUse
    ClientIdConflict
    MqttVersionRefused
    ClientIdRefused
    ServiceUnavailable
    AccessKeyUnknown
    AccessKeySecretWrong
    InstanceUnknown
    GroupNotCreated
    SignatureNotTaken
    PasswordRefused
    NotAuthorized
    DeviceCredentialMissing
    DeviceCredentialReplaced
    DeviceSecretWrong
    TokenDead
    TokenOfOtherKey

    SubscribeRefused
    PublishRefused
    TopicNotCreated
    SubscribeNotPermitted
    PublishNotPermitted
    TopicOrPermission
    TokenForged
    TokenExpired
    TokenRevoked
    TokenOtherTopic
    TokenWrongKind
    TokenSignature
    TokenAccount
    NoAcknowledgement
    MessageNotBack
    P2pNotArriving

    ApiUnreachable
    ApiSilent
    ApiTls
    ApiNotApi
    ApiThrottled
    ApiNoPermission
    ApiNotSupported
    ApiFaulty
    ApiRefused
    SecurityTokenWrong

    Unexplained
}

/// The rows by theme, in the order of [`Cause`].
const THEMES: [&[Row]; 7] =
    [settings::ROWS, network::ROWS, answers::ROWS, login::ROWS, messages::ROWS, api::ROWS, REST];

/// What is left when none of the others fits.
const REST: &[Row] = &[row(
    Cause::Unexplained,
    "unexplained",
    Exit::Failure,
    "none of the known causes fits",
    "see the message; --log debug shows more",
)];

/// Each cause has its row, at its place.
const _: () = {
    let (mut theme, mut count) = (0, 0);
    while theme < THEMES.len() {
        let mut at = 0;
        while at < THEMES[theme].len() {
            assert!(THEMES[theme][at].cause as usize == count, "a row that is not at the place of its cause");
            (at, count) = (at + 1, count + 1);
        }
        theme += 1;
    }
    assert!(count == COUNT, "a cause without a row");
};

impl Cause {
    fn rows() -> impl Iterator<Item = &'static Row> {
        THEMES.into_iter().flatten()
    }

    fn row(self) -> &'static Row {
        Cause::rows().nth(self as usize).expect("each cause has its row")
    }

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
        for Row { id, exit, text, cure, .. } in Cause::rows() {
            let [text, cure] = [text, cure].map(|text| text.replace('|', "\\|"));
            page.push_str(&format!("| `{id}` | {} | {text} | {cure} |\n", *exit as u8));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_name_of_its_own() {
        let causes: Vec<Cause> = Cause::rows().map(|row| row.cause).collect();
        for (index, cause) in causes.iter().enumerate() {
            let id = cause.id();
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{id}");
            assert!(!causes[..index].iter().any(|other| other.id() == id), "{id}");
            assert!(!cause.text().is_empty() && !cause.cure().is_empty(), "{id}");
            assert!(!matches!(cause.exit(), Exit::Ok | Exit::Interrupted), "{id}");
        }
    }
}
