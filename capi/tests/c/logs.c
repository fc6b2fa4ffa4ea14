/* The log. */
#include <stdatomic.h>
#include <string.h>

#include "test.h"

typedef struct sink {
    atomic_int records, destroyed;
    const char *topic; /* Publishes to it from the first record on, once. */
} sink;

static void note(void *user, int32_t level, const char *target, size_t target_len, const char *text, size_t text_len) {
    sink *sink = user;
    EXPECT(level >= AMQ_LOG_LEVEL_ERROR && level <= AMQ_LOG_LEVEL_DEBUG);
    EXPECT(strlen(target) == target_len && strlen(text) == text_len);
    EXPECT(strstr(text, variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET")) == NULL);
    if (atomic_fetch_add(&sink->records, 1) == 0 && sink->topic != NULL) {
        amq_client *client = connected();
        publish(client, sink->topic, "from a log callback");
        finish(client);
    }
}

static void note_destruction(void *user) { atomic_fetch_add(&((sink *)user)->destroyed, 1); }

static void a_callback_gets_records_and_may_use_the_library(void) {
    amq_client *client = connected();
    sink sink = {.topic = topic_of("log")};
    subscribe(client, sink.topic);
    OK(amq_log_set_callback(AMQ_LOG_LEVEL_DEBUG, note, &sink, note_destruction, &error));
    /* A connect is logged. */
    finish(connected());
    EXPECT_NEXT(client, "from a log callback");
    finish(client);
    OK(amq_log_set_callback(AMQ_LOG_LEVEL_OFF, NULL, NULL, NULL, &error));
    AWAIT(atomic_load(&sink.destroyed) == 1);
    EXPECT(atomic_load(&sink.records) > 0);
    EXPECT(amq_log_dropped() == 0);
}

static void a_later_callback_takes_the_place(void) {
    sink first = {0}, second = {0};
    OK(amq_log_set_callback(AMQ_LOG_LEVEL_WARN, note, &first, note_destruction, &error));
    OK(amq_log_set_callback(AMQ_LOG_LEVEL_WARN, note, &second, note_destruction, &error));
    AWAIT(atomic_load(&first.destroyed) == 1);
    MISUSE("level", amq_log_set_callback(6, note, &first, note_destruction, &error));
    EXPECT(atomic_load(&first.destroyed) == 2);
    OK(amq_log_set_callback(AMQ_LOG_LEVEL_OFF, NULL, NULL, NULL, &error));
    AWAIT(atomic_load(&second.destroyed) == 1);
}

const test logs_tests[] = {
    {"a callback gets records and may use the library", a_callback_gets_records_and_may_use_the_library},
    {"a later callback takes the place", a_later_callback_takes_the_place},
    END_OF_TESTS,
};
