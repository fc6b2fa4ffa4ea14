/*
 * aliyun-mqtt: a blocking client for Alibaba Cloud ApsaraMQ for MQTT.
 *
 * Objects. Each type is opaque. Who gets an object from a function frees it with the type's _free function, once; NULL
 * is allowed there. Freeing an object twice, or using it after that, is a fault of the program, as with free().
 *
 * Text. What goes in is a pointer and a length in bytes: UTF-8 without NUL characters. AMQ_NTS as the length takes a
 * text up to its NUL; AMQ_TEXT("...") is a literal with its length. What comes out is valid until the object that it
 * belongs to is freed; a NUL follows it. Payloads are a pointer and a length, any bytes. Everything is copied.
 *
 * Status and errors. Functions that can fail return an amq_status. Their last parameter, error, may be NULL. If the
 * call fails (a negative status), *error is a new object that the caller frees; otherwise *error is NULL.
 *
 * Timeouts are milliseconds. AMQ_TIMEOUT_DEFAULT is the configured one, 0 does not wait, and AMQ_TIMEOUT_NONE, as long
 * as it takes, is for receiving and for waiting on a delivery only.
 *
 * Threads. Functions block the calling thread only. Unless its type says otherwise, an object may be used by any number
 * of threads at the same time, but not while one of them frees it.
 *
 * Callbacks are called on threads of the library, never under a lock, and may call every function. Each has a user
 * pointer and a destructor, which is called exactly once, when the pointer is not used any more. A callback must not
 * end its thread, nor leave by longjmp or a C++ exception. Nothing needs callbacks: everything works by plain calls.
 *
 * Forks. In a child of fork(), the parent's clients, subscriptions, deliveries, event listeners and APIs, and
 * the acknowledgement of its messages, fail with AMQ_KIND_FORKED at once, and freeing them returns at once. Values stay
 * usable: configurations, credentials, tokens, messages to send, and the texts of messages and errors. Callbacks for
 * credentials that the parent has registered are called in the child, too, but not their destructors. A client made in
 * the child works.
 */


#ifndef ALIYUN_MQTT_H
#define ALIYUN_MQTT_H


#define ALIYUN_MQTT_MAJOR 0
#define ALIYUN_MQTT_MINOR 1
#define ALIYUN_MQTT_PATCH 0


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** As the length of a text: it ends with a NUL character. */
#define AMQ_NTS ((size_t)-1)

/** A literal as two arguments: pointer and length. */
#define AMQ_TEXT(literal) (literal), (sizeof(literal) - 1)


/**
 * As a timeout: the one that the configuration has (30,000 ms unless it was set).
 */
#define AMQ_TIMEOUT_DEFAULT -2

/**
 * As a timeout: as long as it takes. Only for calls that receive or wait for a delivery.
 */
#define AMQ_TIMEOUT_NONE -1

/**
 * The version of this interface that the header describes. It is the number in the library's soname, and grows when a
 * program that was built before could no longer run.
 */
#define AMQ_ABI_VERSION 1

/**
 * The result of a call. 0: done. Positive: nothing failed, but there is nothing to return. Negative: the call failed,
 * and `*error`, if an `error` was given, is a new error object that the caller frees with amq_error_free. In the other
 * cases `*error` is set to NULL. Numbers never change their meaning; later versions may add some.
 *
 */
typedef enum amq_status {
    /**
     * Done.
     */
    AMQ_OK = 0,
    /**
     * The timeout of this wait passed, and nothing has failed: no message or event came, or the delivery is not
     * settled yet. The call can be repeated.
     */
    AMQ_TIMEOUT = 1,
    /**
     * There will be nothing more, since this program has disconnected or closed the client.
     */
    AMQ_END = 2,
    /**
     * The call failed; the error object says why.
     */
    AMQ_ERROR = -1,
    /**
     * The call failed because a deadline passed. The error object has the stage and, for a message, its fate.
     */
    AMQ_ERROR_TIMEOUT = -2,
    /**
     * An argument cannot be used: NULL, a wrong length, invalid UTF-8, a NUL character within a text, or a number that
     * has no meaning. Nothing was done. The error object names the argument.
     */
    AMQ_ERROR_MISUSE = -3,
    /**
     * A fault in this library. Please report it. The error object has what is known.
     */
    AMQ_ERROR_PANIC = -4,
} amq_status;

/**
 * The kind of an error. Numbers never change their meaning; later versions may add some.
 */
typedef enum amq_kind {
    /**
     * A kind that this version of the interface has no number for.
     */
    AMQ_KIND_OTHER = 0,
    /**
     * A setting is missing or invalid; nothing was tried.
     */
    AMQ_KIND_CONFIG = 1,
    /**
     * An argument breaks a rule of MQTT or of the service (topic, filter, payload, client id); nothing was sent.
     */
    AMQ_KIND_INVALID = 2,
    /**
     * No credentials were obtained: a callback failed or took too long.
     */
    AMQ_KIND_CREDENTIALS = 3,
    /**
     * A deadline passed; amq_error_stage says where.
     */
    AMQ_KIND_TIMEOUT = 4,
    /**
     * The host name could not be resolved.
     */
    AMQ_KIND_RESOLVE = 5,
    /**
     * No TCP connection could be made.
     */
    AMQ_KIND_CONNECT = 6,
    /**
     * The HTTP proxy refused to make the connection, or the other side is not a proxy.
     */
    AMQ_KIND_PROXY = 7,
    /**
     * The TLS handshake failed: an untrusted or expired certificate, a wrong name, or no TLS on that port.
     */
    AMQ_KIND_TLS = 8,
    /**
     * The server refused CONNECT; amq_error_code is the CONNACK code.
     */
    AMQ_KIND_REFUSED = 9,
    /**
     * The server does not speak MQTT (or the API's server HTTP), or breaks its rules.
     */
    AMQ_KIND_PROTOCOL = 10,
    /**
     * The connection was lost or closed by the other side.
     */
    AMQ_KIND_CONNECTION_LOST = 11,
    /**
     * The server refused this very operation; amq_error_code is the code.
     */
    AMQ_KIND_REJECTED = 12,
    /**
     * The operation was probably refused: the server closed the connection every time it was sent. The service does
     * that when the permission is missing.
     */
    AMQ_KIND_SUSPECTED_REFUSAL = 13,
    /**
     * The service reported the client's token as invalid, and there is no callback to ask for another.
     */
    AMQ_KIND_TOKEN_INVALID = 14,
    /**
     * The API answered with an error.
     */
    AMQ_KIND_API = 15,
    /**
     * There is no room: the outbox is at its bound, or the publish rate leaves no slot now.
     */
    AMQ_KIND_FULL = 16,
    /**
     * The spool's file cannot be used.
     */
    AMQ_KIND_SPOOL = 17,
    /**
     * This program closed, disconnected or freed the client.
     */
    AMQ_KIND_CLOSED = 18,
    /**
     * Some messages accepted earlier were not delivered (from amq_client_flush and amq_client_disconnect);
     * amq_error_undelivered is their number.
     */
    AMQ_KIND_UNDELIVERED = 19,
    /**
     * The object was made in another process, before a fork.
     */
    AMQ_KIND_FORKED = 20,
    /**
     * A fault in this library or one of its dependencies. Please report it.
     */
    AMQ_KIND_INTERNAL = 21,
    /**
     * An argument of the call cannot be used (AMQ_ERROR_MISUSE).
     */
    AMQ_KIND_MISUSE = 22,
} amq_kind;

/**
 * The fate of a message that was not acknowledged, or of a request that was not answered.
 */
typedef enum amq_fate {
    /**
     * The error is not about a message.
     */
    AMQ_FATE_NONE = 0,
    /**
     * It was never written to a connection: sending it again cannot duplicate it.
     */
    AMQ_FATE_NOT_SENT = 1,
    /**
     * It was written but not acknowledged: it may have been delivered.
     */
    AMQ_FATE_UNKNOWN = 2,
    /**
     * The service refused it, or probably did.
     */
    AMQ_FATE_REFUSED = 3,
    /**
     * The server has the request, but no reply arrived.
     */
    AMQ_FATE_DELIVERED = 4,
    /**
     * This run has not delivered it, but it stays in the spool, and the next run sends it: do not send it again
     * yourself.
     */
    AMQ_FATE_SPOOLED = 5,
    /**
     * A fate that this version of the interface has no number for: treat it as AMQ_FATE_UNKNOWN.
     */
    AMQ_FATE_OTHER = 6,
} amq_fate;

/**
 * The stage of a call in which an error occurred.
 */
typedef enum amq_stage {
    /**
     * Stages have no meaning for this error.
     */
    AMQ_STAGE_NONE = 0,
    /**
     * Waiting for a credentials callback.
     */
    AMQ_STAGE_CREDENTIALS = 1,
    /**
     * Resolving the host name.
     */
    AMQ_STAGE_RESOLVE = 2,
    /**
     * Making the TCP connection.
     */
    AMQ_STAGE_CONNECT = 3,
    /**
     * Waiting for the HTTP proxy.
     */
    AMQ_STAGE_PROXY = 4,
    /**
     * The TLS handshake.
     */
    AMQ_STAGE_TLS = 5,
    /**
     * Waiting for the answer to CONNECT.
     */
    AMQ_STAGE_CONNACK = 6,
    /**
     * Waiting for room: in the outbox, in the window of unacknowledged messages, or in the publish rate.
     */
    AMQ_STAGE_WINDOW = 7,
    /**
     * Waiting for the server's acknowledgement of an operation that was sent.
     */
    AMQ_STAGE_ACK = 8,
    /**
     * Waiting for the reply to a request that the server has.
     */
    AMQ_STAGE_REPLY = 9,
    /**
     * Using the disk to store a message.
     */
    AMQ_STAGE_SPOOL = 10,
    /**
     * Waiting for the service's API, with the request on its way.
     */
    AMQ_STAGE_API = 11,
    /**
     * A stage that this version of the interface has no number for.
     */
    AMQ_STAGE_OTHER = 12,
} amq_stage;

/**
 * The kind of an event. Numbers never change their meaning; later versions may add some.
 */
typedef enum amq_event_kind {
    /**
     * A kind that this version of the interface has no number for.
     */
    AMQ_EVENT_KIND_OTHER = 0,
    /**
     * A connection is ready for messages: session_present, number.
     */
    AMQ_EVENT_KIND_CONNECTED = 1,
    /**
     * The connection was lost, or an attempt to make one failed: reason, retry_in.
     */
    AMQ_EVENT_KIND_DISCONNECTED = 2,
    /**
     * A notice of the service: notice_kind and what belongs to it.
     */
    AMQ_EVENT_KIND_NOTICE = 3,
    /**
     * A subscription could not be restored and was given up: filter, reason.
     */
    AMQ_EVENT_KIND_SUBSCRIPTION_LOST = 4,
    /**
     * The service refuses a topic as a whole; messages to it are refused for a time: topic, retry_in, reason.
     */
    AMQ_EVENT_KIND_TOPIC_REFUSED = 5,
    /**
     * The service has accepted a new token: token_kind, expires.
     */
    AMQ_EVENT_KIND_TOKEN_RENEWED = 6,
    /**
     * There is no new token, or the service did not accept it: reason, retry_in.
     */
    AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED = 7,
    /**
     * The spool's file was damaged and was renamed: path, reason. Kept for the first listener.
     */
    AMQ_EVENT_KIND_SPOOL_SET_ASIDE = 8,
    /**
     * A message above the limit was acknowledged and discarded: topic, size, reason.
     */
    AMQ_EVENT_KIND_MESSAGE_SET_ASIDE = 9,
    /**
     * The inbox is full.
     */
    AMQ_EVENT_KIND_INBOX_FULL = 10,
    /**
     * A message that is not acknowledged holds back later acknowledgements: topic, taken, held_back.
     */
    AMQ_EVENT_KIND_ACKS_HELD_BACK = 11,
    /**
     * The client has ended; always the last event: reason (AMQ_KIND_CLOSED if this program has ended it), untaken and
     * the topic of the first untaken message, unsent_acks.
     */
    AMQ_EVENT_KIND_ENDED = 12,
} amq_event_kind;

/**
 * The permission of a token.
 */
typedef enum amq_token_kind {
    /**
     * There is no token, or its kind is not known.
     */
    AMQ_TOKEN_KIND_NONE = 0,
    /**
     * "R": to subscribe.
     */
    AMQ_TOKEN_KIND_READ = 1,
    /**
     * "W": to publish.
     */
    AMQ_TOKEN_KIND_WRITE = 2,
    /**
     * "RW": both.
     */
    AMQ_TOKEN_KIND_READ_WRITE = 3,
} amq_token_kind;

/**
 * The kind of a notice of the service.
 */
typedef enum amq_notice_kind {
    /**
     * The event is no notice.
     */
    AMQ_NOTICE_KIND_NONE = 0,
    /**
     * A token expires soon: expires, token_kind.
     */
    AMQ_NOTICE_KIND_TOKEN_EXPIRE = 1,
    /**
     * A token is not accepted, and the service is about to close the connection: notice_code, token_kind.
     */
    AMQ_NOTICE_KIND_TOKEN_INVALID = 2,
    /**
     * A notice that could not be understood: topic, notice_payload.
     */
    AMQ_NOTICE_KIND_OTHER = 3,
} amq_notice_kind;

/**
 * The quality of service of a message or subscription.
 */
typedef enum amq_qos {
    /**
     * Sent once, without an acknowledgement.
     */
    AMQ_QOS_AT_MOST_ONCE = 0,
    /**
     * Acknowledged; may arrive more than once.
     */
    AMQ_QOS_AT_LEAST_ONCE = 1,
    /**
     * Arrives exactly once as long as the server keeps the session.
     */
    AMQ_QOS_EXACTLY_ONCE = 2,
} amq_qos;

/**
 * A version of MQTT: the protocol level of CONNECT.
 */
