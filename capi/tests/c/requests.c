/* Requests and replies. */
#include <pthread.h>
#include <string.h>

#include "test.h"

/* Answers as many requests as it is told, each with "re: " and what it asked. */
typedef struct replier {
    amq_client *client;
    int count;
} replier;

static void *answer(void *argument) {
    replier *replier = argument;
    for (int i = 0; i < replier->count; i++) {
        amq_message *request = next_message(replier->client);
        EXPECT(amq_message_is_request(request));
        size_t len, topic_len;
        const uint8_t *payload = amq_message_request_payload(request, &len);
        char text[64] = "re: ";
        EXPECT(len < sizeof text - 4);
        memcpy(text + 4, payload, len);
        const char *topic = amq_message_request_response_topic(request, &topic_len);
        EXPECT(strlen(topic) == topic_len);
        EXPECT(amq_message_request_correlation_data(request, &topic_len) != NULL && topic_len > 0);
        if (i % 2 == 0) {
            OK(amq_client_reply(replier->client, request, text, len + 4, PATIENCE, &error));
        } else {
            amq_outgoing *out;
            OK(amq_outgoing_reply(request, AMQ_QOS_AT_LEAST_ONCE, text, len + 4, &out, &error));
            OK(amq_client_publish_outgoing(replier->client, out, PATIENCE, &error));
            amq_outgoing_free(out);
        }
        amq_message_free(request);
    }
    return NULL;
}

static void expect_reply(amq_message *reply, const char *text) {
    EXPECT_TEXT(payload_of(reply), text);
    amq_message_free(reply);
}

static void a_request_gets_its_reply(void) {
    amq_client *asker = connected();
    replier replier = {connected(), 4};
    const char *topic = topic_of("requests");
    subscribe(replier.client, topic);
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, answer, &replier) == 0);
    amq_message *reply;
    OK(amq_client_request(asker, topic, AMQ_NTS, AMQ_TEXT("one"), PATIENCE, &reply, &error));
    expect_reply(reply, "re: one");
    OK(amq_client_request_p2p(asker, variable("ALIYUN_MQTT_TOPIC"), AMQ_NTS, amq_client_id(replier.client, NULL),
                              AMQ_NTS, AMQ_TEXT("two"), PATIENCE, &reply, &error));
    expect_reply(reply, "re: two");
    amq_outgoing *out;
    OK(amq_outgoing_new(topic, AMQ_NTS, 1, AMQ_TEXT("three"), &out, &error));
    OK(amq_client_request_outgoing(asker, out, false, PATIENCE, &reply, &error));
    expect_reply(reply, "re: three");
    OK(amq_client_request_outgoing(asker, out, true, PATIENCE, &reply, &error));
    expect_reply(reply, "re: three");
    amq_outgoing_free(out);
    EXPECT(pthread_join(thread, NULL) == 0);
    finish(replier.client);
    finish(asker);
}

static void a_request_in_an_envelope_says_so(void) {
    amq_client *asker = connected(), *other = connected();
    const char *topic = topic_of("enveloped");
    subscribe(other, topic);
    amq_outgoing *out;
    OK(amq_outgoing_new(topic, AMQ_NTS, 1, AMQ_TEXT("?"), &out, &error));
    amq_message *reply;
    EXPECT(amq_client_request_outgoing(asker, out, true, 1000, &reply, &error) == AMQ_ERROR_TIMEOUT);
    EXPECT(reply == NULL);
    EXPECT(amq_error_fate(error) == AMQ_FATE_DELIVERED || amq_error_fate(error) == AMQ_FATE_UNKNOWN ||
           amq_error_fate(error) == AMQ_FATE_NOT_SENT);
    amq_error_free(error);
    error = NULL;
    amq_outgoing_free(out);
    amq_message *request = next_message(other);
    EXPECT(amq_message_is_request(request));
    EXPECT(amq_message_request_is_enveloped(request));
    amq_message_free(request);
    finish(other);
    finish(asker);
}

static void arguments_are_checked(void) {
    amq_client *client = connected();
    const char *topic = topic_of("x");
    subscribe(client, topic);
    publish(client, topic, "no request");
    amq_message *message = next_message(client), *reply;
    amq_outgoing *out;
    EXPECT(amq_client_reply(client, message, NULL, 0, PATIENCE, &error) < 0);
    amq_error_free(error);
    error = NULL;
    MISUSE("request", amq_outgoing_reply(message, 1, NULL, 0, &out, &error));
    EXPECT(out == NULL);
    MISUSE("request is NULL", amq_outgoing_reply(NULL, 1, NULL, 0, &out, &error));
    MISUSE("request is NULL", amq_client_reply(client, NULL, NULL, 0, PATIENCE, &error));
    MISUSE("topic is NULL", amq_client_request(client, NULL, 0, NULL, 0, PATIENCE, &reply, &error));
    EXPECT(reply == NULL);
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_request(client, topic, AMQ_NTS, NULL, 0, AMQ_TIMEOUT_NONE, &reply, &error));
    MISUSE("reply is NULL", amq_client_request(client, topic, AMQ_NTS, NULL, 0, PATIENCE, NULL, &error));
    MISUSE("client is NULL", amq_client_request(NULL, topic, AMQ_NTS, NULL, 0, PATIENCE, &reply, &error));
    MISUSE("outgoing is NULL", amq_client_request_outgoing(client, NULL, false, PATIENCE, &reply, &error));
    MISUSE("is NULL", amq_client_request_p2p(client, NULL, 0, "x", 1, NULL, 0, PATIENCE, &reply, &error));
    amq_message_free(message);
    finish(client);
}

const test requests_tests[] = {
    {"a request gets its reply", a_request_gets_its_reply},
    {"a request in an envelope says so", a_request_in_an_envelope_says_so},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
