/* Events: by plain calls, and by a callback. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "test.h"

/* Closes the connection of a client, as somebody at the console does. */
static void close_connection(const char *client_id) {
    amq_api_config *config = amq_api_config_from_env();
    amq_api *api;
    OK(amq_api_new(config, &api, &error));
    amq_api_config_free(config);
    amq_call *call;
    OK(amq_call_new(AMQ_TEXT("CloseConnection"), &call, &error));
    OK(amq_call_add_parameter(call, AMQ_TEXT("InstanceId"), variable("ALIYUN_MQTT_INSTANCE_ID"), AMQ_NTS, &error));
    OK(amq_call_add_parameter(call, AMQ_TEXT("ClientId"), client_id, AMQ_NTS, &error));
    amq_text *json;
    OK(amq_api_call(api, call, PATIENCE, &json, &error));
    amq_text_free(json);
    amq_call_free(call);
    amq_api_free(api);
}

static amq_event *next_of(amq_events *events, amq_event_kind kind) {
    for (;;) {
        amq_event *event;
        OK(amq_events_recv(events, PATIENCE, &event, &error));
        if (amq_event_get_kind(event) == kind) return event;
        amq_event_free(event);
    }
}

static void a_listener_hears_of_a_lost_connection_and_the_next_one(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_backoff(config, 10, 50, &error));
    amq_client *client = connected_with(config);
    amq_events *events;
    OK(amq_events_new(client, &events, &error));
    close_connection(amq_client_id(client, NULL));
    amq_event *event = next_of(events, AMQ_EVENT_KIND_DISCONNECTED);
    EXPECT(amq_event_reason(event) != NULL);
    EXPECT(amq_event_retry_in(event) >= 0);
    size_t len;
    const char *text = amq_event_text(event, &len);
    EXPECT(strlen(text) == len && len > 0);
    amq_event *copy = amq_event_clone(event);
    amq_event_free(event);
    EXPECT(amq_event_get_kind(copy) == AMQ_EVENT_KIND_DISCONNECTED);
    amq_event_free(copy);
    event = next_of(events, AMQ_EVENT_KIND_CONNECTED);
    EXPECT(amq_event_number(event) >= 2);
    EXPECT(!amq_event_session_present(event));
    EXPECT(amq_event_reason(event) == NULL);
    amq_event_free(event);
    OK(amq_client_disconnect(client, PATIENCE, &error));
    event = next_of(events, AMQ_EVENT_KIND_ENDED);
    EXPECT(amq_error_kind(amq_event_reason(event)) == AMQ_KIND_CLOSED);
    EXPECT(amq_event_untaken(event) == 0);
    EXPECT(amq_event_unsent_acks(event) == 0);
    amq_event_free(event);
    EXPECT_STATUS(AMQ_END, amq_events_recv(events, AMQ_TIMEOUT_NONE, &event, &error));
    EXPECT(event == NULL);
    EXPECT(amq_events_dropped(events) == 0);
    amq_events_free(events);
    amq_client_free(client);
}

static void a_message_that_nobody_took_is_told_at_the_end(void) {
    amq_client *client = connected();
    const char *topic = topic_of("untaken");
    subscribe(client, topic);
    amq_events *events;
    OK(amq_events_new(client, &events, &error));
    publish(client, topic, "nobody takes it");
    for (uint64_t waiting = 0; waiting == 0;)
        OK(amq_client_stats_value(client, AMQ_STAT_INBOX_MESSAGES, &waiting, &error));
    OK(amq_client_disconnect(client, PATIENCE, &error));
    amq_event *event = next_of(events, AMQ_EVENT_KIND_ENDED);
    EXPECT(amq_event_untaken(event) == 1);
    EXPECT_TEXT(amq_event_topic(event, NULL), topic);
    amq_event_free(event);
    amq_events_free(events);
    amq_client_free(client);
}

/*
 * A packet above the limit ends the connection; in a kept session it comes again, and is set aside, with an event. Over
 * MQTT 5 the server does not send it in the first place.
 */