typedef enum amq_protocol {
    /**
     * MQTT 3.1.1, which every instance of the service supports.
     */
    AMQ_PROTOCOL_V3_1_1 = 4,
    /**
     * MQTT 5.
     */
    AMQ_PROTOCOL_V5 = 5,
} amq_protocol;

/**
 * When a received QoS 1 or 2 message is acknowledged. The server keeps the message until then. The service sends it
 * again after 5 to 10 s without an acknowledgement.
 */
typedef enum amq_ack_mode {
    /**
     * When the program takes it (amq_client_recv, amq_subscription_recv). Messages that were received but not taken
     * are delivered again after a crash.
     */
    AMQ_ACK_MODE_ON_TAKE = 0,
    /**
     * When it arrives. This gives the fewest duplicates, but a crash loses the messages that were not taken yet.
     */
    AMQ_ACK_MODE_ON_ARRIVAL = 1,
    /**
     * When the program calls amq_message_ack.
     */
    AMQ_ACK_MODE_MANUAL = 2,
} amq_ack_mode;

/**
 * A limit of the service, or a bound of the client's queues. The defaults are those of ordinary instances; Platinum
 * instances can have some of them raised. A limit that is too high only moves the refusal to the service, which closes
 * the connection instead of returning an error. Sources: help pages "Limits" and "MQTT 5.0 overview".
 */
typedef enum amq_limit {
    /**
     * Longest client id: 1 to 65,535 characters. Default 64.
     */
    AMQ_LIMIT_CLIENT_ID_LEN = 0,
    /**
     * Longest topic or filter: 1 to 65,535 characters. Default 128.
     */
    AMQ_LIMIT_TOPIC_LEN = 1,
    /**
     * Largest payload to send: 1 to 209,715,200 bytes. Default 65,536. Raising it also raises AMQ_LIMIT_PACKET_LEN.
     */
    AMQ_LIMIT_PAYLOAD_LEN = 2,
    /**
     * Most filters of one client: at least 1. Default 30. The service accepts more, but sends nothing for them.
     */
    AMQ_LIMIT_FILTERS = 3,
    /**
     * Largest packet from the server that reaches the program: 1 to 268,435,455 bytes. Default 262,144. A larger one
     * is acknowledged and discarded, with an event.
     */
    AMQ_LIMIT_PACKET_LEN = 4,
    /**
     * Most messages and requests accepted for sending and not settled: at least 1. Default 10,000.
     */
    AMQ_LIMIT_OUTBOX_MESSAGES = 5,
    /**
     * Most memory of those: at least 1 byte. Default 67,108,864.
     */
    AMQ_LIMIT_OUTBOX_BYTES = 6,
    /**
     * Most received messages held until the program takes them: at least 1. Default 10,000.
     */
    AMQ_LIMIT_INBOX_MESSAGES = 7,
    /**
     * Most memory of those: at least 1 byte. Default 67,108,864.
     */
    AMQ_LIMIT_INBOX_BYTES = 8,
} amq_limit;

/**
 * When messages in the spool are synced to the disk. All of them survive the end of the process, kill -9 included; the
 * choices differ in what a power cut or a crash of the system does.
 */
typedef enum amq_spool_sync {
    /**
     * Before a message counts as accepted; concurrent callers share one sync. A power cut loses nothing, provided that
     * the disk honours syncs.
     */
    AMQ_SPOOL_SYNC_EACH = 0,
    /**
     * At an interval. A power cut loses the messages accepted since the last sync, and may leave a damaged file.
     */
    AMQ_SPOOL_SYNC_INTERVAL = 1,
    /**
     * When the system decides. A power cut loses the messages of about the last half minute, and may leave a damaged
     * file.
     */
    AMQ_SPOOL_SYNC_SYSTEM = 2,
} amq_spool_sync;

/**
 * A counter or gauge of a client. Counters begin at 0 when the client is made.
 */
typedef enum amq_stat {
    /**
     * Connections made (CONNACKs with code 0).
     */
    AMQ_STAT_CONNECTIONS = 0,
    /**
     * Messages accepted for sending.
     */
    AMQ_STAT_PUBLISHED = 1,
    /**
     * QoS 1 and 2 messages acknowledged by the server.
     */
    AMQ_STAT_ACKNOWLEDGED = 2,
    /**
     * Messages and requests sent again on a later connection.
     */
    AMQ_STAT_RETRANSMITTED = 3,
    /**
     * Messages put into the inbox.
     */
    AMQ_STAT_RECEIVED = 4,
    /**
     * Redeliveries that were recognised and not queued again.
     */
    AMQ_STAT_REDELIVERED = 5,
    /**
     * Replies given to the requests that waited for them.
     */
    AMQ_STAT_REPLIES = 6,
    /**
     * Replies, including repetitions, that no request waited for any longer. They were dropped.
     */
    AMQ_STAT_LATE_REPLIES = 7,
    /**
     * QoS 0 messages dropped because the inbox was full.
     */
    AMQ_STAT_DROPPED_FULL = 8,
    /**
     * QoS 1 and 2 messages neither queued nor acknowledged because the inbox was full. The server sends them again.
     */
    AMQ_STAT_REFUSED_FULL = 9,
    /**
     * Messages above AMQ_LIMIT_PACKET_LEN, acknowledged and discarded.
     */
    AMQ_STAT_SET_ASIDE = 10,
    /**
     * Messages refused without being sent, since the service refuses their topic.
     */
    AMQ_STAT_REFUSED_TOPIC = 11,
    /**
     * Messages and requests in the outbox: accepted and not settled.
     */
    AMQ_STAT_OUTBOX_MESSAGES = 12,
    /**
     * Memory of the outbox, in bytes, without the copies that the connection holds of messages in flight.
     */
    AMQ_STAT_OUTBOX_BYTES = 13,
    /**
     * The window: how many messages and requests may be unacknowledged at this moment. It grows on a long line
     * (amq_config_set_max_window), and is 1 while the client searches for a message that makes the server close
     * connections.
     */
    AMQ_STAT_WINDOW = 14,
    /**
     * Records in the spool's file, including those of settled messages that are not removed yet. 0 without a spool.
     */
    AMQ_STAT_SPOOLED_MESSAGES = 15,
    /**
     * Size of these records, in bytes, as amq_config_set_spool counts them.
     */
    AMQ_STAT_SPOOLED_BYTES = 16,
    /**
     * Requests that wait for their reply.
     */
    AMQ_STAT_WAITING_REQUESTS = 17,
    /**
     * Messages in the inbox.
     */
    AMQ_STAT_INBOX_MESSAGES = 18,
    /**
     * Memory of the inbox, in bytes.
     */
    AMQ_STAT_INBOX_BYTES = 19,
    /**
     * Received messages that are not acknowledged on the wire yet.
     */
    AMQ_STAT_UNACKNOWLEDGED = 20,
    /**
     * Unacknowledged messages whose acknowledgement was given, but waits for that of an earlier message:
     * acknowledgements are sent in the order of receipt.
     */
    AMQ_STAT_HELD_BACK = 21,
    /**
     * Messages in the inbox when the client ended, which the program had not taken by then. 0 before the end.
     */
    AMQ_STAT_UNTAKEN = 22,
    /**
     * Threads of this process, of any client, that were left behind in a call of the operating system, such as a name
     * lookup or a blocked write. Each ends when its call returns.
     */
    AMQ_STAT_STRANDED_WORKERS = 23,
} amq_stat;

/**
 * The modes of amq_credentials_from_env.
 */
typedef enum amq_auth_mode {
    /**
     * The mode that ALIYUN_MQTT_AUTH names: "signature", "token", "device" or "chain". If it is not set: chain mode
     * without a key, token mode with a temporary key, otherwise signature mode.
     */
    AMQ_AUTH_MODE_ENVIRONMENT = 0,
    /**
     * ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET.
     */
    AMQ_AUTH_MODE_SIGNATURE = 1,
    /**
     * ALIBABA_CLOUD_ACCESS_KEY_ID and ALIYUN_MQTT_TOKEN. Without that token, the library applies for one for
     * everything below ALIYUN_MQTT_TOPIC and renews it.
     */
    AMQ_AUTH_MODE_TOKEN = 2,
    /**
     * ALIYUN_MQTT_DEVICE_ACCESS_KEY_ID and ALIYUN_MQTT_DEVICE_ACCESS_KEY_SECRET.
     */
    AMQ_AUTH_MODE_DEVICE = 3,
    /**
     * The first key that the SDKs of Alibaba Cloud would find: in the environment, their files, the role of an OIDC
     * token, or the RAM role of the machine. A permanent one signs the login; with a temporary one, the library
     * applies for tokens as in token mode, and renews key and tokens.
     */
    AMQ_AUTH_MODE_CHAIN = 4,
} amq_auth_mode;

/**
 * The level of a log record.
 */
typedef enum amq_log_level {
    /**
     * Nothing.
     */
    AMQ_LOG_LEVEL_OFF = 0,
    /**
     * Faults.
     */
    AMQ_LOG_LEVEL_ERROR = 1,
    /**
     * Lost connections, refusals, a full inbox, and other things to look at.
     */
    AMQ_LOG_LEVEL_WARN = 2,
    /**
     * Connects and notices.
     */
    AMQ_LOG_LEVEL_INFO = 3,
    /**
     * Details.
     */
    AMQ_LOG_LEVEL_DEBUG = 4,
    /**
     * Everything. The crates below this library show secrets at this level.
     */
    AMQ_LOG_LEVEL_TRACE = 5,
} amq_log_level;

/**
 * The signatures of requests.
 */
typedef enum amq_signing {
    /**
     * ACS3-HMAC-SHA256, as in the official SDK.
     */
    AMQ_SIGNING_V3 = 3,
    /**
     * The older RPC signature, HMAC-SHA1.
     */
    AMQ_SIGNING_V2 = 2,
} amq_signing;

/**
 * The API of one instance, with the AccessKey to use. Any thread may use it. Meant for your own servers.
 */
typedef struct amq_api amq_api;

/**
 * The settings of an API. One thread at a time may set or use it. Values are checked by amq_api_new.
 */
typedef struct amq_api_config amq_api_config;

/**
 * A call of an API operation by its name, for operations without a function of their own. One thread at a time may
 * change it. The common parameters (version, time, signature) are added. The instance id is not, because not every
 * operation has one: amq_call_add_parameter(call, "InstanceId", ...).
 */
typedef struct amq_call amq_call;

/**
 * A client. Any number of threads may use it at the same time, also while another one receives.
 */
typedef struct amq_client amq_client;

/**
 * Ends the waits of a client from any thread. It does not keep the client alive, and may be used and freed after it.
 */
typedef struct amq_closer amq_closer;

/**
 * The settings of a client. One thread at a time may set or use it. A client keeps a copy, so it may be freed or
 * changed once the client is connected, and serves any number of clients. Ranges are checked when a client is
 * connected and by amq_config_check.
 */
typedef struct amq_config amq_config;

/**
 * How a client logs in. Any thread may use it. Secrets are wiped from memory with the last copy.
 */
typedef struct amq_credentials amq_credentials;

/**
 * Takes the result of an amq_credentials_callback. Valid during the call only.
 */
typedef struct amq_credentials_sink amq_credentials_sink;

/**
 * The outcome of one queued message. It is settled exactly once: the message was acknowledged, or has failed. It is
 * settled by the message's own deadline at the latest, whatever happens to the connection or the client.
 */
typedef struct amq_delivery amq_delivery;

/**
 * The key of one device. Its secret is wiped from memory when it is freed. Any thread may read it.
 */
typedef struct amq_device_credential amq_device_credential;

/**
 * The reason why a call failed. Its texts are valid until it is freed; any thread may read it.
 */
typedef struct amq_error amq_error;

/**
 * Something that happened to a client in the background. Its texts are valid until it is freed, or during the call of
 * a callback; any thread may read it. Fields that an event does not have are NULL, 0, false, or -1 where 0 has a
 * meaning.
 */
typedef struct amq_event amq_event;

/**
 * A listener for a client's events. Its queue keeps up to 1,000 events and 4 MiB; beyond that the oldest are dropped
 * and counted. Any number of threads may receive from it; each event goes to one of them. It does not keep the client
 * alive.
 */
typedef struct amq_events amq_events;

/**
 * A received message. Its texts and bytes are valid until it is freed; any thread may read it.
 */
typedef struct amq_message amq_message;

/**
 * A message to be sent. Sending does not use it up: it may be sent any number of times, and freed at once. Any thread
 * may send it, but not while a thread changes it.
 *
 * The settings from amq_outgoing_add_user_property on need MQTT 5; with MQTT 3.1.1 a message that has any of them is
 * refused when it is sent (AMQ_KIND_INVALID). The service has neither retained messages nor wills.
 */
typedef struct amq_outgoing amq_outgoing;

/**
 * Receives the messages of one subscription in place of the client's own queue. If several subscriptions match, the
 * first of them receives the message. Any number of threads may receive from it. It does not keep the client alive.
 */
typedef struct amq_subscription amq_subscription;

/**
 * A text that a call returned. It is wiped from memory when it is freed, since it may contain a secret.
 */
typedef struct amq_text amq_text;

/**
 * A token, as the API's ApplyToken returns it, with its kind and, if known, its expiry. One thread at a time may
 * change it. It is a secret, which is wiped from memory with its last copy.
 */
typedef struct amq_token amq_token;

/**
 * A request for a token: its kind, topics and life. One thread at a time may change it.
 */
typedef struct amq_token_request amq_token_request;

/**
 * Takes the result of an amq_tokens_callback. Valid during the call only.
 */
typedef struct amq_token_sink amq_token_sink;

/**
 * A function that provides credentials: it gives them to `sink` with amq_credentials_sink_give, or says why there are
 * none with amq_credentials_sink_fail, and returns.
 *
 * It runs on a thread of the library, never twice at a time for one client, and should return within the client's
 * timeout: the client goes on without it after that, and its late result serves the next attempt. It may call every
 * function of this library. It must not end the thread, nor leave by longjmp or a C++ exception.
 */
