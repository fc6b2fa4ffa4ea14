/* Sending: one message or many, waiting for each or for all. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static amq_outgoing *outgoing(const char *topic, const char *text) {
    amq_outgoing *message;
    OK(amq_outgoing_new(topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, text, strlen(text), &message, &error));
    return message;
}

static uint64_t stat(const amq_client *client, int32_t which) {
    uint64_t value;
    OK(amq_client_stats_value(client, which, &value, &error));
    return value;
}

static void each_quality_of_service(void) {
    amq_client *client = connected();
    const char *topic = topic_of("qos");
    OK(amq_client_subscribe(client, topic, AMQ_NTS, AMQ_QOS_EXACTLY_ONCE, PATIENCE, NULL, &error));
    for (int32_t qos = 0; qos <= 2; qos++) {
        OK(amq_client_publish(client, topic, AMQ_NTS, qos, "\0x", 2, AMQ_TIMEOUT_DEFAULT, &error));
        amq_message *message = next_message(client);
        EXPECT((int32_t)amq_message_qos(message) == qos);
        size_t len;
        const uint8_t *payload = amq_message_payload(message, &len);
        EXPECT(len == 2 && memcmp(payload, "\0x", 2) == 0);
        amq_message_free(message);
    }
    /* An empty payload needs no address. */
    OK(amq_client_publish(client, topic, AMQ_NTS, 1, NULL, 0, PATIENCE, &error));
    EXPECT_NEXT(client, "");
    finish(client);
}

static void an_outgoing_message_can_be_sent_again(void) {
    amq_client *client = connected();
    const char *topic = topic_of("again");
    subscribe(client, topic);
    amq_outgoing *message = outgoing(topic, "twice");
    OK(amq_client_check(client, message, &error));
    OK(amq_client_publish_outgoing(client, message, PATIENCE, &error));
    OK(amq_outgoing_set_timeout(message, PATIENCE, &error));
    OK(amq_client_publish_outgoing(client, message, AMQ_TIMEOUT_DEFAULT, &error));
    amq_outgoing_free(message);
    EXPECT_NEXT(client, "twice");
    EXPECT_NEXT(client, "twice");
    finish(client);
}

static void a_delivery_is_settled_once(void) {
    amq_client *client = connected();
    amq_outgoing *message = outgoing(topic_of("delivery"), "queued");
    amq_delivery *delivery;
    OK(amq_client_enqueue(client, message, AMQ_TIMEOUT_DEFAULT, &delivery, &error));
    uint32_t attempts = 0;
    OK(amq_delivery_wait(delivery, AMQ_TIMEOUT_NONE, &attempts, &error));
    EXPECT(attempts == 1);
    OK(amq_delivery_wait(delivery, 0, NULL, &error));
    amq_delivery_free(delivery);
    /* Only if there is room now, as there is. */
    OK(amq_client_enqueue(client, message, 0, &delivery, &error));
    amq_delivery_free(delivery);
    amq_outgoing_free(message);
    /* Without an object for the message. */
    OK(amq_client_enqueue_bytes(client, topic_of("delivery"), AMQ_NTS, 1, "x", 1, PATIENCE, &delivery, &error));
    OK(amq_delivery_wait(delivery, PATIENCE, &attempts, &error));
    amq_delivery_free(delivery);
    OK(amq_client_flush(client, PATIENCE, &error));
    EXPECT(stat(client, AMQ_STAT_ACKNOWLEDGED) == 3);
    finish(client);
}

static void a_delivery_outlives_its_client(void) {
    amq_client *client = connected();
    amq_outgoing *message = outgoing(topic_of("delivery"), "queued");
    amq_delivery *delivery;
    OK(amq_client_enqueue(client, message, AMQ_TIMEOUT_DEFAULT, &delivery, &error));
    amq_outgoing_free(message);
    finish(client);
    OK(amq_delivery_wait(delivery, AMQ_TIMEOUT_DEFAULT, NULL, &error));
    amq_delivery_free(delivery);
}

#define COUNT 50

