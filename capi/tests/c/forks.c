/* A real fork. */
#include "test.h"

static void use_and_free(void *argument) {
    amq_client *client = argument;
    int64_t started = now_ms();
    amq_message *message;
    FAILS(AMQ_KIND_FORKED, "fork", amq_client_publish(client, topic_of("f"), AMQ_NTS, 1, NULL, 0, PATIENCE, &error));
    FAILS(AMQ_KIND_FORKED, "fork", amq_client_recv(client, AMQ_TIMEOUT_NONE, &message, &error));
    FAILS(AMQ_KIND_FORKED, "fork",
          amq_client_subscribe(client, topic_of("f"), AMQ_NTS, 1, PATIENCE, NULL, &error));
    FAILS(AMQ_KIND_FORKED, "fork", amq_client_disconnect(client, PATIENCE, &error));
    EXPECT(!amq_client_is_connected(client));
    amq_client_free(client);
    /* At once: nothing waited for what only the parent has. */
    EXPECT(now_ms() - started < PATIENCE / 2);
}

static void use_its_own(void *unused) {
    (void)unused;
    amq_client *client = connected();
    const char *topic = topic_of("child");
    subscribe(client, topic);
    publish(client, topic, "from the child");
    EXPECT_NEXT(client, "from the child");
    finish(client);
}

static void a_child_cannot_use_the_clients_of_its_parent(void) {
    amq_client *client = connected();
    const char *topic = topic_of("parent");
    subscribe(client, topic);
    in_child(use_and_free, client);
    /* The parent's connection is unharmed. */
    publish(client, topic, "still here");
    EXPECT_NEXT(client, "still here");
    finish(client);
}

static void a_child_can_make_its_own(void) {
    amq_client *client = connected();
    in_child(use_its_own, NULL);
    EXPECT(amq_client_is_connected(client));
    finish(client);
}

const test forks_tests[] = {
    {"a child cannot use the clients of its parent", a_child_cannot_use_the_clients_of_its_parent},
    {"a child can make its own", a_child_can_make_its_own},
    END_OF_TESTS,
};