typedef void (*amq_credentials_callback)(void *user, struct amq_credentials_sink *sink);

/**
 * The destructor of a callback's `user` pointer: called exactly once, on any thread, when the library does not use the
 * pointer any more; also if the call that was given the callback fails. It must not block for long. NULL: there is
 * nothing to do. A child of fork() does not call it for what its parent has registered.
 */
typedef void (*amq_destroy_callback)(void *user);

/**
 * A function that provides all tokens that a client is to hold: it adds each with amq_token_sink_add, or says why
 * there are none with amq_token_sink_fail, and returns. As amq_credentials_callback otherwise.
 */
typedef void (*amq_tokens_callback)(void *user, struct amq_token_sink *sink);

/**
 * A function that receives events. `event` is valid during the call; amq_event_clone makes a copy.
 *
 * It runs on a thread of its own, never twice at a time for one registration, may block, and may call every function
 * of this library. It must not end the thread, nor leave by longjmp or a C++ exception.
 */
typedef void (*amq_event_callback)(void *user, const struct amq_event *event);

/**
 * A function that receives records of the log: `level`, an amq_log_level; `target`, the part of the library; `text`.
 * Both texts are valid during the call, and a NUL follows them.
 *
 * It runs on a thread of its own, never twice at a time for one registration, may block, and may call every function
 * of this library; what it makes the library log on that thread is not recorded. It must not end the thread, nor leave
 * by longjmp or a C++ exception.
 */
typedef void (*amq_log_callback)(void *user,
                                 int32_t level,
                                 const char *target,
                                 size_t target_len,
                                 const char *text,
                                 size_t text_len);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates an API from its settings, which it copies: checks them and reads the certificate files; nothing is sent.
 *
 * Its calls block until the service has responded, at most for their timeout, which includes up to four attempts and
 * the pauses between them; AMQ_TIMEOUT_DEFAULT is that of amq_api_config_set_timeout. An error of the service has the
 * kind AMQ_KIND_API: amq_error_api_code, amq_error_api_status, amq_error_request_id. amq_error_fate says if the call
 * may have been executed.
 */
enum amq_status amq_api_new(const struct amq_api_config *config,
                            struct amq_api **api,
                            struct amq_error **error);

/**
 * Frees an API. Does nothing if it is NULL. Credentials that use it keep a copy.
 */
void amq_api_free(struct amq_api *api);

/**
 * Returns the instance id, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until
 * the API is freed. NULL for NULL.
 */
const char *amq_api_instance_id(const struct amq_api *api,
                                size_t *len);

/**
 * Returns the id of the AccessKey, to which tokens are bound. As amq_api_instance_id otherwise.
 */
const char *amq_api_access_key_id(const struct amq_api *api, size_t *len);

/**
 * Returns the URL of the API. As amq_api_instance_id otherwise.
 */
const char *amq_api_endpoint(const struct amq_api *api, size_t *len);

/**
 * Returns the region: as set, or as in the service's own host name; NULL if it is not known. As amq_api_instance_id
 * otherwise.
 */
const char *amq_api_region(const struct amq_api *api,
                           size_t *len);

/**
 * Publishes a message without an MQTT connection (SendMessage). The payload is a text. Sets `*message_id`, if it is
 * not NULL, to the message's id, which amq_text_free frees. The call is not repeated if the message may have been
 * accepted.
 */
enum amq_status amq_api_send_message(const struct amq_api *api,
                                     const char *topic,
                                     size_t topic_len,
                                     const char *payload,
                                     size_t payload_len,
                                     int64_t timeout_ms,
                                     struct amq_text **message_id,
                                     struct amq_error **error);

/**
 * Asks if a client is connected (QuerySessionByClientId), and sets `*online` to the answer.
 */
enum amq_status amq_api_query_session(const struct amq_api *api,
                                      const char *client_id,
                                      size_t client_id_len,
                                      int64_t timeout_ms,
                                      bool *online,
                                      struct amq_error **error);

/**
 * Creates settings with their defaults. Required are a region or an endpoint, the instance id, and an AccessKey. Free
 * them with amq_api_config_free. NULL only after a fault in this library.
 */
struct amq_api_config *amq_api_config_new(void);

/**
 * Creates settings from the environment variables ALIYUN_MQTT_* and ALIBABA_CLOUD_*; what is set afterwards replaces
 * them. amq_api_new reports a missing or invalid variable. Free them with amq_api_config_free. NULL only after a fault
 * in this library.
 */
struct amq_api_config *amq_api_config_from_env(void);

/**
 * Frees settings. Does nothing if they are NULL.
 */
void amq_api_config_free(struct amq_api_config *config);

/**
 * Sets the region of the instance, such as "cn-hangzhou", which determines the address.
 */
enum amq_status amq_api_config_set_region(struct amq_api_config *config,
                                          const char *region,
                                          size_t region_len,
                                          struct amq_error **error);

/**
 * Sets if the region's address inside a VPC is used. Default false.
 */
enum amq_status amq_api_config_set_vpc(struct amq_api_config *config, bool vpc, struct amq_error **error);

/**
 * Sets the URL of the API: https://host or https://host:port; http:// for this machine only.
 */
enum amq_status amq_api_config_set_endpoint(struct amq_api_config *config,
                                            const char *endpoint,
                                            size_t endpoint_len,
                                            struct amq_error **error);

/**
 * Sets the id of the instance. Required.
 */
enum amq_status amq_api_config_set_instance_id(struct amq_api_config *config,
                                               const char *instance_id,
                                               size_t instance_id_len,
                                               struct amq_error **error);

/**
 * Sets the AccessKey of an account or RAM user. Required, unless a temporary one is set.
 */
enum amq_status amq_api_config_set_access_key(struct amq_api_config *config,
                                              const char *access_key_id,
                                              size_t access_key_id_len,
                                              const char *access_key_secret,
                                              size_t access_key_secret_len,
                                              struct amq_error **error);

/**
 * Sets a temporary AccessKey (STS) with its security token. It works for the API only.
 */
enum amq_status amq_api_config_set_sts_key(struct amq_api_config *config,
                                           const char *access_key_id,
                                           size_t access_key_id_len,
                                           const char *access_key_secret,
                                           size_t access_key_secret_len,
                                           const char *security_token,
                                           size_t security_token_len,
                                           struct amq_error **error);

/**
 * Sets how requests are signed, an amq_signing. Default AMQ_SIGNING_V3.
 */
enum amq_status amq_api_config_set_signing(struct amq_api_config *config,
                                           int32_t signing,
                                           struct amq_error **error);

/**
 * Sets the timeout of a call with all its attempts, in milliseconds: 1 s to 1 h. Default 30,000.
 */
enum amq_status amq_api_config_set_timeout(struct amq_api_config *config,
                                           int64_t timeout_ms,
                                           struct amq_error **error);

/**
 * Sets the bounds of the pause between attempts, in milliseconds: 1 ms to 1 h each. Default 500 and 10,000.
 */
enum amq_status amq_api_config_set_backoff(struct amq_api_config *config,
                                           int64_t min_ms,
                                           int64_t max_ms,
                                           struct amq_error **error);

/**
 * Sets the HTTP proxy for the API: http://host:port or http://user:password@host:port.
 */
enum amq_status amq_api_config_set_proxy(struct amq_api_config *config,
                                         const char *proxy,
                                         size_t proxy_len,
                                         struct amq_error **error);

/**
 * Sets user name and password for the proxy, in place of those in its URL.
 */
enum amq_status amq_api_config_set_proxy_credentials(struct amq_api_config *config,
                                                     const char *user_name,
                                                     size_t user_name_len,
                                                     const char *password,
                                                     size_t password_len,
                                                     struct amq_error **error);

/**
 * Uses the proxy that the environment names, if any (https_proxy, all_proxy, no_proxy). The variables are read now.
 */
enum amq_status amq_api_config_set_proxy_from_env(struct amq_api_config *config,
                                                  struct amq_error **error);

/**
 * Adds trusted CA certificates from a PEM file.
 */
enum amq_status amq_api_config_set_ca_file(struct amq_api_config *config,
                                           const char *path,
                                           size_t path_len,
                                           struct amq_error **error);

/**
 * Adds trusted CA certificates in PEM form.
 */
enum amq_status amq_api_config_set_ca_pem(struct amq_api_config *config,
                                          const void *pem,
                                          size_t pem_len,
                                          struct amq_error **error);

/**
 * Sets if the system's CA certificates are trusted. Default true.
 */
enum amq_status amq_api_config_set_system_roots(struct amq_api_config *config,
                                                bool trust,
                                                struct amq_error **error);

/**
 * Frees a device credential. Does nothing if it is NULL.
 */
void amq_device_credential_free(struct amq_device_credential *device);

/**
 * Returns the client id that the key is valid for, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length
 * in bytes. Valid until the device credential is freed. NULL for NULL.
 */
const char *amq_device_credential_client_id(const struct amq_device_credential *device,
                                            size_t *len);

/**
 * Returns the AccessKey id of the device. As amq_device_credential_client_id otherwise.
 */
const char *amq_device_credential_access_key_id(const struct amq_device_credential *device, size_t *len);

/**
 * Returns the AccessKey secret of the device. As amq_device_credential_client_id otherwise.
 */
const char *amq_device_credential_access_key_secret(const struct amq_device_credential *device, size_t *len);

/**
 * Returns when the credential was created, in milliseconds since 1970; -1 if that is not known.
 */
int64_t amq_device_credential_created(const struct amq_device_credential *device);

/**
 * Returns when the credential was last changed, in milliseconds since 1970; -1 if that is not known.
 */
int64_t amq_device_credential_updated(const struct amq_device_credential *device);

/**
 * Creates the credentials for the login of the device, as amq_credentials_device does. Free them with
 * amq_credentials_free.
 */
enum amq_status amq_device_credential_credentials(const struct amq_device_credential *device,
                                                  struct amq_credentials **credentials,
                                                  struct amq_error **error);

/**
 * Creates a credential for a client id (RegisterDeviceCredential), which amq_device_credential_free frees. An existing
 * one is replaced.
 */
enum amq_status amq_api_register_device_credential(const struct amq_api *api,
                                                   const char *client_id,
                                                   size_t client_id_len,
                                                   int64_t timeout_ms,
                                                   struct amq_device_credential **device,
                                                   struct amq_error **error);

/**
 * Returns the credential of a client id (GetDeviceCredential), which amq_device_credential_free frees.
 */
enum amq_status amq_api_get_device_credential(const struct amq_api *api,
                                              const char *client_id,
                                              size_t client_id_len,
                                              int64_t timeout_ms,
                                              struct amq_device_credential **device,
                                              struct amq_error **error);

/**
 * Replaces the secret of a client id (RefreshDeviceCredential), and returns the new credential, which
 * amq_device_credential_free frees. The call is not repeated if its outcome is unknown.
 */
enum amq_status amq_api_refresh_device_credential(const struct amq_api *api,
                                                  const char *client_id,
                                                  size_t client_id_len,
                                                  int64_t timeout_ms,
                                                  struct amq_device_credential **device,
                                                  struct amq_error **error);

/**
 * Deletes the credential of a client id (UnRegisterDeviceCredential). The call is not repeated if its outcome is
 * unknown.
 */
enum amq_status amq_api_unregister_device_credential(const struct amq_api *api,
                                                     const char *client_id,
                                                     size_t client_id_len,
                                                     int64_t timeout_ms,
                                                     struct amq_error **error);

/**
 * Creates a call of this operation, such as "ListGroupId".
 */
enum amq_status amq_call_new(const char *action,
                             size_t action_len,
                             struct amq_call **call,
                             struct amq_error **error);

/**
 * Frees a call. Does nothing if it is NULL.
 */
void amq_call_free(struct amq_call *call);

/**
 * Adds a parameter of the query. Numbers and booleans are given as text; lists as "Name.1", "Name.2" and so on.
 */
enum amq_status amq_call_add_parameter(struct amq_call *call,
                                       const char *name,
                                       size_t name_len,
                                       const char *value,
                                       size_t value_len,
                                       struct amq_error **error);

/**
 * Adds a parameter of the body, which some operations require.
 */
enum amq_status amq_call_add_form(struct amq_call *call,
                                  const char *name,
                                  size_t name_len,
                                  const char *value,
                                  size_t value_len,
                                  struct amq_error **error);

/**
 * Treats the value of this parameter as a secret: errors do not show it.
 */
enum amq_status amq_call_hide(struct amq_call *call,
                              const char *name,
                              size_t name_len,
                              struct amq_error **error);

/**
 * Sends the call as GET instead of POST, as the official SDK does for some operations. A GET has no form.
 */
enum amq_status amq_call_use_get(struct amq_call *call, struct amq_error **error);

/**
 * Sets if the call may be repeated when its outcome is unknown. Default false.
 */
enum amq_status amq_call_set_repeatable(struct amq_call *call, bool repeatable, struct amq_error **error);

/**
 * Makes a call, and sets `*json` to the service's JSON object, which amq_text_free frees.
 */
enum amq_status amq_api_call(const struct amq_api *api,
                             const struct amq_call *call,
                             int64_t timeout_ms,
                             struct amq_text **json,
                             struct amq_error **error);

/**
 * Creates a request for a token of this kind, an amq_token_kind, without topics. Its life is one hour unless it is
 * set.
 */
enum amq_status amq_token_request_new(int32_t kind,
                                      struct amq_token_request **request,
                                      struct amq_error **error);

/**
 * Adds a topic: 1 to 100 for a token, with the wildcards + and # below the first level.
 */
enum amq_status amq_token_request_add_topic(struct amq_token_request *request,
                                            const char *topic,
                                            size_t topic_len,
                                            struct amq_error **error);

