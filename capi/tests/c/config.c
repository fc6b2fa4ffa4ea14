/* Configurations. */
#include <string.h>

#include "test.h"

/* Every setting that does not exclude another, each with a value that the emulator takes. */
static void set_all(amq_config *config) {
    OK(amq_config_set_endpoint(config, variable("ALIYUN_MQTT_ENDPOINT"), AMQ_NTS, &error));
    OK(amq_config_set_instance_id(config, variable("ALIYUN_MQTT_INSTANCE_ID"), AMQ_NTS, &error));
    OK(amq_config_set_group_id(config, variable("ALIYUN_MQTT_GROUP_ID"), AMQ_NTS, &error));
    OK(amq_config_set_device_id(config, unique("all"), AMQ_NTS, &error));
    OK(amq_config_set_protocol(config, AMQ_PROTOCOL_V5, &error));
    OK(amq_config_set_clean_session(config, false, &error));
    OK(amq_config_set_session_expiry(config, 3600000, &error));
    OK(amq_config_set_receive_maximum(config, 100, &error));
    OK(amq_config_set_keep_alive(config, 30000, &error));
    OK(amq_config_set_timeout(config, PATIENCE, &error));
    OK(amq_config_set_max_window(config, 200, &error));
    OK(amq_config_set_limit(config, AMQ_LIMIT_PAYLOAD_LEN, 1000, &error));
    OK(amq_config_set_strict_names(config, true, &error));
    OK(amq_config_set_max_publish_rate(config, 100000, &error));
    OK(amq_config_set_ordered(config, false, &error));
    OK(amq_config_set_ack_mode(config, AMQ_ACK_MODE_ON_ARRIVAL, &error));
    OK(amq_config_set_message_age(config, 60000, &error));
    OK(amq_config_set_refusal_patience(config, 60000, &error));
    OK(amq_config_set_refused_topic_pause(config, 60000, &error));
    OK(amq_config_set_backoff(config, 100, 1000, &error));
    OK(amq_config_set_token_renewal(config, 0.5, &error));
    OK(amq_config_set_deliver_notices(config, true, &error));
    OK(amq_config_set_response_topic(config, topic_of("replies"), AMQ_NTS, &error));
    OK(amq_config_set_ca_file(config, variable("ALIYUN_MQTT_CA_FILE"), AMQ_NTS, &error));
    OK(amq_config_set_system_roots(config, false, &error));
}

static void every_setting_reaches_the_client(void) {
    amq_config *config = amq_config_new();
    FAILS(AMQ_KIND_CONFIG, "endpoint", amq_config_check(config, &error));
    set_all(config);
    amq_credentials *credentials;
    OK(amq_credentials_signature(variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), AMQ_NTS,
                                 variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), AMQ_NTS, &credentials, &error));
    OK(amq_config_set_credentials(config, credentials, &error));
    amq_credentials_free(credentials);
    OK(amq_config_check(config, &error));
    amq_client *client = connected_with(config);
    EXPECT(amq_client_is_connected(client));
    size_t len;
    const char *id = amq_client_id(client, &len);
    EXPECT(strlen(id) == len && strstr(id, "@@@all_") != NULL);
    EXPECT(strstr(amq_client_endpoint(client, &len), variable("ALIYUN_MQTT_ENDPOINT")) != NULL);
    /* The limit. */
    char payload[1001] = {0};
    FAILS(AMQ_KIND_INVALID, "payload",
          amq_client_publish(client, topic_of("x"), AMQ_NTS, 1, payload, sizeof payload, PATIENCE, &error));
    finish(client);
}

static void a_fixed_window(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_window(config, 7, &error));
    amq_client *client = connected_with(config);
    uint64_t window;
    OK(amq_client_stats_value(client, AMQ_STAT_WINDOW, &window, &error));
    EXPECT(window == 7);
    finish(client);
}

static void the_whole_client_id_is_for_custom_authentication(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_client_id(config, AMQ_TEXT("whole"), &error));
    FAILS(AMQ_KIND_CONFIG, "custom authentication", amq_config_check(config, &error));
    amq_config_free(config);
}

