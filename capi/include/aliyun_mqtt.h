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
 * The reason why a call failed. Its texts are valid until it is freed; any thread may read it.
 */
typedef struct amq_error amq_error;

/**
 * A received message. Its texts and bytes are valid until it is freed; any thread may read it.
 */
typedef struct amq_message amq_message;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

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
 * nevertheless. Other calls on the client fail with AMQ_KIND_CLOSED from then on. The client must still be freed.
 */
enum amq_status amq_client_disconnect(const struct amq_client *client,
                                      int64_t timeout_ms,
                                      struct amq_error **error);

/**
 * Frees a client. If it is not disconnected, it tries that for up to 1 s first. Does nothing if it is NULL. No other
 * call may use the client meanwhile; its deliveries, subscriptions and messages may be used and freed later.
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