/**
 * Sets the life of the token in milliseconds, from the moment of the request: 60 s to 30 days.
 */
enum amq_status amq_token_request_set_lifetime(struct amq_token_request *request,
                                               int64_t lifetime_ms,
                                               struct amq_error **error);

/**
 * Sets the time at which the token expires, in milliseconds since 1970: 60 s to 30 days from the request. For
 * amq_api_apply_token only: such a token cannot be renewed.
 */
enum amq_status amq_token_request_set_expiry(struct amq_token_request *request,
                                             int64_t unix_ms,
                                             struct amq_error **error);

/**
 * Frees a request. Does nothing if it is NULL.
 */
void amq_token_request_free(struct amq_token_request *request);

/**
 * Applies for a token (ApplyToken), which amq_token_free frees. It has its expiry.
 */
enum amq_status amq_api_apply_token(const struct amq_api *api,
                                    const struct amq_token_request *request,
                                    int64_t timeout_ms,
                                    struct amq_token **token,
                                    struct amq_error **error);

/**
 * Asks if a token is valid (QueryToken), and sets `*valid` to the answer. `token_text` has no kind in front of it.
 */
enum amq_status amq_api_query_token(const struct amq_api *api,
                                    const char *token_text,
                                    size_t token_text_len,
                                    int64_t timeout_ms,
                                    bool *valid,
                                    struct amq_error **error);

/**
 * Revokes a token (RevokeToken). `token_text` has no kind in front of it.
 */
enum amq_status amq_api_revoke_token(const struct amq_api *api,
                                     const char *token_text,
                                     size_t token_text_len,
                                     int64_t timeout_ms,
                                     struct amq_error **error);

/**
 * Queues many messages in their order, as amq_client_enqueue, and gives one result for each. With a spool, a batch
 * costs one sync to disk, as long as its messages find room without waiting.
 *
 * Blocks for room and for the disk at most for the timeout, all messages together; 0 waits for neither, so it is not
 * for a spool. When the timeout passes while a message waits for room, that message and those behind it fail, so that
 * none overtakes another; those before it stay queued. An invalid message fails alone.
 *
 * `deliveries` has `count` places: each becomes a delivery, which amq_delivery_free frees, or NULL if the message was
 * not queued. `errors` is NULL or has `count` places: each becomes NULL, or the error object that says why, which
 * amq_error_free frees. `*failed` becomes the number of messages that were not queued.
 *
 * AMQ_OK: each message has a result; look at `*failed`. If the call fails, no message was queued, and all places are
 * NULL. With a `count` of 0 nothing is done, and the arrays may be NULL.
 */
enum amq_status amq_client_enqueue_many(const struct amq_client *client,
                                        const struct amq_outgoing *const *messages,
                                        size_t count,
                                        int64_t timeout_ms,
                                        struct amq_delivery **deliveries,
                                        struct amq_error **errors,
                                        size_t *failed,
                                        struct amq_error **error);

/**
 * Publishes many messages, a window of them at a time, and blocks until the outcome of each is known, at most for the
 * timeout, all messages together. Where a message has a timeout of its own (amq_outgoing_set_timeout,
 * amq_config_set_message_age), it has both.
 *
 * `statuses` is NULL or has `count` places: each becomes what amq_client_publish would return for the message.
 * `errors` is NULL or has `count` places: each becomes NULL, or the error object of a message that failed, with its
 * fate, which amq_error_free frees. `*failed` becomes the number of messages that failed. A failed message does not
 * stop the others.
 *
 * AMQ_OK: each message has a result; look at `*failed`. If the call fails with AMQ_ERROR_MISUSE, no message was sent.
 * With a `count` of 0 nothing is done, and the arrays may be NULL.
 */
enum amq_status amq_client_publish_many(const struct amq_client *client,
                                        const struct amq_outgoing *const *messages,
                                        size_t count,
                                        int64_t timeout_ms,
                                        enum amq_status *statuses,
                                        struct amq_error **errors,
                                        size_t *failed,
                                        struct amq_error **error);

/**
 * Connects and logs in. Blocks at most for the configured timeout (amq_config_set_timeout). It is tried once: a
 * failure is reported at once with its reason. Later, a lost connection is made again in the background.
 *
 * Sets `*client` to the new client, which amq_client_free frees, or to NULL if the call fails.
 */
enum amq_status amq_client_connect(const struct amq_config *config,
                                   struct amq_client **client,
                                   struct amq_error **error);

/**
 * Delivers what is queued, says goodbye to the server and ends the client. Blocks at most for the timeout.
 *
 * Fails with AMQ_KIND_UNDELIVERED or AMQ_KIND_TIMEOUT if some messages were not delivered; the client has ended
 * nevertheless. Other calls on the client fail with AMQ_KIND_CLOSED from then on. The client must still be freed. A
 * shared client (amq_client_shared) ends for all that use it.
 *
 * Called from a callback, it begins all of this and returns AMQ_OK at once.
 */
enum amq_status amq_client_disconnect(const struct amq_client *client,
                                      int64_t timeout_ms,
                                      struct amq_error **error);

/**
 * Frees a client. Does nothing if it is NULL. If it is not disconnected, it tries that for up to 1 s first; a shared
 * client (amq_client_shared) only with its last handle. No other call may use the client meanwhile; its deliveries,
 * subscriptions and messages may be used and freed later.
 *
 * First ends the client's event callback: it waits for a call that is running, so do not hold a lock that the callback
 * wants. When it returns, no event callback of the client runs, nor will one. Events of the end are not reported: for
 * these, call amq_client_disconnect first.
 *
 * Called from a callback, it does not wait: all of that happens in the background once the callback has returned. In a
 * forked child it returns at once.
 */
void amq_client_free(struct amq_client *client);

/**
 * Returns true if there is a connection that the server has accepted. Does not block.
 */
bool amq_client_is_connected(const struct amq_client *client);

/**
 * Returns the client id: as configured, or with a device id that was made for this client. Sets `*len`, if `len` is
 * not NULL, to its length in bytes. Valid until the client is freed, and followed by a NUL. NULL for NULL.
 */
const char *amq_client_id(const struct amq_client *client,
                          size_t *len);

/**
 * Returns the server as a URL, such as "mqtts://post-cn-xxxx.mqtt.aliyuncs.com:8883". As amq_client_id otherwise.
 */
const char *amq_client_endpoint(const struct amq_client *client,
                                size_t *len);

/**
 * Creates a closer for a client. Does not block. Free it with amq_closer_free.
 */
enum amq_status amq_closer_new(const struct amq_client *client,
                               struct amq_closer **closer,
                               struct amq_error **error);

/**
 * Closes the client and returns at once. Does nothing if the closer is NULL or the client has ended.
 *
 * From then on, calls that wait end, also those made later: amq_client_recv and amq_subscription_recv with AMQ_END,
 * the others with AMQ_KIND_CLOSED; a call that was sending reports the fate of its message. New messages and
 * subscriptions are refused. Messages in the inbox stay there; a timeout of 0 still takes them.
 *
 * The connection stays until amq_client_disconnect: messages already received can still be acknowledged, and queued
 * messages are still delivered. Any thread may call it, any number of times. It takes locks, so a signal handler must
 * not call it, only a thread that the handler wakes.
 */
void amq_closer_close(const struct amq_closer *closer);

/**
 * Frees a closer, without closing the client. Does nothing if it is NULL.
 */
void amq_closer_free(struct amq_closer *closer);

/**
 * Creates a configuration without settings. Required are endpoint, instance_id, credentials and group_id. Free it with
 * amq_config_free. NULL only after a fault in this library.
 */
struct amq_config *amq_config_new(void);

/**
 * Creates a configuration with the settings of the environment variables ALIYUN_MQTT_* and ALIBABA_CLOUD_*, the
 * credentials included; what is set afterwards replaces them. A missing or invalid variable is reported when a client
 * is connected. Free it with amq_config_free. NULL only after a fault in this library.
 */
struct amq_config *amq_config_from_env(void);

/**
 * Frees a configuration. Does nothing if it is NULL.
 */
void amq_config_free(struct amq_config *config);

/**
 * Checks all settings as amq_client_connect does, and reads the certificate files, without connecting. Blocks for the
 * files only, at most for the configured timeout. Fails with AMQ_KIND_CONFIG.
 */
enum amq_status amq_config_check(const struct amq_config *config,
                                 struct amq_error **error);

/**
 * Sets the server: host, host:port, or an mqtt://, mqtts://, ws:// or wss:// URL. Without a scheme: TLS on port 8883
 * if there is no port; 8883 means TLS, 80 and 443 need a scheme, any other port is plain.
 */
enum amq_status amq_config_set_endpoint(struct amq_config *config,
                                        const char *endpoint,
                                        size_t endpoint_len,
                                        struct amq_error **error);

/**
 * Sets the id of the instance, such as "post-cn-xxxx".
 */
enum amq_status amq_config_set_instance_id(struct amq_config *config,
                                           const char *instance_id,
                                           size_t instance_id_len,
                                           struct amq_error **error);

/**
 * Sets the group id, which begins with "GID_" or "GID-".
 */
enum amq_status amq_config_set_group_id(struct amq_config *config,
                                        const char *group_id,
                                        size_t group_id_len,
                                        struct amq_error **error);

/**
 * Sets the device id, which makes the client id with the group id. Two clients with the same client id disconnect each
 * other. A unique one is made for each client if it is not set.
 */
enum amq_status amq_config_set_device_id(struct amq_config *config,
                                         const char *device_id,
                                         size_t device_id_len,
                                         struct amq_error **error);

/**
 * Sets the credentials, of which the configuration keeps a copy.
 */
enum amq_status amq_config_set_credentials(struct amq_config *config,
                                           const struct amq_credentials *credentials,
                                           struct amq_error **error);

/**
 * Sets the timeout of the client's calls: 1,000 to 3,600,000 ms. Default 30,000 ms.
 */
enum amq_status amq_config_set_timeout(struct amq_config *config,
                                       int64_t timeout_ms,
                                       struct amq_error **error);

/**
 * Enables ordered mode: the service keeps the messages of the connection in one sequence. Default false.
 */
enum amq_status amq_config_set_ordered(struct amq_config *config, bool ordered, struct amq_error **error);

/**
 * Sets the HTTP proxy that every connection goes through: "http://host:port"; the default port is 80. By default there
 * is none, even if the environment names one.
 *
 * The proxy makes a tunnel (CONNECT) and looks up the name of the endpoint. "http://user:password@host:port" sets user
 * name and password, in which special characters of URLs are written as %XX. Proxies that are themselves reached over
 * TLS, and SOCKS, are not supported. It is not used for the API, which has settings of its own.
 */
enum amq_status amq_config_set_proxy(struct amq_config *config,
                                     const char *url,
                                     size_t url_len,
                                     struct amq_error **error);

/**
 * Sets user name and password for the proxy, in place of those in its URL: up to 1,024 bytes each, without ':' in the
 * user name. Needs a proxy. They are sent unencrypted ("Basic", RFC 7617), the only supported scheme.
 */
enum amq_status amq_config_set_proxy_credentials(struct amq_config *config,
                                                 const char *user,
                                                 size_t user_len,
                                                 const char *password,
                                                 size_t password_len,
                                                 struct amq_error **error);

/**
 * Uses the proxy that the environment names, if any: the first of https_proxy, HTTPS_PROXY, all_proxy and ALL_PROXY
 * that is not empty, except for this machine and the entries of no_proxy or NO_PROXY. The variables are read now.
 */
enum amq_status amq_config_set_proxy_from_env(struct amq_config *config,
                                              struct amq_error **error);

/**
 * Adds the CA certificates of this PEM file to the trusted ones. Can be called more than once. The file, up to 16 MiB,
 * is read when a client is connected.
 */
enum amq_status amq_config_set_ca_file(struct amq_config *config,
                                       const char *path,
                                       size_t path_len,
                                       struct amq_error **error);

/**
 * Adds these CA certificates in PEM form to the trusted ones. Can be called more than once.
 */
enum amq_status amq_config_set_ca_pem(struct amq_config *config,
                                      const char *pem,
                                      size_t pem_len,
                                      struct amq_error **error);

/**
 * Sets whether the system's CA certificates are trusted. Default true; with false, only the given ones are. They are
 * read once per process. If the system has none, Mozilla's are used.
 */
enum amq_status amq_config_set_system_roots(struct amq_config *config,
                                            bool trust,
                                            struct amq_error **error);

/**
 * Sets the client's certificate chain and its key, as PEM files, for instances with mutual TLS (Enterprise Platinum).
 * The files are read when a client is connected.
 */
enum amq_status amq_config_set_client_certificate_files(struct amq_config *config,
                                                        const char *certificate,
                                                        size_t certificate_len,
                                                        const char *key,
                                                        size_t key_len,
                                                        struct amq_error **error);

/**
 * Sets the client's certificate chain and its key, both in PEM form. The copies are wiped from memory with the last
 * configuration or client that holds them.
 */
enum amq_status amq_config_set_client_certificate_pem(struct amq_config *config,
                                                      const char *certificate,
                                                      size_t certificate_len,
                                                      const char *key,
                                                      size_t key_len,
                                                      struct amq_error **error);

/**
 * Sets when received QoS 1 and 2 messages are acknowledged: an amq_ack_mode. Default AMQ_ACK_MODE_ON_TAKE.
 */
enum amq_status amq_config_set_ack_mode(struct amq_config *config, int32_t mode, struct amq_error **error);

/**
 * Sets whether the service's notices (such as "$SYS/tokenExpireNotice") are also delivered as messages. Default false:
 * they are only events.
 */
enum amq_status amq_config_set_deliver_notices(struct amq_config *config,
                                               bool deliver,
                                               struct amq_error **error);