static void certificates_are_checked_when_they_are_used(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_endpoint(config, AMQ_TEXT("mqtts://127.0.0.1:1"), &error));
    OK(amq_config_set_ca_pem(config, AMQ_TEXT("no certificate"), &error));
    OK(amq_config_set_client_certificate_files(config, AMQ_TEXT("/no/such/cert"), AMQ_TEXT("/no/such/key"), &error));
    OK(amq_config_set_client_certificate_pem(config, AMQ_TEXT("no certificate"), AMQ_TEXT("no key"), &error));
    amq_client *client;
    EXPECT(amq_client_connect(config, &client, &error) == AMQ_ERROR);
    EXPECT(amq_error_kind(error) == AMQ_KIND_CONFIG || amq_error_kind(error) == AMQ_KIND_TLS);
    amq_error_free(error);
    error = NULL;
    amq_config_free(config);
}

static void proxies(void) {
    amq_config *config = amq_config_from_env();
    /* The variables name none. */
    OK(amq_config_set_proxy_from_env(config, &error));
    OK(amq_config_check(config, &error));
    OK(amq_config_set_proxy(config, AMQ_TEXT("http://127.0.0.1:1"), &error));
    OK(amq_config_set_proxy_credentials(config, AMQ_TEXT("user"), AMQ_TEXT("no secret"), &error));
    amq_client *client;
    EXPECT(amq_client_connect(config, &client, &error) == AMQ_ERROR);
    EXPECT(strstr(amq_error_text(error, NULL), "proxy") != NULL);
    EXPECT(strstr(amq_error_text(error, NULL), "no secret") == NULL);
    amq_error_free(error);
    error = NULL;
    amq_config_free(config);
}

static void arguments_are_checked(void) {
    amq_config *config = amq_config_new();
    MISUSE("config is NULL", amq_config_set_endpoint(NULL, AMQ_TEXT("x"), &error));
    MISUSE("endpoint is NULL", amq_config_set_endpoint(config, NULL, 3, &error));
    MISUSE("not valid UTF-8", amq_config_set_group_id(config, AMQ_TEXT("GID_\xff"), &error));
    MISUSE("NUL character", amq_config_set_group_id(config, AMQ_TEXT("GID_\0x"), &error));
    MISUSE("more than memory can hold", amq_config_set_group_id(config, "GID_x", SIZE_MAX - 1, &error));
    MISUSE("protocol", amq_config_set_protocol(config, 6, &error));
    MISUSE("mode", amq_config_set_ack_mode(config, 3, &error));
    MISUSE("limit", amq_config_set_limit(config, 99, 1, &error));
    MISUSE("limit", amq_config_set_limit(config, -1, 1, &error));
    MISUSE("sync", amq_config_set_spool(config, AMQ_TEXT("x"), 0, 9, 0, false, &error));
    MISUSE("negative", amq_config_set_timeout(config, -1, &error));
    MISUSE("negative", amq_config_set_keep_alive(config, -5, &error));
    MISUSE("window", amq_config_set_window(config, 70000, &error));
    MISUSE("credentials is NULL", amq_config_set_credentials(config, NULL, &error));
    MISUSE("config is NULL", amq_config_check(NULL, &error));
    amq_client *client;
    MISUSE("client is NULL", amq_client_connect(config, NULL, &error));
    MISUSE("config is NULL", amq_client_connect(NULL, &client, &error));
    EXPECT(client == NULL);
    /* What C allows and the library does not is told when it is used. */
    OK(amq_config_set_keep_alive(config, 1, &error));
    amq_config_free(config);
    amq_config_free(NULL);
    EXPECT(amq_client_id(NULL, NULL) == NULL);
    EXPECT(amq_client_endpoint(NULL, NULL) == NULL);
    EXPECT(!amq_client_is_connected(NULL));
    amq_client_free(NULL);
}

const test config_tests[] = {
    {"every setting reaches the client", every_setting_reaches_the_client},
    {"a fixed window", a_fixed_window},
    {"the whole client id is for custom authentication", the_whole_client_id_is_for_custom_authentication},
    {"certificates are checked when they are used", certificates_are_checked_when_they_are_used},
    {"proxies", proxies},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
