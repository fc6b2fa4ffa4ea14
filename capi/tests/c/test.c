/* The parts of test.h. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Thread_local amq_error *error;

static void failed(const char *file, int line, const char *what) {
    fprintf(stderr, "\n%s:%d: failed: %s\n", file, line, what);
    /* At once: other threads may be in the middle of something. */
    _Exit(EXIT_FAILURE);
}

void expect(bool holds, const char *condition, const char *file, int line) {
    if (!holds) failed(file, line, condition);
}

void expect_text(const char *actual, const char *expected, const char *what, const char *file, int line) {
    bool equal = actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;
    if (equal) return;
    fprintf(stderr, "\n%s is %s, not %s", what, actual ? actual : "NULL", expected ? expected : "NULL");
    failed(file, line, what);
}

void expect_status(amq_status expected, amq_status actual, const char *call, const char *file, int line) {
    if (actual != expected) {
        fprintf(stderr, "\nstatus %d, not %d: %s", actual, expected, error ? amq_error_text(error, NULL) : "");
        failed(file, line, call);
    }
    if ((actual < 0) != (error != NULL)) failed(file, line, "there is an error if and only if the call has failed");
    amq_error_free(error);
    error = NULL;
}

static amq_status status_of(amq_kind kind) {
    switch (kind) {
        case AMQ_KIND_MISUSE: return AMQ_ERROR_MISUSE;
        case AMQ_KIND_TIMEOUT: return AMQ_ERROR_TIMEOUT;
        default: return AMQ_ERROR;
    }
}

void expect_failure(amq_kind kind, const char *words, amq_status actual, const char *call, const char *file, int line) {
    if (actual < 0 && error != NULL) {
        const char *text = amq_error_text(error, NULL);
        if (amq_error_kind(error) != kind || text == NULL || strstr(text, words) == NULL) {
            fprintf(stderr, "\nkind %d, not %d, without \"%s\": %s", amq_error_kind(error), kind, words, text);
            failed(file, line, call);
        }
    }
    expect_status(status_of(kind), actual, call, file, line);
}

int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void rest(void) {
    struct timespec time = {.tv_nsec = 2000000};
    nanosleep(&time, NULL);
}

const char *variable(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) failed(__FILE__, __LINE__, name);
    return value;
}

static char *buffer(void) {
    static _Thread_local char buffers[8][256];
    static _Thread_local unsigned used;
    return buffers[used++ % 8];
}

const char *topic_of(const char *name) {
    char *text = buffer();
    snprintf(text, 256, "%s/%s", variable("ALIYUN_MQTT_TOPIC"), name);
    return text;
}

const char *unique(const char *name) {
    static atomic_int number;
    char *text = buffer();
    snprintf(text, 256, "%s_%d_%d", name, (int)getpid(), atomic_fetch_add(&number, 1));
    return text;
}

amq_client *connected(void) {
    return connected_with(amq_config_from_env());
}

amq_client *connected_with(amq_config *config) {
    amq_client *client;
    OK(amq_client_connect(config, &client, &error));
    amq_config_free(config);
    return client;
}

void finish(amq_client *client) {
    OK(amq_client_disconnect(client, PATIENCE, &error));
    amq_client_free(client);
}

void subscribe(amq_client *client, const char *filter) {
    OK(amq_client_subscribe(client, filter, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, PATIENCE, NULL, &error));
}

void publish(amq_client *client, const char *topic, const char *text) {
    OK(amq_client_publish(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, text, strlen(text), PATIENCE, &error));
}

amq_message *next_message(amq_client *client) {
    amq_message *message;
    OK(amq_client_recv(client, PATIENCE, &message, &error));
    return message;
}

void expect_next(amq_client *client, const char *text, const char *file, int line) {
    amq_message *message = next_message(client);
    expect_text(payload_of(message), text, "the payload of the next message", file, line);
    amq_message_free(message);
}

void in_child(void (*body)(void *), void *argument) {
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        body(argument);
        /*
         * As another program, and without the handlers of exit(), which are the parent's. What only threads of the
         * parent hold is lost in a child: Valgrind and AddressSanitizer would look for it at the end of this one.
         */
        execl("/bin/true", "true", (char *)NULL);
        _Exit(EXIT_FAILURE);
    }
    int status;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

const char *payload_of(const amq_message *message) {
    size_t len;
    const uint8_t *payload = amq_message_payload(message, &len);
    char *text = buffer();
    snprintf(text, 256, "%.*s", (int)len, (const char *)payload);
    return text;
}
