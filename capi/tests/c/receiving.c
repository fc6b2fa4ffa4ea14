/* Subscribing and receiving. */
#include <string.h>

#include "test.h"

static void a_wait_that_is_over(void) {
    amq_client *client = connected();
    amq_message *message;
    EXPECT_STATUS(AMQ_TIMEOUT, amq_client_recv(client, 0, &message, &error));
    EXPECT(message == NULL);
    EXPECT_STATUS(AMQ_TIMEOUT, amq_client_recv(client, 1, &message, &error));
    OK(amq_client_disconnect(client, PATIENCE, &error));
    EXPECT_STATUS(AMQ_END, amq_client_recv(client, AMQ_TIMEOUT_DEFAULT, &message, &error));
    amq_client_free(client);
}

static void many_filters_at_once(void) {
    amq_client *client = connected();
    const char *filters[] = {topic_of("many/a"), topic_of("many/b")};
    size_t lens[] = {strlen(filters[0]), AMQ_NTS};
    int32_t qos[] = {AMQ_QOS_AT_LEAST_ONCE, AMQ_QOS_AT_MOST_ONCE};
    amq_qos granted[2];
    OK(amq_client_subscribe_many(client, filters, lens, qos, 2, PATIENCE, granted, &error));
    EXPECT(granted[0] == AMQ_QOS_AT_LEAST_ONCE && granted[1] == AMQ_QOS_AT_MOST_ONCE);
    OK(amq_client_subscribe_many(client, filters, NULL, qos, 2, PATIENCE, NULL, &error));
    publish(client, filters[0], "a");
    EXPECT_NEXT(client, "a");
    publish(client, filters[1], "b");
    EXPECT_NEXT(client, "b");
    OK(amq_client_unsubscribe(client, filters[0], AMQ_NTS, PATIENCE, &error));
    publish(client, filters[0], "nobody hears it");
    publish(client, filters[1], "c");
    EXPECT_NEXT(client, "c");
    qos[1] = 4;
    MISUSE("qos is", amq_client_subscribe_many(client, filters, NULL, qos, 2, PATIENCE, granted, &error));
    filters[1] = NULL;
    qos[1] = 1;
    MISUSE("NULL", amq_client_subscribe_many(client, filters, NULL, qos, 2, PATIENCE, granted, &error));
    MISUSE("NULL", amq_client_subscribe_many(client, NULL, NULL, qos, 2, PATIENCE, granted, &error));
    MISUSE("NULL", amq_client_subscribe_many(client, filters, NULL, NULL, 2, PATIENCE, granted, &error));
    finish(client);
}

static void options_of_mqtt_5(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_protocol(config, AMQ_PROTOCOL_V5, &error));
    amq_client *client = connected_with(config), *other = connected();
    const char *topic = topic_of("options");
    amq_qos granted;
    OK(amq_client_subscribe_with(client, topic, AMQ_NTS, 1, true, 0, PATIENCE, &granted, &error));
    EXPECT(granted == AMQ_QOS_AT_LEAST_ONCE);
    /* Not its own, but those of others. */
    publish(client, topic, "own");
    publish(other, topic, "other");
    EXPECT_NEXT(client, "other");
    MISUSE("AMQ_TIMEOUT_NONE",
           amq_client_subscribe_with(client, topic, AMQ_NTS, 1, true, 0, AMQ_TIMEOUT_NONE, NULL, &error));
    finish(other);
    finish(client);
}

static void a_subscription_has_a_queue_of_its_own(void) {
    amq_client *client = connected();
    const char *filter = topic_of("own/#"), *topic = topic_of("own/x"), *other = topic_of("common");
    subscribe(client, other);
    amq_subscription *subscription;
    OK(amq_client_subscription(client, filter, AMQ_NTS, 1, false, 0, PATIENCE, &subscription, &error));
    size_t len;
    EXPECT_TEXT(amq_subscription_filter(subscription, &len), filter);
    EXPECT(len == strlen(filter));
    publish(client, topic, "for the subscription");
    publish(client, other, "for the client");
    EXPECT_NEXT(client, "for the client");
    amq_message *message;
    OK(amq_subscription_recv(subscription, PATIENCE, &message, &error));
    EXPECT_TEXT(payload_of(message), "for the subscription");
    EXPECT_TEXT(amq_message_topic(message, NULL), topic);
    amq_message_free(message);
    EXPECT_STATUS(AMQ_TIMEOUT, amq_subscription_recv(subscription, 0, &message, &error));
    EXPECT(message == NULL);
    OK(amq_client_disconnect(client, PATIENCE, &error));
    EXPECT_STATUS(AMQ_END, amq_subscription_recv(subscription, AMQ_TIMEOUT_NONE, &message, &error));
    /* It may outlive its client. */
    amq_client_free(client);
    amq_subscription_free(subscription);
    amq_subscription_free(NULL);
    EXPECT(amq_subscription_filter(NULL, NULL) == NULL);
    MISUSE("subscription is NULL", amq_subscription_recv(NULL, 0, &message, &error));
}