static void many_messages_with_one_result_each(void) {
    amq_client *client = connected();
    const char *topic = topic_of("many");
    subscribe(client, topic);
    amq_outgoing *messages[COUNT];
    amq_status statuses[COUNT];
    amq_error *errors[COUNT];
    amq_delivery *deliveries[COUNT];
    size_t failed = 7;
    for (int i = 0; i < COUNT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        /* The fourth cannot be sent. */
        messages[i] = outgoing(i == 3 ? "a//topic" : topic, text);
    }
    FAILS(AMQ_KIND_INVALID, "topic", amq_client_check(client, messages[3], &error));

    OK(amq_client_publish_many(client, (const amq_outgoing *const *)messages, COUNT, PATIENCE, statuses, errors,
                               &failed, &error));
    EXPECT(failed == 1);
    for (int i = 0; i < COUNT; i++) {
        EXPECT(statuses[i] == (i == 3 ? AMQ_ERROR : AMQ_OK));
        EXPECT((errors[i] != NULL) == (i == 3));
    }
    EXPECT(amq_error_kind(errors[3]) == AMQ_KIND_INVALID);
    amq_error_free(errors[3]);
    for (int i = 0; i < COUNT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        if (i != 3) EXPECT_NEXT(client, text);
    }

    OK(amq_client_enqueue_many(client, (const amq_outgoing *const *)messages, COUNT, PATIENCE, deliveries, errors,
                               &failed, &error));
    EXPECT(failed == 1);
    EXPECT(deliveries[3] == NULL && errors[3] != NULL);
    amq_error_free(errors[3]);
    for (int i = 0; i < COUNT; i++) {
        if (i == 3) continue;
        EXPECT(errors[i] == NULL);
        OK(amq_delivery_wait(deliveries[i], PATIENCE, NULL, &error));
        amq_delivery_free(deliveries[i]);
    }
    /* Without results, and without messages. */
    OK(amq_client_publish_many(client, (const amq_outgoing *const *)messages, 3, PATIENCE, NULL, NULL, &failed,
                               &error));
    EXPECT(failed == 0);
    OK(amq_client_publish_many(client, NULL, 0, PATIENCE, NULL, NULL, &failed, &error));
    OK(amq_client_enqueue_many(client, NULL, 0, PATIENCE, NULL, NULL, &failed, &error));
    const amq_outgoing *gap[] = {messages[0], NULL};
    MISUSE("[1] is NULL", amq_client_publish_many(client, gap, 2, PATIENCE, NULL, NULL, &failed, &error));
    MISUSE("[1] is NULL", amq_client_enqueue_many(client, gap, 2, PATIENCE, deliveries, NULL, &failed, &error));
    for (int i = 0; i < COUNT; i++) amq_outgoing_free(messages[i]);
    finish(client);
}

static void to_one_client(void) {
    amq_client *receiver = connected(), *sender = connected();
    const char *parent = variable("ALIYUN_MQTT_TOPIC"), *target = amq_client_id(receiver, NULL);
    OK(amq_client_send_p2p(sender, parent, AMQ_NTS, target, AMQ_NTS, 1, AMQ_TEXT("for you"), PATIENCE, &error));
    EXPECT_NEXT(receiver, "for you");
    amq_outgoing *message;
    OK(amq_outgoing_p2p(parent, AMQ_NTS, target, AMQ_NTS, 1, AMQ_TEXT("and again"), &message, &error));
    OK(amq_client_publish_outgoing(sender, message, PATIENCE, &error));
    amq_outgoing_free(message);
    EXPECT_NEXT(receiver, "and again");
    finish(sender);
    finish(receiver);
}

static void in_order(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_ordered(config, true, &error));
    amq_client *client = connected_with(config);
    const char *topic = topic_of("ordered");
    subscribe(client, topic);
    publish(client, topic, "first");
    publish(client, topic, "second");
    EXPECT_NEXT(client, "first");
    EXPECT_NEXT(client, "second");
    finish(client);
}

