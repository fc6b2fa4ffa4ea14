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
 * Forks. A child of fork() cannot use the objects of its parent: calls fail with AMQ_KIND_FORKED at once, and freeing
 * them returns at once. A client made in the child works.
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
 * The modes of amq_credentials_from_env.
 */
typedef enum amq_auth_mode {
    /**
     * The mode that ALIYUN_MQTT_AUTH names: "signature", "token" or "device"; signature mode if it is not set.
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
 * The settings of a client. One thread at a time may set or use it. A client keeps a copy, so it may be freed or
 * changed once the client is connected. Values are checked when a client is connected.
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
 * Sets the timeout of the client's calls, in milliseconds. Default 30,000.
 */
enum amq_status amq_config_set_timeout(struct amq_config *config,
                                       int64_t timeout_ms,
                                       struct amq_error **error);

/**
 * Enables ordered mode: the service keeps the messages of the connection in one sequence. Default false.
 */
enum amq_status amq_config_set_ordered(struct amq_config *config, bool ordered, struct amq_error **error);

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
 * Returns the topic, followed by a NUL. Sets `*len`, if `len` is not NULL, to its length in bytes. Valid until the
 * message is freed. NULL for NULL.
 */
const char *amq_message_topic(const struct amq_message *message,
                              size_t *len);

/**
 * Returns the payload and sets `*len` to its length in bytes. Any bytes, without a NUL behind them. Valid until the
 * message is freed. NULL for NULL.
 */
const uint8_t *amq_message_payload(const struct amq_message *message,
                                   size_t *len);

/**
 * Returns the QoS with which the message came; AMQ_QOS_AT_MOST_ONCE for NULL.
 */
enum amq_qos amq_message_qos(const struct amq_message *message);

/**
 * Publishes a message, and blocks until the server has acknowledged it (QoS 0: until it was written), at most for the
 * timeout. The topic and the payload are copied.
 *
 * Fails with the fate of the message: amq_error_fate.
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
 * Subscribes to a filter for the client's own queue (amq_client_recv). Blocks until the server has answered, at most
 * for the timeout. Sets `*granted`, if it is not NULL, to the QoS that the server granted.
 */
enum amq_status amq_client_subscribe(const struct amq_client *client,
                                     const char *filter,
                                     size_t filter_len,
                                     int32_t qos_level,
                                     int64_t timeout_ms,
                                     enum amq_qos *granted,
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
 * Blocks at most for the configured timeout to connect, and up to 1 s for an old client's goodbye.
 */
enum amq_status amq_client_shared(const struct amq_config *config,
                                  const char *name,
                                  size_t name_len,
                                  bool keep,
                                  struct amq_client **client,
                                  struct amq_error **error);

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