/**
 * Sets the topic for replies to this client's requests: the client may read it, and the repliers may write to it. By
 * default replies come by P2P, which needs no subscription.
 *
 * It is meant for brokers without P2P topics. The client subscribes to it before its first request, which counts as
 * one filter. Give each client a topic of its own, since it also receives the replies to others there.
 */
enum amq_status amq_config_set_response_topic(struct amq_config *config,
                                              const char *topic,
                                              size_t topic_len,
                                              struct amq_error **error);

/**
 * Sets how long a client that was connected before keeps trying after its login was refused: up to 2,592,000,000 ms
 * (30 days); 0 means one immediate retry only. Default 600,000 ms.
 */
enum amq_status amq_config_set_refusal_patience(struct amq_config *config,
                                                int64_t patience_ms,
                                                struct amq_error **error);

/**
 * Sets how long the client itself refuses messages to a topic that the service refuses as a whole: up to 2,592,000,000
 * ms (30 days); 0 means that they are sent. Default 600,000 ms.
 *
 * A topic counts as refused as a whole if the service's notice says so, or if the server closed the connection for two
 * messages to it and acknowledged none. The pause ends early with new credentials or a new token.
 */
enum amq_status amq_config_set_refused_topic_pause(struct amq_config *config,
                                                   int64_t pause_ms,
                                                   struct amq_error **error);

/**
 * Sets the bounds of the pause before a reconnect: 10 to 3,600,000 ms each. Default 1,000 and 120,000 ms. The pause is
 * random, up to a bound that doubles from `min_ms` to `max_ms`.
 */
enum amq_status amq_config_set_backoff(struct amq_config *config,
                                       int64_t min_ms,
                                       int64_t max_ms,
                                       struct amq_error **error);

/**
 * Sets the fraction of a token's lifetime after which it is renewed: 0.1 to 0.95. Default 0.8. The actual time is a
 * little earlier at random. Applies only to tokens with a known expiry that come from a provider.
 */
enum amq_status amq_config_set_token_renewal(struct amq_config *config,
                                             double part,
                                             struct amq_error **error);

/**
 * Fixes the window, the maximum number of unacknowledged messages and requests: 1 to 10,000. By default it starts at
 * 100 and grows.
 *
 * The client keeps a table of packet ids for it: up to 256 bytes for each place with MQTT 3.1.1, 860 bytes with MQTT
 * 5. After a lost connection, that many messages may be sent again, and arrive twice. Excludes
 * amq_config_set_max_window.
 */
enum amq_status amq_config_set_window(struct amq_config *config,
                                      uint32_t window,
                                      struct amq_error **error);

/**
 * Sets how far the window may grow: 1 to 10,000. Default 1,000.
 *
 * On each connection the window starts at 100, or at this number if it is smaller, and grows where a round trip takes
 * 5 ms or more. AMQ_STAT_WINDOW is its current size. Excludes amq_config_set_window.
 */
enum amq_status amq_config_set_max_window(struct amq_config *config,
                                          uint32_t window,
                                          struct amq_error **error);

/**
 * Sets a limit of the service or a bound of the client's queues: an amq_limit, which has the units, ranges and
 * defaults. The other limits stay as they are.
 */
enum amq_status amq_config_set_limit(struct amq_config *config,
                                     int32_t limit,
                                     uint64_t value,
                                     struct amq_error **error);

/**
 * Sets whether the service's rules for names are applied. Default true.
 *
 * Topic levels, group ids and device ids then consist of letters, digits, '-' and '_' only, a topic has at least 3
 * characters and no empty level, and a group id has 7 to 64 characters (help page "Limits"). Topics that begin with
 * "$SYS/" are exempt. With false only the rules of MQTT itself apply, as for other brokers.
 */
enum amq_status amq_config_set_strict_names(struct amq_config *config,
                                            bool strict,
                                            struct amq_error **error);

/**
 * Sets the maximum publish rate, in messages per second: 0.001 to 1,000,000. By default it is unlimited. The service
 * advises at most 20 messages a second per client (help page "Limits").
 */
enum amq_status amq_config_set_max_publish_rate(struct amq_config *config,
                                                double per_second,
                                                struct amq_error **error);

/**
 * Sets how long a queued message may stay unsettled: 1 to 2,592,000,000 ms (30 days). The default is the timeout, or
 * no limit with a spool, in which the time also runs between two runs of the program, by the wall clock.
 */
enum amq_status amq_config_set_message_age(struct amq_config *config,
                                           int64_t age_ms,
                                           struct amq_error **error);

/**
 * Sets the whole client id, in place of group id and device id. For custom authentication only.
 */
enum amq_status amq_config_set_client_id(struct amq_config *config,
                                         const char *client_id,
                                         size_t client_id_len,
                                         struct amq_error **error);

/**
 * Sets the version of MQTT: an amq_protocol. Default AMQ_PROTOCOL_V3_1_1.
 */
enum amq_status amq_config_set_protocol(struct amq_config *config,
                                        int32_t protocol,
                                        struct amq_error **error);

/**
 * Sets whether the server discards the session when the connection ends. Default true.
 *
 * With false the service keeps subscriptions, and QoS 1 messages for up to 3 days (help page "Limits"). This requires
 * a device id.
 */
enum amq_status amq_config_set_clean_session(struct amq_config *config,
                                             bool clean,
                                             struct amq_error **error);

/**
 * Sets how long the server keeps the session without a connection: 1,000 to 2,147,483,647,000 ms, in whole seconds.
 * Default 3 days. Needs MQTT 5 and clean_session false. The service raises less than 10 min to 10 min (help page "MQTT
 * 5.0 session expiry interval").
 */
enum amq_status amq_config_set_session_expiry(struct amq_config *config,
                                              int64_t expiry_ms,
                                              struct amq_error **error);

/**
 * Sets the maximum number of QoS 1 and 2 messages that the server may have unacknowledged with this client: 1 to
 * 65,535. By default none is announced, which means 65,535. Needs MQTT 5.
 *
 * With AMQ_ACK_MODE_ON_TAKE a message counts until the program takes it: the rest waits at the server instead of in
 * the inbox.
 */
enum amq_status amq_config_set_receive_maximum(struct amq_config *config,
                                               uint32_t messages,
                                               struct amq_error **error);

/**
 * Sets the keep-alive period: 5,000 to 480,000 ms, in whole seconds. Default 60,000 ms.
 *
 * The service disconnects a client that is silent for one and a half times as long (help page "FAQ about the
 * console"). In MQTT 5 the server may set another period, which then applies.
 */
enum amq_status amq_config_set_keep_alive(struct amq_config *config,
                                          int64_t period_ms,
                                          struct amq_error **error);

/**
 * Sets the spool, a file that keeps QoS 1 and 2 messages until they are acknowledged, so that they survive the
 * process: the next client with the same file sends what this one did not deliver. By default messages are in memory
 * only. The file is created if it does not exist; one client uses it at a time.
 *
 * `max_bytes` bounds the size of all records: topic, payload and 24 bytes each; 0 means 67,108,864 (64 MiB). `sync` is
 * an amq_spool_sync; `sync_interval_ms`, 1 to 3,600,000, is used with AMQ_SPOOL_SYNC_INTERVAL only. With
 * `set_aside_damaged`, a damaged or foreign file is renamed to "<path>.damaged-<seconds since 1970>", and an empty
 * spool is started; without it, amq_client_connect fails and says what to do.
 */
enum amq_status amq_config_set_spool(struct amq_config *config,
                                     const char *path,
                                     size_t path_len,
                                     uint64_t max_bytes,
                                     int32_t sync,
                                     int64_t sync_interval_ms,
                                     bool set_aside_damaged,
                                     struct amq_error **error);

/**
 * Frees credentials. Does nothing if they are NULL. Configurations and clients that were given them keep copies.
 */
void amq_credentials_free(struct amq_credentials *credentials);

/**
 * Creates credentials for signature mode: the AccessKey of an account or RAM user. The secret itself is not sent.
 * Meant for servers: anybody with the key can do everything that it permits.
 */
enum amq_status amq_credentials_signature(const char *access_key_id,
                                          size_t access_key_id_len,
                                          const char *access_key_secret,
                                          size_t access_key_secret_len,
                                          struct amq_credentials **credentials,
                                          struct amq_error **error);

/**
 * Creates credentials for device mode: a key for one client id, created by the API
 * (amq_api_register_device_credential). The configuration needs that device id.
 */
enum amq_status amq_credentials_device(const char *access_key_id,
                                       size_t access_key_id_len,
                                       const char *access_key_secret,
                                       size_t access_key_secret_len,
                                       struct amq_credentials **credentials,
                                       struct amq_error **error);

/**
 * Creates credentials for token mode from one text: "RW|{token}", "R|{token}", "W|{token}", or one of each kind
 * joined, as in "R|{token}|W|{token}". `access_key_id` is the key that applied for them. They are not renewed: replace
 * them with amq_client_upload_token before they expire.
 */
enum amq_status amq_credentials_token(const char *access_key_id,
                                      size_t access_key_id_len,
                                      const char *joined_tokens,
                                      size_t joined_tokens_len,
                                      struct amq_credentials **credentials,
                                      struct amq_error **error);

/**
 * Creates credentials for token mode from 1 to 3 tokens, at most one of each kind, which are copied. As
 * amq_credentials_token otherwise.
 */
enum amq_status amq_credentials_tokens(const char *access_key_id,
                                       size_t access_key_id_len,
                                       const struct amq_token *const *tokens,
                                       size_t count,
                                       struct amq_credentials **credentials,
                                       struct amq_error **error);

/**
 * Creates credentials for custom authentication with the sign mode ORIGIN: the uploaded user name and secret, sent as
 * they are.
 */
enum amq_status amq_credentials_custom_plain(const char *user_name,
                                             size_t user_name_len,
                                             const char *password,
                                             size_t password_len,
                                             struct amq_credentials **credentials,
                                             struct amq_error **error);

/**
 * Creates credentials for custom authentication with the sign mode SIGNED: the uploaded user name, and a signature of
 * the client id with the uploaded secret.
 */
enum amq_status amq_credentials_custom_signed(const char *user_name,
                                              size_t user_name_len,
                                              const char *uploaded_secret,
                                              size_t uploaded_secret_len,
                                              struct amq_credentials **credentials,
                                              struct amq_error **error);

/**
 * Reads credentials from environment variables now. `mode` is an amq_auth_mode. Fails with AMQ_KIND_CONFIG if a
 * variable is missing or invalid; amq_error_missing_setting names the missing one.
 */
enum amq_status amq_credentials_from_env(int32_t mode,
                                         struct amq_credentials **credentials,
                                         struct amq_error **error);

/**
 * Creates credentials for token mode whose later tokens the program hands in with plain calls, without a callback.
 *
 * The client logs in with these tokens (as amq_credentials_tokens). It wants new ones as soon as one is to be renewed:
 * after 80 % of its life (amq_config_set_token_renewal) if its expiry is set, when the service announces its end, or
 * when the service does not accept it any more. amq_client_token_wanted waits for that, and amq_client_hand_in_tokens
 * gives the new ones, at any time. As long as nobody does, the client keeps its connection until the token expires,
 * reports AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED, and asks again with growing pauses; after the connection is lost, it
 * connects again once tokens are handed in.
 *
 * Each client that is connected with these credentials begins with these tokens, and takes its own later ones.
 */
enum amq_status amq_credentials_tokens_by_hand(const char *access_key_id,
                                               size_t access_key_id_len,
                                               const struct amq_token *const *tokens,
                                               size_t count,
                                               struct amq_credentials **credentials,
                                               struct amq_error **error);

/**
 * Creates credentials for token mode, with tokens that the library itself applies for and renews: one for each
 * request, at most one of each kind. The requests and the API are copied. Meant for your own servers, which hold the
 * account's key. The API must be that of the client's instance.
 */
enum amq_status amq_credentials_apply_tokens(const struct amq_api *api,
                                             const struct amq_token_request *const *requests,
                                             size_t count,
                                             struct amq_credentials **credentials,
                                             struct amq_error **error);

/**
 * Creates credentials that the client requests from `callback` at each connect and, if they are tokens, when one must
 * be renewed. `user` is passed to it, on any thread. `destroy` may be NULL; it is called once no copy of the
 * credentials and no client uses the callback any more and its last call has returned, or before this call returns if
 * it fails.
 */
enum amq_status amq_credentials_provider(amq_credentials_callback callback,
                                         void *user,
                                         amq_destroy_callback destroy,
                                         struct amq_credentials **credentials,
                                         struct amq_error **error);

/**
 * Creates credentials for token mode, with tokens that the client requests from `callback`: at the first connect, and
 * when one must be renewed. `access_key_id` is the key that applies for them. As amq_credentials_provider otherwise.
 */
enum amq_status amq_credentials_token_provider(const char *access_key_id,
                                               size_t access_key_id_len,
                                               amq_tokens_callback callback,
                                               void *user,
                                               amq_destroy_callback destroy,
                                               struct amq_credentials **credentials,
                                               struct amq_error **error);

/**
 * Gives the credentials, which are copied. The last ones given count. Credentials that have a callback themselves, or
 * whose tokens are handed in, are refused.
 */
enum amq_status amq_credentials_sink_give(struct amq_credentials_sink *sink,
                                          const struct amq_credentials *credentials,
                                          struct amq_error **error);

/**
 * Says why there are no credentials. The reason appears in errors and in the log, so it must not contain a secret.
 */
enum amq_status amq_credentials_sink_fail(struct amq_credentials_sink *sink,
                                          const char *reason,
                                          size_t reason_len,
                                          struct amq_error **error);

/**
 * Adds a token, which is copied; at most one of each kind.
 */
enum amq_status amq_token_sink_add(struct amq_token_sink *sink,
                                   const struct amq_token *token,
                                   struct amq_error **error);

/**
 * Says why there are no tokens. The reason appears in errors and in the log, so it must not contain a secret.
 */