static void a_spool_keeps_what_was_not_delivered(void) {
    char path[] = "/tmp/amq-test-XXXXXX";
    EXPECT(mkdtemp(path) != NULL);
    char file[64];
    snprintf(file, sizeof file, "%s/spool", path);
    amq_config *config = amq_config_from_env();
    const char *device = unique("spooling");
    OK(amq_config_set_device_id(config, device, AMQ_NTS, &error));
    OK(amq_config_set_spool(config, file, AMQ_NTS, 0, AMQ_SPOOL_SYNC_INTERVAL, 1000, true, &error));
    amq_client *client = connected_with(config);
    amq_outgoing *message = outgoing(topic_of("spooled"), "on disk first");
    amq_delivery *delivery;
    OK(amq_client_enqueue(client, message, AMQ_TIMEOUT_DEFAULT, &delivery, &error));
    OK(amq_delivery_wait(delivery, PATIENCE, NULL, &error));
    amq_delivery_free(delivery);
    amq_outgoing_free(message);
    EXPECT(access(file, F_OK) == 0);
    finish(client);

    /* A file that is no spool is set aside, and the first listener is told. */
    FILE *damaged = fopen(file, "w");
    EXPECT(damaged != NULL);
    for (int i = 0; i < 10000; i++) fputs("this is no spool ", damaged);
    EXPECT(fclose(damaged) == 0);
    config = amq_config_from_env();
    OK(amq_config_set_device_id(config, device, AMQ_NTS, &error));
    OK(amq_config_set_spool(config, file, AMQ_NTS, 1 << 20, AMQ_SPOOL_SYNC_SYSTEM, 0, true, &error));
    client = connected_with(config);
    amq_events *events;
    amq_event *event;
    OK(amq_events_new(client, &events, &error));
    OK(amq_events_recv(events, PATIENCE, &event, &error));
    EXPECT(amq_event_get_kind(event) == AMQ_EVENT_KIND_SPOOL_SET_ASIDE);
    EXPECT(strstr(amq_event_path(event, NULL), "damaged") != NULL);
    EXPECT(unlink(amq_event_path(event, NULL)) == 0);
    amq_event_free(event);
    amq_events_free(events);
    finish(client);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", path);
    EXPECT(system(command) == 0);
}

static amq_closer *closer;

static void *close_it(void *unused) {
    (void)unused;
    amq_closer_close(closer);
    return NULL;
}

static void a_closer_ends_all_waits(void) {
    amq_client *client = connected();
    OK(amq_closer_new(client, &closer, &error));
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, close_it, NULL) == 0);
    amq_message *message;
    EXPECT_STATUS(AMQ_END, amq_client_recv(client, AMQ_TIMEOUT_NONE, &message, &error));
    EXPECT(pthread_join(thread, NULL) == 0);
    FAILS(AMQ_KIND_CLOSED, "", amq_client_publish(client, topic_of("x"), AMQ_NTS, 1, NULL, 0, PATIENCE, &error));
    amq_closer_close(closer);
    finish(client);
    amq_closer_close(closer);
    amq_closer_free(closer);
    amq_closer_close(NULL);
    amq_closer_free(NULL);
}

static void counters(void) {
    amq_client *client = connected();
    publish(client, topic_of("counted"), "one");
    EXPECT(stat(client, AMQ_STAT_CONNECTIONS) == 1);
    EXPECT(stat(client, AMQ_STAT_PUBLISHED) == 1);
    uint64_t value;
    for (int32_t which = AMQ_STAT_CONNECTIONS; which <= AMQ_STAT_STRANDED_WORKERS; which++) stat(client, which);
    MISUSE("which", amq_client_stats_value(client, AMQ_STAT_STRANDED_WORKERS + 1, &value, &error));
    MISUSE("which", amq_client_stats_value(client, -1, &value, &error));
    MISUSE("value is NULL", amq_client_stats_value(client, 0, NULL, &error));
    MISUSE("client is NULL", amq_client_stats_value(NULL, 0, &value, &error));
    finish(client);
}

