//! The texts about a cause, and the list of all causes.

use crate::exit::Exit;
use crate::lang::Text;

/// Everything about one cause.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cause: Cause,
    pub(super) id: &'static str,
    /// The exit code of the program if this is its first failure.
    pub(super) exit: Exit,
    pub(super) text: Text,
    pub(super) cure: Text,
    /// The cure where the server, or the API, is on this machine, as an emulator is.
    pub(super) here: Option<Text>,
}

pub(super) const fn row(cause: Cause, id: &'static str, exit: Exit, text: &'static str, cure: &'static str) -> Row {
    Row { cause, id, exit, text: Text::of(text), cure: Text::of(cure), here: None }
}

impl Row {
    pub(super) const fn here(self, cure: &'static str) -> Row {
        Row { here: Some(Text::of(cure)), ..self }
    }
}

macro_rules! causes {
    ($($name:ident)*) => {
        /// Why a step failed or gives a warning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::commands::doctor) enum Cause { $($name),* }

        pub(super) const COUNT: usize = [$(Cause::$name),*].len();
    };
}

// In the order of the rows, which the compiler checks below.
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
    NoKeyFound
    TokenMalformed

    DnsNoSuchName
    DnsVpcName
    DnsUnavailable
    DnsSilent
    TcpRefused
    NothingHere
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