static void a_message_that_is_too_large_is_set_aside(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_protocol(config, AMQ_PROTOCOL_V3_1_1, &error));
    OK(amq_config_set_device_id(config, unique("large"), AMQ_NTS, &error));
    OK(amq_config_set_clean_session(config, false, &error));
    OK(amq_config_set_backoff(config, 10, 50, &error));
    OK(amq_config_set_limit(config, AMQ_LIMIT_PACKET_LEN, 1, &error));
    OK(amq_config_set_limit(config, AMQ_LIMIT_PAYLOAD_LEN, 1, &error));
    amq_client *client = connected_with(config), *sender = connected();
    const char *topic = topic_of("large");
    subscribe(client, topic);
    amq_events *events;
    OK(amq_events_new(client, &events, &error));
    static char payload[60000];
    OK(amq_client_publish(sender, topic, AMQ_NTS, 1, payload, sizeof payload, PATIENCE, &error));
    amq_event *event = next_of(events, AMQ_EVENT_KIND_MESSAGE_SET_ASIDE);
    EXPECT_TEXT(amq_event_topic(event, NULL), topic);
    EXPECT(amq_event_size(event) > sizeof payload);
    EXPECT(amq_event_reason(event) != NULL);
    amq_event_free(event);
    amq_events_free(events);
    finish(sender);
    finish(client);
}

static void *close_listener(void *events) {
    amq_events_close(events);
    return NULL;
}

static void closing_a_listener_ends_its_waits(void) {
    amq_client *client = connected();
    amq_events *events;
    amq_event *event;
    OK(amq_events_new(client, &events, &error));
    EXPECT_STATUS(AMQ_TIMEOUT, amq_events_recv(events, 0, &event, &error));
    pthread_t closer;
    EXPECT(pthread_create(&closer, NULL, close_listener, events) == 0);
    EXPECT_STATUS(AMQ_END, amq_events_recv(events, AMQ_TIMEOUT_NONE, &event, &error));
    EXPECT(event == NULL);
    EXPECT(pthread_join(closer, NULL) == 0);
    amq_events_free(events);
    finish(client);
}

/* What a callback has seen, and what it does. */
typedef struct listener {
    amq_client *client;
    const char *topic;
    atomic_int connected, published, ended, destroyed;
} listener;

static void note(void *user, const amq_event *event) {
    listener *listener = user;
    switch (amq_event_get_kind(event)) {
        case AMQ_EVENT_KIND_CONNECTED: {
            atomic_fetch_add(&listener->connected, 1);
            publish(listener->client, listener->topic, "from a callback");
            atomic_fetch_add(&listener->published, 1);
            break;
        }
        case AMQ_EVENT_KIND_ENDED: atomic_fetch_add(&listener->ended, 1); break;
        default: break;
    }
}

static void note_destruction(void *user) { atomic_fetch_add(&((listener *)user)->destroyed, 1); }

static void a_callback_publishes(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_backoff(config, 10, 50, &error));
    amq_client *client = connected_with(config);
    listener listener = {.client = client, .topic = topic_of("callback")};
    subscribe(client, listener.topic);
    OK(amq_client_on_event(client, note, &listener, note_destruction, &error));
    close_connection(amq_client_id(client, NULL));
    EXPECT_NEXT(client, "from a callback");
    AWAIT(atomic_load(&listener.published) >= 1);
    EXPECT(amq_client_events_dropped(client) == 0);
    OK(amq_client_disconnect(client, PATIENCE, &error));
    AWAIT(atomic_load(&listener.ended) == 1);
    amq_client_free(client);
    AWAIT(atomic_load(&listener.destroyed) == 1);
}

/* The client that a callback is about to disconnect and free. */
static void end_the_client(void *user, const amq_event *event) {
    listener *listener = user;
    if (amq_event_get_kind(event) != AMQ_EVENT_KIND_CONNECTED) return;
    OK(amq_client_disconnect(listener->client, PATIENCE, &error));
    amq_client_free(listener->client);
    atomic_fetch_add(&listener->ended, 1);
}