enum amq_status amq_token_sink_fail(struct amq_token_sink *sink,
                                    const char *reason,
                                    size_t reason_len,
                                    struct amq_error **error);

/**
 * Replaces the token of the same kind on the present connection. Blocks until the service has accepted the new one, at
 * most for the timeout. Meanwhile nothing else is published or subscribed.
 *
 * Fails with AMQ_KIND_INVALID if the client did not log in with tokens, and with AMQ_KIND_REJECTED if the service
 * refuses the token; the previous one is then used again. After AMQ_ERROR_TIMEOUT the next login uses the new token.
 */
enum amq_status amq_client_upload_token(const struct amq_client *client,
                                        const struct amq_token *token,
                                        int64_t timeout_ms,
                                        struct amq_error **error);

/**
 * Waits until the client wants new tokens, at most for the timeout: AMQ_TIMEOUT_NONE waits as long as the client
 * lives, 0 only looks. For clients with amq_credentials_tokens_by_hand.
 *
 * AMQ_OK: tokens are wanted, until some are handed in or refused. `*kinds`, if it is not NULL, has the bit `1 <<
 * amq_token_kind` for each kind to be handed in; `*expires`, if it is not NULL, is the time at which the first of them
 * expires, in milliseconds since 1970, or -1 if that is not known. AMQ_TIMEOUT: none are wanted. AMQ_END: this program
 * has disconnected or closed the client. Fails if the client has given up.
 */
enum amq_status amq_client_token_wanted(const struct amq_client *client,
                                        int64_t timeout_ms,
                                        uint32_t *kinds,
                                        int64_t *expires,
                                        struct amq_error **error);

/**
 * Hands in new tokens, which are copied: at most one of each kind; a kind that is not among them keeps its token. Does
 * not block. They are uploaded at once if the client is connected, else used for the next login, which is then made
 * without a further pause. They may come before they are wanted. For clients with amq_credentials_tokens_by_hand.
 *
 * The service's answer is an event: AMQ_EVENT_KIND_TOKEN_RENEWED or AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED. Use
 * amq_client_upload_token to wait for it.
 */
enum amq_status amq_client_hand_in_tokens(const struct amq_client *client,
                                          const struct amq_token *const *tokens,
                                          size_t count,
                                          struct amq_error **error);

/**
 * Says that the program cannot get tokens now, and why: the reason appears in events and in the log, so it must not
 * contain a secret. They are no longer wanted until the client asks again, after a pause that grows. Does not block.
 * For clients with amq_credentials_tokens_by_hand.
 */
enum amq_status amq_client_refuse_tokens(const struct amq_client *client,
                                         const char *reason,
                                         size_t reason_len,
                                         struct amq_error **error);

/**
 * Blocks until the message is settled, at most for the timeout. AMQ_TIMEOUT_NONE waits until it is settled, at most
 * until its own deadline, which a message in a spool may not have. 0 does not wait. Can be called any number of times,
 * also after the message is settled.
 *
 * AMQ_OK: the message was acknowledged; sets `*attempts`, if it is not NULL, to the number of times it was sent. Above
 * 1, receivers may have seen it more than once. AMQ_TIMEOUT: it is not settled yet.
 *
 * Fails with the reason why the message failed, whose amq_error_fate is its fate. AMQ_KIND_CLOSED without a fate: a
 * closer has ended the wait; the message is not settled yet, and amq_client_disconnect settles it.
 */
enum amq_status amq_delivery_wait(const struct amq_delivery *delivery,
                                  int64_t timeout_ms,
                                  uint32_t *attempts,
                                  struct amq_error **error);

/**
 * Frees a delivery. Does nothing if it is NULL. It does not withdraw the message: the next amq_client_flush or
 * amq_client_disconnect reports a failure that no amq_delivery_wait has returned.
 */
void amq_delivery_free(struct amq_delivery *delivery);

/**
 * Calls `callback` for each event of the client from now on (the first connection was made before), in place of the
 * callback that this handle had before; NULL ends that only. `user` is passed to it. `destroy` may be NULL; it is
 * called after the last call, or before this call returns if it fails.
 *
 * Events wait in a queue of up to 1,000 events and 4 MiB; beyond that the oldest are dropped and counted
 * (amq_client_events_dropped). The last one is AMQ_EVENT_KIND_ENDED. Waits for a running call of the earlier callback,
 * unless it is called from a callback.
 */
enum amq_status amq_client_on_event(const struct amq_client *client,
                                    amq_event_callback callback,
                                    void *user,
                                    amq_destroy_callback destroy,
                                    struct amq_error **error);

/**
 * Returns the number of events that were dropped because the callback of this handle was too slow. Does not block; 0
 * in a forked child.
 */
uint64_t amq_client_events_dropped(const struct amq_client *client);

/**
 * Frees an error. Does nothing if it is NULL. Freeing an error twice is a fault of the program, as with free().
 */
void amq_error_free(struct amq_error *error);

/**
 * Returns the kind of the error; AMQ_KIND_OTHER for NULL.
 */
enum amq_kind amq_error_kind(const struct amq_error *error);

/**
 * Returns the fate of the message that the error is about; AMQ_FATE_NONE if it is about none.
 */
enum amq_fate amq_error_fate(const struct amq_error *error);

/**
 * Returns the stage in which the error occurred; AMQ_STAGE_NONE if stages have no meaning for it.
 */
enum amq_stage amq_error_stage(const struct amq_error *error);

/**
 * Returns the code that the server, the service or a proxy gave (CONNACK, SUBACK, PUBACK, DISCONNECT, the token
 * notice, an HTTP status); -1 if there is none. The text has its meaning.
 */
int64_t amq_error_code(const struct amq_error *error);

/**
 * Returns the text of the error as one line: what failed and why, the stage, and the hint. For people; it may change.
 * Valid until the error is freed, and followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes.
 * NULL for NULL.
 */
const char *amq_error_text(const struct amq_error *error,
                           size_t *len);

/**
 * Returns the text of the error without the stage and the hint. As amq_error_text otherwise.
 */
const char *amq_error_message(const struct amq_error *error, size_t *len);

/**
 * Returns what to do about the error, if its usual cause is known; else NULL. As amq_error_text otherwise.
 */
const char *amq_error_hint(const struct amq_error *error, size_t *len);

/**
 * Returns a short name of the hint that programs can compare and translate; NULL without a hint. It stays the same
 * from version to version. As amq_error_text otherwise.
 */
const char *amq_error_hint_key(const struct amq_error *error,
                               size_t *len);

/**
 * Returns the name of the setting that is missing, such as "instance_id"; NULL if something else is wrong. As
 * amq_error_text otherwise.
 */
const char *amq_error_missing_setting(const struct amq_error *error, size_t *len);

/**
 * Returns the causes below the error, such as those of the system or of TLS, separated by ": "; NULL if there are
 * none. As amq_error_text otherwise.
 */
const char *amq_error_causes(const struct amq_error *error,
                             size_t *len);

/**
 * Returns true if the same call may succeed later without a change.
 */
bool amq_error_is_retryable(const struct amq_error *error);

/**
 * Returns the number of messages that were not delivered, for AMQ_KIND_UNDELIVERED; else 0.
 */
size_t amq_error_undelivered(const struct amq_error *error);

/**
 * Returns the HTTP status of the API's answer; 0 if the error is not from the API.
 */
uint16_t amq_error_api_status(const struct amq_error *error);

/**
 * Returns the API's error code, such as "PermissionDenied"; NULL if there is none. As amq_error_text otherwise.
 */
const char *amq_error_api_code(const struct amq_error *error,
                               size_t *len);

/**
 * Returns the API's request id, by which the provider's support finds the call; NULL if there is none. As
 * amq_error_text otherwise.
 */
const char *amq_error_request_id(const struct amq_error *error, size_t *len);

/**
 * Returns a copy of the error, which is freed on its own; NULL for NULL.
 */
struct amq_error *amq_error_clone(const struct amq_error *error);

/**
 * Frees an event. Does nothing if it is NULL. The event of a callback must not be freed.
 */
void amq_event_free(struct amq_event *event);

/**
 * Returns a copy of the event, which is freed on its own; NULL for NULL.
 */
struct amq_event *amq_event_clone(const struct amq_event *event);

/**
 * Returns the kind of the event; AMQ_EVENT_KIND_OTHER for NULL.
 */
enum amq_event_kind amq_event_get_kind(const struct amq_event *event);

/**
 * Returns the event as a line for people; it may change. Followed by a NUL. Sets `*len`, if `len` is not NULL, to its
 * length in bytes. NULL for NULL.
 */
const char *amq_event_text(const struct amq_event *event,
                           size_t *len);

/**
 * Returns the reason of the event, which belongs to the event and must not be freed; NULL if there is none.
 * amq_error_clone makes a copy.
 */
const struct amq_error *amq_event_reason(const struct amq_event *event);

/**
 * Returns the pause before the next attempt, in milliseconds; -1 if there is no next attempt, or if it is the next
 * login. For AMQ_EVENT_KIND_TOPIC_REFUSED, the time for which messages to the topic are refused.
 */
int64_t amq_event_retry_in(const struct amq_event *event);

/**
 * Returns true if the server had kept the session.
 */
bool amq_event_session_present(const struct amq_event *event);

/**
 * Returns the number of the connection, from 1; 0 if the event is not AMQ_EVENT_KIND_CONNECTED.
 */
uint64_t amq_event_number(const struct amq_event *event);

/**
 * Returns the topic of the event; NULL if it has none. As amq_event_text otherwise.
 */
const char *amq_event_topic(const struct amq_event *event, size_t *len);

/**
 * Returns the filter of the subscription that was lost; NULL if the event is another. As amq_event_text otherwise.
 */
const char *amq_event_filter(const struct amq_event *event,
                             size_t *len);

/**
 * Returns the kind of the token that the event is about; AMQ_TOKEN_KIND_NONE if that is not known.
 */
enum amq_token_kind amq_event_token_kind(const struct amq_event *event);

/**
 * Returns the time at which the token expires, in milliseconds since 1970; -1 if that is not known.
 */
int64_t amq_event_expires(const struct amq_event *event);

/**
 * Returns the new name of the damaged spool, with replacement characters where it is not UTF-8; NULL if the event is
 * another. As amq_event_text otherwise.
 */
const char *amq_event_path(const struct amq_event *event,
                           size_t *len);

/**
 * Returns the size of the packet that was discarded, in bytes; 0 if the event is another.
 */
size_t amq_event_size(const struct amq_event *event);

/**
 * Returns true if the program has taken the message that holds back acknowledgements, and not acknowledged it; false
 * if it still waits in the inbox.
 */
bool amq_event_taken(const struct amq_event *event);

/**
 * Returns the number of acknowledgements that are held back; 0 if the event is another.
 */
size_t amq_event_held_back(const struct amq_event *event);

/**
 * Returns the number of messages in the inbox that the program had not taken when the client ended. amq_event_topic is
 * the topic of the first.
 */
size_t amq_event_untaken(const struct amq_event *event);

/**
 * Returns, for a kept session, the number of acknowledgements that could not be sent before the client ended.
 */
size_t amq_event_unsent_acks(const struct amq_event *event);

/**
 * Returns the kind of the notice; AMQ_NOTICE_KIND_NONE if the event is not AMQ_EVENT_KIND_NOTICE.
 */
enum amq_notice_kind amq_event_notice_kind(const struct amq_event *event);

/**
 * Returns the service's code of the notice AMQ_NOTICE_KIND_TOKEN_INVALID; -1 if there is none. The text of the event
 * has its meaning.
 */
int64_t amq_event_notice_code(const struct amq_event *event);

/**
 * Returns the payload of a notice that could not be understood, with replacement characters where it is not UTF-8;
 * NULL if there is none. As amq_event_text otherwise.
 */
const char *amq_event_notice_payload(const struct amq_event *event,
                                     size_t *len);

/**
 * Creates a listener that receives what happens to the client from now on. Free it with amq_events_free.
 */
enum amq_status amq_events_new(const struct amq_client *client,
                               struct amq_events **events,
                               struct amq_error **error);

/**
 * Takes the next event. Blocks until there is one, at most for the timeout: AMQ_TIMEOUT_NONE waits as long as the
 * client lives, 0 does not wait.
 *
 * AMQ_OK: `*event` is the event, which amq_event_free frees. AMQ_TIMEOUT: none came. AMQ_END: the client has ended,
 * and every event was taken; the last one was AMQ_EVENT_KIND_ENDED. In all other cases `*event` is NULL.
 */
enum amq_status amq_events_recv(const struct amq_events *events,
                                int64_t timeout_ms,
                                struct amq_event **event,
                                struct amq_error **error);

/**
 * Ends the waits of this listener, from any thread. It receives nothing more: calls return AMQ_END. Does not block.
 */
void amq_events_close(const struct amq_events *events);

/**
 * Returns the number of events that were dropped because the queue was full; 0 for NULL and in a forked child.
 */
uint64_t amq_events_dropped(const struct amq_events *events);

/**
 * Frees a listener. Does nothing if it is NULL.
 */
void amq_events_free(struct amq_events *events);

/**
 * Calls `callback` for each record of the log of this level or a more severe one, for all clients of the process, in
 * place of the callback that was set before. `level` is an amq_log_level; AMQ_LOG_LEVEL_OFF, or NULL as the callback,
 * ends that only. `user` is passed to it. `destroy` may be NULL; it is called after the last call, or before this call
 * returns if it fails. Does not wait for a running call of the earlier callback.
 *
 * Records wait in a queue of up to 1,000 records and 1 MiB; beyond that the oldest are dropped and counted
 * (amq_log_dropped). A forked child begins without a callback. Fails if the library was linked into a Rust program
 * that has a logger.
 */
enum amq_status amq_log_set_callback(int32_t level,
                                     amq_log_callback callback,
                                     void *user,
                                     amq_destroy_callback destroy,
                                     struct amq_error **error);

