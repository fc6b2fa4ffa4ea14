/* Threads that share one client. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#define THREADS 8
#define EACH 50

static amq_client *shared;
static const char *topic;

static void *send_all(void *argument) {
    int thread = *(const int *)argument;
    for (int number = 0; number < EACH; number++) {
        char text[32];
        snprintf(text, sizeof text, "%d %d", thread, number);
        publish(shared, topic, text);
    }
    return NULL;
}

/* Takes an eighth of the messages, whoever sent them, and counts each in the field that it is given. */
static void *take_some(void *argument) {
    int (*seen)[EACH] = argument;
    for (int taken = 0; taken < EACH; taken++) {
        int thread, number;
        amq_message *message = next_message(shared);
        EXPECT(sscanf(payload_of(message), "%d %d", &thread, &number) == 2);
        __atomic_add_fetch(&seen[thread][number], 1, __ATOMIC_RELAXED);
        amq_message_free(message);
    }
    return NULL;
}

static void eight_threads_share_a_client(void) {
    static int seen[THREADS][EACH];
    memset(seen, 0, sizeof seen);
    shared = connected();
    topic = topic_of("threads");
    subscribe(shared, topic);
    pthread_t senders[THREADS], takers[THREADS];
    int numbers[THREADS];
    for (int thread = 0; thread < THREADS; thread++) {
        numbers[thread] = thread;
        EXPECT(pthread_create(&takers[thread], NULL, take_some, seen) == 0);
        EXPECT(pthread_create(&senders[thread], NULL, send_all, &numbers[thread]) == 0);
    }
    for (int thread = 0; thread < THREADS; thread++) {
        EXPECT(pthread_join(senders[thread], NULL) == 0);
        EXPECT(pthread_join(takers[thread], NULL) == 0);
    }
    for (int thread = 0; thread < THREADS; thread++)
        for (int number = 0; number < EACH; number++) EXPECT(seen[thread][number] == 1);
    finish(shared);
}

static void *wait_for_the_end(void *argument) {
    (void)argument;
    amq_message *message;
    EXPECT_STATUS(AMQ_END, amq_client_recv(shared, AMQ_TIMEOUT_NONE, &message, &error));
    EXPECT(message == NULL);
    return NULL;
}

static void a_disconnect_ends_the_waits_of_other_threads(void) {
    shared = connected();
    pthread_t waiters[THREADS];
    for (int thread = 0; thread < THREADS; thread++)
        EXPECT(pthread_create(&waiters[thread], NULL, wait_for_the_end, NULL) == 0);
    OK(amq_client_disconnect(shared, PATIENCE, &error));
    for (int thread = 0; thread < THREADS; thread++) EXPECT(pthread_join(waiters[thread], NULL) == 0);
    amq_client_free(shared);
}

const test threads_tests[] = {
    {"eight threads share a client", eight_threads_share_a_client},
    {"a disconnect ends the waits of other threads", a_disconnect_ends_the_waits_of_other_threads},
    END_OF_TESTS,
};