static void a_callback_disconnects_and_frees_its_client(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_backoff(config, 10, 50, &error));
    amq_client *client = connected_with(config);
    listener listener = {.client = client};
    char client_id[128];
    strcpy(client_id, amq_client_id(client, NULL));
    OK(amq_client_on_event(client, end_the_client, &listener, note_destruction, &error));
    close_connection(client_id);
    AWAIT(atomic_load(&listener.ended) == 1);
    AWAIT(atomic_load(&listener.destroyed) == 1);
}

static void a_callback_is_replaced_and_removed(void) {
    amq_client *client = connected();
    listener first = {.client = client}, second = {.client = client};
    OK(amq_client_on_event(client, note, &first, note_destruction, &error));
    OK(amq_client_on_event(client, note, &second, note_destruction, &error));
    AWAIT(atomic_load(&first.destroyed) == 1);
    OK(amq_client_on_event(client, NULL, NULL, NULL, &error));
    AWAIT(atomic_load(&second.destroyed) == 1);
    finish(client);
    EXPECT(atomic_load(&first.ended) == 0 && atomic_load(&second.ended) == 0);
}

static void arguments_are_checked(void) {
    listener unused = {0};
    amq_events *events;
    amq_event *event;
    MISUSE("client is NULL", amq_events_new(NULL, &events, &error));
    EXPECT(events == NULL);
    MISUSE("events is NULL", amq_events_recv(NULL, 0, &event, &error));
    MISUSE("client is NULL", amq_client_on_event(NULL, note, &unused, note_destruction, &error));
    EXPECT(atomic_load(&unused.destroyed) == 1);
    amq_client *client = connected();
    OK(amq_events_new(client, &events, &error));
    MISUSE("event is NULL", amq_events_recv(events, 0, NULL, &error));
    MISUSE("negative", amq_events_recv(events, -7, &event, &error));
    amq_events_free(events);
    finish(client);
    amq_events_free(NULL);
    amq_events_close(NULL);
    EXPECT(amq_events_dropped(NULL) == 0);
    EXPECT(amq_client_events_dropped(NULL) == 0);
}

static void the_getters_take_null(void) {
    EXPECT(amq_event_clone(NULL) == NULL);
    EXPECT(amq_event_get_kind(NULL) == AMQ_EVENT_KIND_OTHER);
    EXPECT(amq_event_text(NULL, NULL) == NULL);
    EXPECT(amq_event_reason(NULL) == NULL);
    EXPECT(amq_event_retry_in(NULL) == -1);
    EXPECT(!amq_event_session_present(NULL));
    EXPECT(amq_event_number(NULL) == 0);
    EXPECT(amq_event_topic(NULL, NULL) == NULL);
    EXPECT(amq_event_filter(NULL, NULL) == NULL);
    EXPECT(amq_event_token_kind(NULL) == AMQ_TOKEN_KIND_NONE);
    EXPECT(amq_event_expires(NULL) == -1);
    EXPECT(amq_event_path(NULL, NULL) == NULL);
    EXPECT(amq_event_size(NULL) == 0);
    EXPECT(!amq_event_taken(NULL));
    EXPECT(amq_event_held_back(NULL) == 0);
    EXPECT(amq_event_untaken(NULL) == 0);
    EXPECT(amq_event_unsent_acks(NULL) == 0);
    EXPECT(amq_event_notice_kind(NULL) == AMQ_NOTICE_KIND_NONE);
    EXPECT(amq_event_notice_code(NULL) == -1);
    EXPECT(amq_event_notice_payload(NULL, NULL) == NULL);
    amq_event_free(NULL);
}

const test events_tests[] = {
    {"a listener hears of a lost connection and the next one", a_listener_hears_of_a_lost_connection_and_the_next_one},
    {"a message that nobody took is told at the end", a_message_that_nobody_took_is_told_at_the_end},
    {"a message that is too large is set aside", a_message_that_is_too_large_is_set_aside},
    {"closing a listener ends its waits", closing_a_listener_ends_its_waits},
    {"a callback publishes", a_callback_publishes},
    {"a callback disconnects and frees its client", a_callback_disconnects_and_frees_its_client},
    {"a callback is replaced and removed", a_callback_is_replaced_and_removed},
    {"arguments are checked", arguments_are_checked},
    {"the getters take NULL", the_getters_take_null},
    END_OF_TESTS,
};