static void acknowledged_by_hand(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_ack_mode(config, AMQ_ACK_MODE_MANUAL, &error));
    amq_client *client = connected_with(config);
    const char *topic = topic_of("ack");
    subscribe(client, topic);
    publish(client, topic, "by hand");
    amq_message *message = next_message(client), *copy = amq_message_clone(message);
    OK(amq_message_ack(message, &error));
    MISUSE("acknowledged", amq_message_ack(message, &error));
    MISUSE("acknowledged", amq_message_ack(copy, &error));
    amq_message_free(message);
    EXPECT_TEXT(payload_of(copy), "by hand");
    amq_message_free(copy);
    EXPECT(amq_message_clone(NULL) == NULL);
    MISUSE("message is NULL", amq_message_ack(NULL, &error));
    finish(client);
}

static void arguments_are_checked(void) {
    amq_client *client = connected();
    amq_message *message;
    amq_subscription *subscription;
    MISUSE("client is NULL", amq_client_recv(NULL, 0, &message, &error));
    MISUSE("message is NULL", amq_client_recv(client, 0, NULL, &error));
    MISUSE("negative", amq_client_recv(client, -3, &message, &error));
    MISUSE("filter is NULL", amq_client_subscribe(client, NULL, 0, 1, PATIENCE, NULL, &error));
    MISUSE("filter is NULL", amq_client_unsubscribe(client, NULL, 0, PATIENCE, &error));
    MISUSE("qos is", amq_client_subscribe(client, "x", 1, 9, PATIENCE, NULL, &error));
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_subscribe(client, "x", 1, 1, AMQ_TIMEOUT_NONE, NULL, &error));
    MISUSE("subscription is NULL", amq_client_subscription(client, "x", 1, 1, false, 0, PATIENCE, NULL, &error));
    MISUSE("filter is NULL", amq_client_subscription(client, NULL, 1, 1, false, 0, PATIENCE, &subscription, &error));
    EXPECT(subscription == NULL);
    FAILS(AMQ_KIND_INVALID, "", amq_client_subscribe(client, "a/#/b", AMQ_NTS, 1, PATIENCE, NULL, &error));
    finish(client);
}

static void topics(void) {
    bool matches;
    OK(amq_topic_matches(AMQ_TEXT("a/+/#"), AMQ_TEXT("a/b/c/d"), &matches, &error));
    EXPECT(matches);
    OK(amq_topic_matches(AMQ_TEXT("a/+"), AMQ_TEXT("a/b/c"), &matches, &error));
    EXPECT(!matches);
    MISUSE("filter is NULL", amq_topic_matches(NULL, 0, AMQ_TEXT("a"), &matches, &error));
    MISUSE("matches is NULL", amq_topic_matches(AMQ_TEXT("a"), AMQ_TEXT("a"), NULL, &error));

    size_t len;
    char buffer[32];
    const char *expected = "demo/p2p/GID_x@@@y";
    OK(amq_p2p_topic(AMQ_TEXT("demo"), AMQ_TEXT("GID_x@@@y"), NULL, 0, &len, &error));
    EXPECT(len == strlen(expected));
    OK(amq_p2p_topic(AMQ_TEXT("demo"), AMQ_TEXT("GID_x@@@y"), buffer, sizeof buffer, NULL, &error));
    EXPECT_TEXT(buffer, expected);
    OK(amq_p2p_topic(AMQ_TEXT("demo"), AMQ_TEXT("GID_x@@@y"), buffer, len + 1, NULL, &error));
    MISUSE("buffer", amq_p2p_topic(AMQ_TEXT("demo"), AMQ_TEXT("GID_x@@@y"), buffer, len, NULL, &error));
    FAILS(AMQ_KIND_INVALID, "", amq_p2p_topic(AMQ_TEXT("a/b"), AMQ_TEXT("GID_x@@@y"), buffer, 32, NULL, &error));
}

const test receiving_tests[] = {
    {"a wait that is over", a_wait_that_is_over},
    {"many filters at once", many_filters_at_once},
    {"options of MQTT 5", options_of_mqtt_5},
    {"a subscription has a queue of its own", a_subscription_has_a_queue_of_its_own},
    {"acknowledged by hand", acknowledged_by_hand},
    {"arguments are checked", arguments_are_checked},
    {"topics", topics},
    END_OF_TESTS,
};