/**
 * Returns the number of log records that were dropped because the callback was too slow.
 */
uint64_t amq_log_dropped(void);

/**
 * Frees a message. Does nothing if it is NULL. With AMQ_ACK_MODE_MANUAL, a message freed without an acknowledgement
 * stays unacknowledged: the server sends it again.
 */
void amq_message_free(struct amq_message *message);

/**
 * Returns a copy of the message, which is freed on its own; NULL for NULL. An acknowledgement of one is one of both.
 */
struct amq_message *amq_message_clone(const struct amq_message *message);

/**
 * Acknowledges the message, with AMQ_ACK_MODE_MANUAL. Does not block. In the other modes, and for a QoS 0 message,
 * there is nothing to acknowledge, and it succeeds.
 *
 * Acknowledgements are sent in the order of receipt, as MQTT requires: each waits for those of earlier messages.
 *
 * AMQ_ERROR_MISUSE if the message, or a copy of it, is acknowledged already. Fails with AMQ_KIND_CLOSED or the reason
 * why the client has ended; AMQ_KIND_CONNECTION_LOST if the connection that it came over and its session are gone, as
 * always with a clean session: the acknowledgement has no effect. With a persistent session it is kept, and sent when
 * the server repeats the message.
 */
enum amq_status amq_message_ack(const struct amq_message *message,
                                struct amq_error **error);

/**
 * Returns the topic that the message was published to, followed by a NUL. Sets `*len`, if `len` is not NULL, to its
 * length in bytes. Valid until the message is freed. NULL for NULL.
 */
const char *amq_message_topic(const struct amq_message *message,
                              size_t *len);

/**
 * Returns the payload and sets `*len`, if `len` is not NULL, to its length in bytes. Any bytes, without a NUL behind
 * them. Valid until the message is freed. NULL for NULL.
 */
const uint8_t *amq_message_payload(const struct amq_message *message,
                                   size_t *len);

/**
 * Returns the QoS of the delivery: the lower of the publisher's and the subscription's. AMQ_QOS_AT_MOST_ONCE for NULL.
 */
enum amq_qos amq_message_qos(const struct amq_message *message);

/**
 * Returns true if the server marked the message as sent before (DUP). The service sends a QoS 1 message again when its
 * acknowledgement takes longer than 5 to 10 s (help page "Limits"), so a receiver must expect repetitions.
 */
bool amq_message_is_duplicate(const struct amq_message *message);

/**
 * Returns the RETAIN flag. The service has no retained messages; other brokers have.
 */
bool amq_message_is_retained(const struct amq_message *message);

/**
 * Returns the content type (MQTT 5), as amq_message_topic; NULL if the sender gave none.
 */
const char *amq_message_content_type(const struct amq_message *message, size_t *len);

/**
 * Returns true if the sender declared the payload to be UTF-8 text (MQTT 5). The payload may still be something else.
 */
bool amq_message_payload_format_utf8(const struct amq_message *message);

/**
 * Returns the time left in milliseconds, in whole seconds, until the message expires, as of when the server sent it
 * (MQTT 5); -1 if it does not expire.
 */
int64_t amq_message_message_expiry(const struct amq_message *message);

/**
 * Returns the topic that the sender wants a reply on (MQTT 5), as amq_message_topic; NULL if it gave none.
 * amq_message_request_response_topic covers both versions of MQTT.
 */
const char *amq_message_response_topic(const struct amq_message *message, size_t *len);

/**
 * Returns the data that a reply should repeat (MQTT 5), as amq_message_payload; NULL if the sender gave none.
 */
const uint8_t *amq_message_correlation_data(const struct amq_message *message, size_t *len);

/**
 * Returns the number of user properties; 0 with MQTT 3.1.1.
 */
size_t amq_message_user_property_count(const struct amq_message *message);

/**
 * Sets `*key` and `*value` to the user property at `index`, which counts from 0 in the order of the sender, and their
 * lengths in bytes. Each may be NULL. A NUL follows both texts; they are valid until the message is freed. Returns
 * false if there is none at this index; then the texts are NULL.
 */
bool amq_message_user_property(const struct amq_message *message,
                               size_t index,
                               const char **key,
                               size_t *key_len,
                               const char **value,
                               size_t *value_len);

/**
 * Returns the value of the first user property with this key, as amq_message_topic; NULL if there is none, or if the
 * key is not a text.
 */
const char *amq_message_user_property_named(const struct amq_message *message,
                                            const char *key,
                                            size_t key_len,
                                            size_t *len);

/**
 * Returns the number of identifiers of the subscriptions that the message matched (MQTT 5).
 */
size_t amq_message_subscription_identifier_count(const struct amq_message *message);

/**
 * Returns the identifier at `index`, which counts from 0; 0 if there is none at this index.
 */
uint32_t amq_message_subscription_identifier(const struct amq_message *message, size_t index);

/**
 * Returns true if the message is a request that amq_client_reply can reply to: one with a response topic, over MQTT 5
 * or in the envelope.
 */
bool amq_message_is_request(const struct amq_message *message);

/**
 * Returns true if the request came in the envelope, and not with the properties of MQTT 5; false if the message is not
 * a request.
 */
bool amq_message_request_is_enveloped(const struct amq_message *message);

/**
 * Returns the payload of a request without the envelope, if there was one, as amq_message_payload; NULL if the message
 * is not a request.
 */
const uint8_t *amq_message_request_payload(const struct amq_message *message,
                                           size_t *len);

/**
 * Returns the topic of the reply to a request, as amq_message_topic; NULL if the message is not a request. The sender
 * chooses it: check it where that matters.
 */
const char *amq_message_request_response_topic(const struct amq_message *message,
                                               size_t *len);

/**
 * Returns the correlation data of a request, as amq_message_payload; NULL if there is none.
 */
const uint8_t *amq_message_request_correlation_data(const struct amq_message *message, size_t *len);

/**
 * Sets `*matches` to true if a subscription with this filter covers the topic (MQTT 3.1.1, section 4.7): '+' matches
 * one level and '#' the rest, its parent level included. Filters that begin with a wildcard do not match topics that
 * begin with '$'. Neither the filter nor the topic is checked against the service's rules.
 */
enum amq_status amq_topic_matches(const char *filter,
                                  size_t filter_len,
                                  const char *topic,
                                  size_t topic_len,
                                  bool *matches,
                                  struct amq_error **error);

/**
 * Writes the topic of a message to one client, "{parent}/p2p/{client_id}", with a NUL behind it, into a buffer of
 * `size` bytes, and sets `*len`, if `len` is not NULL, to its length in bytes without the NUL.
 *
 * With a NULL buffer of size 0, only `*len` is set. A buffer that is too small is AMQ_ERROR_MISUSE; `*len` is set
 * nevertheless. Fails with AMQ_KIND_INVALID if `parent` is not one topic level, or `client_id` is empty or contains
 * '/', '+' or '#'.
 */
enum amq_status amq_p2p_topic(const char *parent,
                              size_t parent_len,
                              const char *client_id,
                              size_t client_id_len,
                              char *buffer,
                              size_t size,
                              size_t *len,
                              struct amq_error **error);

/**
 * Creates a message to a topic. Free it with amq_outgoing_free. The payload is copied, once for all sends. Topic and
 * size are checked when it is sent.
 */
enum amq_status amq_outgoing_new(const char *topic,
                                 size_t topic_len,
                                 int32_t qos_level,
                                 const void *payload,
                                 size_t payload_len,
                                 struct amq_outgoing **outgoing,
                                 struct amq_error **error);

/**
 * Creates a message to one client, which needs no subscription for it: to the topic "{parent}/p2p/{client_id}", where
 * `parent` is a parent topic that the sender may publish to. Free it with amq_outgoing_free.
 *
 * Fails with AMQ_KIND_INVALID if `parent` is not one topic level, or `client_id` is empty or contains '/', '+' or '#'.
 */
enum amq_status amq_outgoing_p2p(const char *parent,
                                 size_t parent_len,
                                 const char *client_id,
                                 size_t client_id_len,
                                 int32_t qos_level,
                                 const void *payload,
                                 size_t payload_len,
                                 struct amq_outgoing **outgoing,
                                 struct amq_error **error);

/**
 * Creates the reply to a request (amq_message_is_request), in the form of the request, for any call that sends. Free
 * it with amq_outgoing_free. amq_client_reply sends a reply in one step.
 *
 * AMQ_ERROR_MISUSE if the message is not a request.
 */
enum amq_status amq_outgoing_reply(const struct amq_message *request,
                                   int32_t qos_level,
                                   const void *payload,
                                   size_t payload_len,
                                   struct amq_outgoing **outgoing,
                                   struct amq_error **error);

/**
 * Frees a message to be sent. Does nothing if it is NULL.
 */
void amq_outgoing_free(struct amq_outgoing *outgoing);

/**
 * Sets how long this message may stay without an acknowledgement. After that it is given up: it is not sent, or, if it
 * was written already, its fate is AMQ_FATE_UNKNOWN.
 *
 * By default the timeout of the call that publishes it; for queued messages amq_config_set_message_age, or, if that is
 * not set, the configured timeout.
 */
enum amq_status amq_outgoing_set_timeout(struct amq_outgoing *outgoing,
                                         int64_t timeout_ms,
                                         struct amq_error **error);

/**
 * Adds a user property: a key and a value of up to 65,535 bytes each. Keys may repeat, and the order is kept. Needs
 * MQTT 5.
 *
 * The service accepts 8 KB of user properties for messages that it forwards to RocketMQ (help page "Server-side data
 * forwarding").
 */
enum amq_status amq_outgoing_add_user_property(struct amq_outgoing *outgoing,
                                               const char *key,
                                               size_t key_len,
                                               const char *value,
                                               size_t value_len,
                                               struct amq_error **error);

/**
 * Sets the content type, such as "application/json": up to 65,535 bytes. Needs MQTT 5.
 */
enum amq_status amq_outgoing_set_content_type(struct amq_outgoing *outgoing,
                                              const char *content_type,
                                              size_t content_type_len,
                                              struct amq_error **error);

/**
 * Declares that the payload is UTF-8 text (payload format indicator 1). A payload that is not UTF-8 is refused when
 * the message is sent. Needs MQTT 5.
 */
enum amq_status amq_outgoing_set_payload_format_utf8(struct amq_outgoing *outgoing,
                                                     struct amq_error **error);

/**
 * Sets how long the server keeps the message before it discards it. Rounded up to whole seconds; at most
 * 4,294,967,295,000 ms. Needs MQTT 5.
 *
 * The service discards expired messages from its offline store (help page "MQTT 5.0 overview"). For messages that it
 * forwards to RocketMQ, the range is 0 to 65,535 s (help page "Server-side data forwarding").
 */
enum amq_status amq_outgoing_set_message_expiry(struct amq_outgoing *outgoing,
                                                int64_t expiry_ms,
                                                struct amq_error **error);

/**
 * Sets the topic that a reply should go to. The rules for topics apply. Needs MQTT 5. Not for amq_client_request and
 * its variants, which choose it.
 */
enum amq_status amq_outgoing_set_response_topic(struct amq_outgoing *outgoing,
                                                const char *topic,
                                                size_t topic_len,
                                                struct amq_error **error);

/**
 * Sets the data that a reply should repeat: up to 65,535 bytes. Needs MQTT 5. Not for amq_client_request and its
 * variants, which choose it.
 */
enum amq_status amq_outgoing_set_correlation_data(struct amq_outgoing *outgoing,
                                                  const void *data,
                                                  size_t data_len,
                                                  struct amq_error **error);

/**
 * Publishes a message, and blocks until the server has acknowledged it (QoS 0: until it was written), at most for the
 * timeout. While there is no connection, it waits for one. The topic and the payload are copied.
 *
 * The topic may have 128 characters and the payload 65,536 bytes, unless amq_config_set_limit allows more.
 *
 * Fails with AMQ_KIND_INVALID at once, if the topic or the size breaks a rule; AMQ_KIND_TIMEOUT with the stage;
 * AMQ_KIND_REJECTED or AMQ_KIND_SUSPECTED_REFUSAL if the service refuses the message; AMQ_KIND_CLOSED, or the reason
 * why the client has ended. amq_error_fate has the fate of the message: AMQ_FATE_NOT_SENT is safe to repeat.
 */
enum amq_status amq_client_publish(const struct amq_client *client,
                                   const char *topic,
                                   size_t topic_len,
                                   int32_t qos_level,
                                   const void *payload,
                                   size_t payload_len,
                                   int64_t timeout_ms,
                                   struct amq_error **error);

/**
 * Publishes a message with options, as amq_client_publish. A timeout of the message's own (amq_outgoing_set_timeout)
 * replaces `timeout_ms`.
 */
enum amq_status amq_client_publish_outgoing(const struct amq_client *client,
                                            const struct amq_outgoing *outgoing,
                                            int64_t timeout_ms,
                                            struct amq_error **error);

/**
 * Sends a message to one client, which needs no subscription for it, as amq_client_publish: to the topic
 * "{parent}/p2p/{client_id}" (help.aliyun.com/document_detail/96176.htm).
 *
 * `parent` is the first level of a topic that the sender may publish to. An offline receiver gets the message later
 * only with QoS 1 and if the sender keeps its session (glossary of the product). Otherwise it is lost, as far as is
 * known without an error for the sender.
 */
enum amq_status amq_client_send_p2p(const struct amq_client *client,
                                    const char *parent,
                                    size_t parent_len,
                                    const char *client_id,
                                    size_t client_id_len,
                                    int32_t qos_level,
                                    const void *payload,
                                    size_t payload_len,
                                    int64_t timeout_ms,
                                    struct amq_error **error);