static void arguments_are_checked(void) {
    amq_client *client = connected();
    const char *topic = topic_of("x");
    amq_outgoing *message;
    amq_delivery *delivery;
    MISUSE("client is NULL", amq_client_publish(NULL, topic, AMQ_NTS, 1, NULL, 0, 0, &error));
    MISUSE("topic is NULL", amq_client_publish(client, NULL, 0, 1, NULL, 0, PATIENCE, &error));
    MISUSE("UTF-8", amq_client_publish(client, "\xc3(", 2, 1, NULL, 0, PATIENCE, &error));
    MISUSE("NUL character", amq_client_publish(client, "a\0b", 3, 1, NULL, 0, PATIENCE, &error));
    MISUSE("qos is", amq_client_publish(client, topic, AMQ_NTS, 3, NULL, 0, PATIENCE, &error));
    MISUSE("qos is", amq_client_publish(client, topic, AMQ_NTS, -1, NULL, 0, PATIENCE, &error));
    MISUSE("payload is NULL", amq_client_publish(client, topic, AMQ_NTS, 1, NULL, 1, PATIENCE, &error));
    MISUSE("payload", amq_client_publish(client, topic, AMQ_NTS, 1, "x", SIZE_MAX, PATIENCE, &error));
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_publish(client, topic, AMQ_NTS, 1, NULL, 0, AMQ_TIMEOUT_NONE, &error));
    MISUSE("negative", amq_client_publish(client, topic, AMQ_NTS, 1, NULL, 0, -3, &error));
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_flush(client, AMQ_TIMEOUT_NONE, &error));
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_disconnect(client, AMQ_TIMEOUT_NONE, &error));
    MISUSE("outgoing is NULL", amq_client_publish_outgoing(client, NULL, PATIENCE, &error));
    MISUSE("outgoing is NULL", amq_client_enqueue(client, NULL, PATIENCE, &delivery, &error));
    EXPECT(delivery == NULL);
    MISUSE("payload is NULL", amq_client_enqueue_bytes(client, topic, AMQ_NTS, 1, NULL, 1, PATIENCE, &delivery, &error));
    EXPECT(delivery == NULL);
    MISUSE("outgoing is NULL", amq_client_check(client, NULL, &error));
    MISUSE("outgoing is NULL", amq_outgoing_set_timeout(NULL, 1, &error));
    MISUSE("is NULL", amq_client_send_p2p(client, NULL, 0, topic, AMQ_NTS, 1, NULL, 0, PATIENCE, &error));
    MISUSE("qos is", amq_outgoing_new(topic, AMQ_NTS, 5, NULL, 0, &message, &error));
    EXPECT(message == NULL);
    MISUSE("qos is", amq_outgoing_p2p("x", AMQ_NTS, "y", AMQ_NTS, 5, NULL, 0, &message, &error));
    MISUSE("outgoing is NULL", amq_outgoing_new(topic, AMQ_NTS, 1, NULL, 0, NULL, &error));
    message = outgoing(topic, "x");
    MISUSE("delivery is NULL", amq_client_enqueue(client, message, PATIENCE, NULL, &error));
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_enqueue(client, message, AMQ_TIMEOUT_NONE, &delivery, &error));
    MISUSE("negative", amq_outgoing_set_timeout(message, -9, &error));
    amq_outgoing_free(message);
    MISUSE("delivery is NULL", amq_delivery_wait(NULL, 0, NULL, &error));
    MISUSE("closer is NULL", amq_closer_new(client, NULL, &error));
    MISUSE("client is NULL", amq_closer_new(NULL, &closer, &error));
    amq_outgoing_free(NULL);
    amq_delivery_free(NULL);
    finish(client);
}

static void a_client_that_is_disconnected_fails(void) {
    amq_client *client = connected();
    OK(amq_client_disconnect(client, PATIENCE, &error));
    amq_outgoing *message = outgoing(topic_of("late"), "late");
    amq_delivery *delivery;
    size_t failed;
    const amq_outgoing *all[] = {message};
    FAILS(AMQ_KIND_CLOSED, "", amq_client_publish_outgoing(client, message, PATIENCE, &error));
    FAILS(AMQ_KIND_CLOSED, "", amq_client_enqueue(client, message, PATIENCE, &delivery, &error));
    amq_status status;
    OK(amq_client_publish_many(client, all, 1, PATIENCE, &status, NULL, &failed, &error));
    EXPECT(status == AMQ_ERROR && failed == 1);
    FAILS(AMQ_KIND_CLOSED, "", amq_client_subscribe(client, topic_of("late"), AMQ_NTS, 1, PATIENCE, NULL, &error));
    EXPECT(!amq_client_is_connected(client));
    amq_outgoing_free(message);
    amq_client_free(client);
}

const test sending_tests[] = {
    {"each quality of service", each_quality_of_service},
    {"an outgoing message can be sent again", an_outgoing_message_can_be_sent_again},
    {"a delivery is settled once", a_delivery_is_settled_once},
    {"a delivery outlives its client", a_delivery_outlives_its_client},
    {"many messages with one result each", many_messages_with_one_result_each},
    {"to one client", to_one_client},
    {"in order", in_order},
    {"a spool keeps what was not delivered", a_spool_keeps_what_was_not_delivered},
    {"a closer ends all waits", a_closer_ends_all_waits},
    {"counters", counters},
    {"arguments are checked", arguments_are_checked},
    {"a client that is disconnected fails", a_client_that_is_disconnected_fails},
    END_OF_TESTS,
};
