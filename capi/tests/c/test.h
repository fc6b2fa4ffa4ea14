/* What the tests share. They run against the emulator that the environment names; see `.ci/capi`. */
#ifndef TEST_H
#define TEST_H

#include <aliyun_mqtt.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test {
    const char *name;
    void (*run)(void);
} test;

/* One table for each file; the last entry is empty. */
#define END_OF_TESTS { NULL, NULL }

/* Where the calls of a thread leave their error: &error is their last argument. */
extern _Thread_local amq_error *error;

/* Ends the program, with a line that says where, unless the condition holds. */
#define EXPECT(condition) expect((condition), #condition, __FILE__, __LINE__)
void expect(bool holds, const char *condition, const char *file, int line);

/* The texts must be equal. Either may be NULL, which is equal to NULL only. */
#define EXPECT_TEXT(actual, expected) expect_text((actual), (expected), #actual, __FILE__, __LINE__)
void expect_text(const char *actual, const char *expected, const char *what, const char *file, int line);

/* The call must return this status. Its error must be NULL if that is no failure, and is freed otherwise. */
#define EXPECT_STATUS(status, call) expect_status((status), (call), #call, __FILE__, __LINE__)
void expect_status(amq_status expected, amq_status actual, const char *call, const char *file, int line);

#define OK(call) EXPECT_STATUS(AMQ_OK, call)

/* The call must fail with this kind of error, whose text contains these words. */
#define FAILS(kind, words, call) expect_failure((kind), (words), (call), #call, __FILE__, __LINE__)
void expect_failure(amq_kind kind, const char *words, amq_status actual, const char *call, const char *file, int line);

/* The call must refuse an argument: AMQ_ERROR_MISUSE, and a text with these words. */
#define MISUSE(words, call) FAILS(AMQ_KIND_MISUSE, words, call)

/* Milliseconds within which whatever is awaited must happen. */
#define PATIENCE 30000

/* Waits until the condition holds. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        for (int64_t deadline = now_ms() + PATIENCE; !(condition);) {                              \
            expect(now_ms() < deadline, "in time: " #condition, __FILE__, __LINE__);               \
            rest();                                                                                \
        }                                                                                          \
    } while (0)
int64_t now_ms(void);
/* Lets other threads run for a moment. */
void rest(void);

/* The value of a variable of the environment, which must be set. */
const char *variable(const char *name);

/* "PARENT/NAME", in a buffer that lives until the thread has asked for eight more. */
const char *topic_of(const char *name);

/* A name that nothing else has, as topic_of. */
const char *unique(const char *name);

/* Connects with the settings of the environment. */
amq_client *connected(void);

/* Connects with these settings, which are freed. */
amq_client *connected_with(amq_config *config);

/* Disconnects, which must succeed, and frees. */
void finish(amq_client *client);

/* Subscribes to a filter at QoS 1. */
void subscribe(amq_client *client, const char *filter);

/* Publishes a text at QoS 1. */
void publish(amq_client *client, const char *topic, const char *text);

/* Takes the next message, which must come. */
amq_message *next_message(amq_client *client);

/* Takes the next message, which must come with this payload, and frees it. */
#define EXPECT_NEXT(client, text) expect_next((client), (text), __FILE__, __LINE__)
void expect_next(amq_client *client, const char *text, const char *file, int line);

/* Runs a function in a child process, which must end well. */
void in_child(void (*body)(void *), void *argument);

/* The payload of a message as a text, in a buffer as topic_of. */
const char *payload_of(const amq_message *message);

#endif
