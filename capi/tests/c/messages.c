/* What a message carries. */
#include <string.h>

#include "test.h"

static amq_client *connected_v5(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_protocol(config, AMQ_PROTOCOL_V5, &error));
    return connected_with(config);
}

static void properties_of_mqtt_5(void) {
    amq_client *client = connected_v5();
    const char *topic = topic_of("properties");
    subscribe(client, topic);
    amq_outgoing *out;
    OK(amq_outgoing_new(topic, AMQ_NTS, 1, AMQ_TEXT("{}"), &out, &error));
    OK(amq_outgoing_set_content_type(out, AMQ_TEXT("application/json"), &error));
    OK(amq_outgoing_set_payload_format_utf8(out, &error));
    OK(amq_outgoing_set_message_expiry(out, 60000, &error));
    OK(amq_outgoing_set_response_topic(out, topic, AMQ_NTS, &error));
    OK(amq_outgoing_set_correlation_data(out, "\0\1", 2, &error));
    OK(amq_outgoing_add_user_property(out, AMQ_TEXT("key"), AMQ_TEXT("one"), &error));
    OK(amq_outgoing_add_user_property(out, AMQ_TEXT("key2"), AMQ_TEXT("two"), &error));
    OK(amq_client_publish_outgoing(client, out, PATIENCE, &error));
    amq_outgoing_free(out);

    amq_message *message = next_message(client);
    size_t len, key_len, value_len;
    const char *key, *value;
    EXPECT_TEXT(amq_message_topic(message, &len), topic);
    EXPECT(len == strlen(topic));
    EXPECT_TEXT(amq_message_content_type(message, &len), "application/json");
    EXPECT(amq_message_payload_format_utf8(message));
    EXPECT(amq_message_message_expiry(message) > 0 && amq_message_message_expiry(message) <= 60000);
    EXPECT_TEXT(amq_message_response_topic(message, NULL), topic);
    const uint8_t *data = amq_message_correlation_data(message, &len);
    EXPECT(len == 2 && memcmp(data, "\0\1", 2) == 0);
    size_t count = amq_message_user_property_count(message);
    EXPECT(count >= 2);
    bool seen = false;
    for (size_t i = 0; i < count; i++) {
        EXPECT(amq_message_user_property(message, i, &key, &key_len, &value, &value_len));
        EXPECT(strlen(key) == key_len && strlen(value) == value_len);
        seen = seen || (strcmp(key, "key2") == 0 && strcmp(value, "two") == 0);
    }
    EXPECT(seen);
    EXPECT(amq_message_user_property(message, 0, NULL, NULL, NULL, NULL));
    EXPECT(!amq_message_user_property(message, count, &key, &key_len, &value, &value_len));
    EXPECT(key == NULL && value == NULL);
    EXPECT_TEXT(amq_message_user_property_named(message, AMQ_TEXT("key"), &len), "one");
    EXPECT(len == 3);
    EXPECT(amq_message_user_property_named(message, AMQ_TEXT("other"), NULL) == NULL);
    EXPECT(amq_message_user_property_named(message, "\xff", 1, NULL) == NULL);
    EXPECT(amq_message_subscription_identifier_count(message) == 0);
    EXPECT(amq_message_subscription_identifier(message, 0) == 0);
    EXPECT(!amq_message_is_retained(message));
    EXPECT(!amq_message_is_duplicate(message));
    amq_message_free(message);
    finish(client);
}

static void a_message_without_properties(void) {
    amq_client *client = connected();
    const char *topic = topic_of("plain");
    subscribe(client, topic);
    publish(client, topic, "plain");
    amq_message *message = next_message(client);
    EXPECT(amq_message_content_type(message, NULL) == NULL);
    EXPECT(!amq_message_payload_format_utf8(message));
    EXPECT(amq_message_message_expiry(message) == -1);
    EXPECT(amq_message_response_topic(message, NULL) == NULL);
    EXPECT(amq_message_correlation_data(message, NULL) == NULL);
    EXPECT(!amq_message_is_request(message));
    EXPECT(amq_message_request_payload(message, NULL) == NULL);
    /* It outlives its client. */
    finish(client);
    EXPECT_TEXT(payload_of(message), "plain");
    amq_message_free(message);
}