/**
 * Queues a message and returns without waiting for the acknowledgement. With a spool, returns once the message is on
 * disk. amq_delivery_wait gives the outcome, amq_client_flush waits for all messages.
 *
 * Blocks only while the outbox is full or the publish rate leaves no slot, and with a spool until the message is
 * stored; at most for the timeout. 0 does not wait for room, but for the disk up to the configured timeout. How long
 * the message may stay without an acknowledgement is a setting of its own: see amq_outgoing_set_timeout.
 *
 * Sets `*delivery` to the delivery, which amq_delivery_free frees, or to NULL if the call fails: with AMQ_KIND_FULL if
 * the timeout is 0 and there is no room now, AMQ_KIND_TIMEOUT in the stages AMQ_STAGE_WINDOW and AMQ_STAGE_SPOOL,
 * AMQ_KIND_INVALID, AMQ_KIND_SPOOL, AMQ_KIND_CLOSED, or the reason why the client has ended. In each case the message
 * was not sent and will not be.
 */
enum amq_status amq_client_enqueue(const struct amq_client *client,
                                   const struct amq_outgoing *outgoing,
                                   int64_t timeout_ms,
                                   struct amq_delivery **delivery,
                                   struct amq_error **error);

/**
 * Queues a message without options, as amq_client_enqueue: the quickest way to queue a message that is sent once. The
 * topic and the payload are copied.
 */
enum amq_status amq_client_enqueue_bytes(const struct amq_client *client,
                                         const char *topic,
                                         size_t topic_len,
                                         int32_t qos_level,
                                         const void *payload,
                                         size_t payload_len,
                                         int64_t timeout_ms,
                                         struct amq_delivery **delivery,
                                         struct amq_error **error);

/**
 * Blocks until every message accepted so far is settled, at most for the timeout.
 *
 * Fails with AMQ_KIND_TIMEOUT and the number of messages still open; AMQ_KIND_UNDELIVERED with the number of messages
 * that have failed since the last report and whose delivery had been freed, and the first reason; AMQ_KIND_CLOSED if a
 * closer ends the wait.
 */
enum amq_status amq_client_flush(const struct amq_client *client,
                                 int64_t timeout_ms,
                                 struct amq_error **error);

/**
 * Checks a message as the calls that send it do, as far as that needs no connection. Does not block. Fails with
 * AMQ_KIND_INVALID if the topic, the size or a property breaks a rule, or if MQTT 3.1.1 cannot carry the properties.
 */
enum amq_status amq_client_check(const struct amq_client *client,
                                 const struct amq_outgoing *outgoing,
                                 struct amq_error **error);

/**
 * Takes the next message from the client's own queue. Blocks until there is one, at most for the timeout:
 * AMQ_TIMEOUT_NONE waits as long as the client lives, 0 does not wait.
 *
 * AMQ_OK: `*message` is the message, which amq_message_free frees. AMQ_TIMEOUT: no message came. AMQ_END: this program
 * has disconnected or closed the client. In all other cases `*message` is NULL. Fails if the client has given up.
 */
enum amq_status amq_client_recv(const struct amq_client *client,
                                int64_t timeout_ms,
                                struct amq_message **message,
                                struct amq_error **error);

/**
 * Sends a request at QoS 1 and blocks until its reply arrives, at most for the timeout. Sets `*reply` to the reply,
 * which amq_message_free frees, or to NULL if the call fails.
 *
 * Any number of threads may send requests at the same time; each gets the reply to its own. No thread has to receive.
 * The reply comes by P2P to this client, which needs no subscription, or to amq_config_set_response_topic. Over MQTT 5
 * a request has a response topic and correlation data; over 3.1.1 it travels in an envelope, which this library
 * documents (Rust documentation of `Request`). A lost connection does not end the wait. A request may reach the
 * replier twice.
 *
 * Fails as amq_client_publish, if the request itself fails. AMQ_KIND_TIMEOUT in the stage AMQ_STAGE_REPLY: the server
 * has the request (AMQ_FATE_DELIVERED), but no reply arrived.
 */
enum amq_status amq_client_request(const struct amq_client *client,
                                   const char *topic,
                                   size_t topic_len,
                                   const void *payload,
                                   size_t payload_len,
                                   int64_t timeout_ms,
                                   struct amq_message **reply,
                                   struct amq_error **error);

/**
 * Sends a request to one client, which needs no subscription for it, and blocks as amq_client_request. The topic is
 * "{parent}/p2p/{client_id}", as for amq_client_send_p2p. For an offline client it fails with a timeout.
 */
enum amq_status amq_client_request_p2p(const struct amq_client *client,
                                       const char *parent,
                                       size_t parent_len,
                                       const char *client_id,
                                       size_t client_id_len,
                                       const void *payload,
                                       size_t payload_len,
                                       int64_t timeout_ms,
                                       struct amq_message **reply,
                                       struct amq_error **error);

/**
 * Sends a request with options, and blocks as amq_client_request. A timeout of the message's own
 * (amq_outgoing_set_timeout) limits the time to the acknowledgement of the request.
 *
 * With `envelope`, the request travels in the envelope also over MQTT 5, for a replier that speaks 3.1.1. Fails with
 * AMQ_KIND_INVALID if the message has a response topic or correlation data, since the client chooses both.
 */
enum amq_status amq_client_request_outgoing(const struct amq_client *client,
                                            const struct amq_outgoing *outgoing,
                                            bool envelope,
                                            int64_t timeout_ms,
                                            struct amq_message **reply,
                                            struct amq_error **error);

/**
 * Replies to a request (amq_message_is_request) at QoS 1, in the form of the request, and blocks as
 * amq_client_publish. It does not acknowledge the request; with AMQ_ACK_MODE_MANUAL, call amq_message_ack after it.
 * amq_outgoing_reply makes a reply with more options.
 *
 * The sender of a request chooses the topic of the reply, which is published with this client's rights:
 * amq_message_request_response_topic. Fails with AMQ_KIND_INVALID if the message is not a request.
 */
enum amq_status amq_client_reply(const struct amq_client *client,
                                 const struct amq_message *request,
                                 const void *payload,
                                 size_t payload_len,
                                 int64_t timeout_ms,
                                 struct amq_error **error);

/**
 * Returns the standing client of this name in this process, or connects one: so that a program that begins anew at
 * each request, such as a PHP worker, connects once. Each call gives a handle of its own, which amq_client_free frees.
 *
 * * Threads that ask at the same time make one connection; the others wait for it, at most for the configured timeout,
 *   and get the same error if it fails. Nothing is kept of a failure: the next call tries again.
 * * The client is replaced if its settings differ from `config`, secrets included (a device id that the library made
 *   does not count), or if it has ended. The old one is disconnected in the background, whoever holds it: their calls
 *   fail with AMQ_KIND_CLOSED, and they can ask for the new one. Callbacks for credentials are the same if they come
 *   from one amq_credentials object. Tokens of amq_credentials_tokens_by_hand make no difference: if the client has
 *   not had them yet, they are handed in (amq_client_hand_in_tokens).
 * * The client ends with its last handle. With `keep`, in this call or an earlier one for it, it stays until the
 *   process ends, and then says goodbye: all of them together within 1 s, in a handler of atexit(). Not after _exit(),
 *   a signal, or in a child of fork() for its parent's clients.
 * * A child of fork() begins without standing clients. It uses none of its parent's, and makes its own.
 *
 * Blocks at most for the configured timeout while another thread connects, as long again to connect itself, and up to
 * 1 s for an old client's goodbye.
 */
enum amq_status amq_client_shared(const struct amq_config *config,
                                  const char *name,
                                  size_t name_len,
                                  bool keep,
                                  struct amq_client **client,
                                  struct amq_error **error);

/**
 * Sets `*value` to the present value of a counter or gauge: an amq_stat. Does not block. In a forked child all are 0.
 */
enum amq_status amq_client_stats_value(const struct amq_client *client,
                                       int32_t which,
                                       uint64_t *value,
                                       struct amq_error **error);

/**
 * Subscribes to a filter for the client's own queue (amq_client_recv). Blocks until the server has answered, at most
 * for the timeout. Sets `*granted`, if it is not NULL, to the QoS that the server granted, which may be lower. On a
 * lost session the subscription is made again in the background.
 *
 * A client may have 30 filters, unless AMQ_LIMIT_FILTERS allows more. Fails with AMQ_KIND_INVALID if the filter breaks
 * a rule; AMQ_KIND_REJECTED with the SUBACK code; AMQ_KIND_SUSPECTED_REFUSAL, since this service answers a
 * subscription without permission by closing the connection; AMQ_KIND_TIMEOUT with the stage; AMQ_KIND_CLOSED, or the
 * reason why the client has ended.
 */
enum amq_status amq_client_subscribe(const struct amq_client *client,
                                     const char *filter,
                                     size_t filter_len,
                                     int32_t qos_level,
                                     int64_t timeout_ms,
                                     enum amq_qos *granted,
                                     struct amq_error **error);

/**
 * Subscribes with options, as amq_client_subscribe. All options but the QoS need MQTT 5.
 *
 * `no_local` excludes the messages that this client publishes itself. `identifier`, 1 to 268,435,455, comes with each
 * matching message (amq_message_subscription_identifier); 0 means none. Filters with identifiers must not overlap.
 */
enum amq_status amq_client_subscribe_with(const struct amq_client *client,
                                          const char *filter,
                                          size_t filter_len,
                                          int32_t qos_level,
                                          bool no_local,
                                          uint32_t identifier,
                                          int64_t timeout_ms,
                                          enum amq_qos *granted,
                                          struct amq_error **error);

/**
 * Subscribes to several filters in one packet, as amq_client_subscribe: `count` filters with their lengths and their
 * QoS. `filter_lens` may be NULL; then each filter ends with a NUL. `granted` is NULL, or has `count` places for the
 * QoS that the server granted.
 *
 * If the call fails because one filter is refused, the others may have been granted. A `count` of 0 is
 * AMQ_KIND_INVALID.
 */
enum amq_status amq_client_subscribe_many(const struct amq_client *client,
                                          const char *const *filters,
                                          const size_t *filter_lens,
                                          const int32_t *qos_levels,
                                          size_t count,
                                          int64_t timeout_ms,
                                          enum amq_qos *granted,
                                          struct amq_error **error);

/**
 * Unsubscribes from a filter, also one of a subscription object, which then receives nothing more. Blocks until the
 * server confirms, at most for the timeout.
 *
 * Fails with AMQ_KIND_INVALID, AMQ_KIND_TIMEOUT, AMQ_KIND_CLOSED, or the reason why the client has ended. Even then
 * the filter is not subscribed again after a reconnect; only a kept session may still have it.
 */
enum amq_status amq_client_unsubscribe(const struct amq_client *client,
                                       const char *filter,
                                       size_t filter_len,
                                       int64_t timeout_ms,
                                       struct amq_error **error);

/**
 * Subscribes as amq_client_subscribe_with, and sets `*subscription` to an object that receives the matching messages
 * in place of the client's own queue, beginning with those that already wait there. amq_subscription_free frees it.
 * NULL if the call fails.
 */
enum amq_status amq_client_subscription(const struct amq_client *client,
                                        const char *filter,
                                        size_t filter_len,
                                        int32_t qos_level,
                                        bool no_local,
                                        uint32_t identifier,
                                        int64_t timeout_ms,
                                        struct amq_subscription **subscription,
                                        struct amq_error **error);

/**
 * Takes the next message of the subscription, as amq_client_recv.
 */
enum amq_status amq_subscription_recv(const struct amq_subscription *subscription,
                                      int64_t timeout_ms,
                                      struct amq_message **message,
                                      struct amq_error **error);

/**
 * Returns the filter, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until the
 * subscription is freed. NULL for NULL.
 */
const char *amq_subscription_filter(const struct amq_subscription *subscription,
                                    size_t *len);

/**
 * Frees a subscription, and unsubscribes in the background, unless another subscription or the client itself has the
 * same filter. Does nothing if it is NULL. The messages that it still holds move to the next subscription that
 * matches, else to the client's own queue. To let a kept session collect messages meanwhile, call
 * amq_client_disconnect first.
 */
void amq_subscription_free(struct amq_subscription *subscription);

/**
 * Returns the text, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until it is
 * freed. NULL for NULL.
 */
const char *amq_text_data(const struct amq_text *text,
                          size_t *len);

/**
 * Frees a text. Does nothing if it is NULL.
 */
void amq_text_free(struct amq_text *text);

/**
 * Creates a token from its text, without the kind in front of it. `kind` is an amq_token_kind. The text is checked
 * where the token is used.
 */
enum amq_status amq_token_new(int32_t kind,
                              const char *token_text,
                              size_t token_text_len,
                              struct amq_token **token,
                              struct amq_error **error);

/**
 * Frees a token. Does nothing if it is NULL.
 */
void amq_token_free(struct amq_token *token);

/**
 * Sets the time at which the token expires, in milliseconds since 1970 (Unix time). A client renews it before. A time
 * in the past counts as unknown.
 */
enum amq_status amq_token_set_expiry(struct amq_token *token,
                                     int64_t unix_ms,
                                     struct amq_error **error);

/**
 * Returns the kind of the token; AMQ_TOKEN_KIND_NONE for NULL.
 */
enum amq_token_kind amq_token_get_kind(const struct amq_token *token);

/**
 * Returns the text of the token, which is a secret, without its kind; followed by a NUL. Sets `*len`, if `len` is not
 * NULL, to its length in bytes. Valid until the token is freed. NULL for NULL.
 */
const char *amq_token_text(const struct amq_token *token,
                           size_t *len);

/**
 * Returns the time at which the token expires, in milliseconds since 1970; -1 if it is not known.
 */
int64_t amq_token_expiry(const struct amq_token *token);

/**
 * Returns the version of the library, such as "0.1.0". Valid for ever, and followed by a NUL.
 */
const char *amq_version(void);

/**
 * Returns the AMQ_ABI_VERSION of the library that is loaded.
 */
uint32_t amq_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ALIYUN_MQTT_H */