static void only_mqtt_5_carries_properties(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_protocol(config, AMQ_PROTOCOL_V3_1_1, &error));
    amq_client *client = connected_with(config);
    amq_outgoing *out;
    OK(amq_outgoing_new(topic_of("x"), AMQ_NTS, 1, NULL, 0, &out, &error));
    OK(amq_outgoing_set_content_type(out, AMQ_TEXT("text/plain"), &error));
    FAILS(AMQ_KIND_INVALID, "", amq_client_check(client, out, &error));
    FAILS(AMQ_KIND_INVALID, "", amq_client_publish_outgoing(client, out, PATIENCE, &error));
    amq_outgoing_free(out);
    finish(client);
}

static void arguments_are_checked(void) {
    amq_outgoing *out;
    OK(amq_outgoing_new(topic_of("x"), AMQ_NTS, 1, NULL, 0, &out, &error));
    MISUSE("is NULL", amq_outgoing_set_content_type(out, NULL, 0, &error));
    MISUSE("outgoing is NULL", amq_outgoing_set_payload_format_utf8(NULL, &error));
    MISUSE("negative", amq_outgoing_set_message_expiry(out, -1, &error));
    MISUSE("UTF-8", amq_outgoing_set_response_topic(out, "\xff", 1, &error));
    MISUSE("is NULL", amq_outgoing_set_correlation_data(out, NULL, 1, &error));
    MISUSE("key is NULL", amq_outgoing_add_user_property(out, NULL, 0, AMQ_TEXT("v"), &error));
    MISUSE("value is NULL", amq_outgoing_add_user_property(out, AMQ_TEXT("k"), NULL, 0, &error));
    amq_outgoing_free(out);
    const char *key;
    EXPECT(amq_message_topic(NULL, NULL) == NULL);
    EXPECT(amq_message_payload(NULL, NULL) == NULL);
    EXPECT(amq_message_qos(NULL) == AMQ_QOS_AT_MOST_ONCE);
    EXPECT(!amq_message_is_duplicate(NULL));
    EXPECT(!amq_message_is_retained(NULL));
    EXPECT(amq_message_content_type(NULL, NULL) == NULL);
    EXPECT(!amq_message_payload_format_utf8(NULL));
    EXPECT(amq_message_message_expiry(NULL) == -1);
    EXPECT(amq_message_response_topic(NULL, NULL) == NULL);
    EXPECT(amq_message_correlation_data(NULL, NULL) == NULL);
    EXPECT(amq_message_user_property_count(NULL) == 0);
    EXPECT(!amq_message_user_property(NULL, 0, &key, NULL, NULL, NULL));
    EXPECT(amq_message_user_property_named(NULL, AMQ_TEXT("k"), NULL) == NULL);
    EXPECT(amq_message_subscription_identifier_count(NULL) == 0);
    EXPECT(amq_message_subscription_identifier(NULL, 0) == 0);
    EXPECT(!amq_message_is_request(NULL));
    EXPECT(!amq_message_request_is_enveloped(NULL));
    EXPECT(amq_message_request_payload(NULL, NULL) == NULL);
    EXPECT(amq_message_request_response_topic(NULL, NULL) == NULL);
    EXPECT(amq_message_request_correlation_data(NULL, NULL) == NULL);
    amq_message_free(NULL);
}

const test messages_tests[] = {
    {"properties of MQTT 5", properties_of_mqtt_5},
    {"a message without properties", a_message_without_properties},
    {"only MQTT 5 carries properties", only_mqtt_5_carries_properties},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
