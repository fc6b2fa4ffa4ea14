/* Standing clients. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "test.h"

static amq_client *shared_client(amq_config *config, const char *name, bool keep) {
    amq_client *client;
    OK(amq_client_shared(config, name, AMQ_NTS, keep, &client, &error));
    return client;
}

static uint64_t connections_of(const amq_client *client) {
    uint64_t number;
    OK(amq_client_stats_value(client, AMQ_STAT_CONNECTIONS, &number, &error));
    return number;
}

static bool same(const amq_client *a, const amq_client *b) {
    return strcmp(amq_client_id(a, NULL), amq_client_id(b, NULL)) == 0;
}

static void a_name_stands_for_one_connection(void) {
    amq_config *config = amq_config_from_env();
    const char *name = unique("one");
    amq_client *first = shared_client(config, name, false), *second = shared_client(config, name, false);
    EXPECT(same(first, second));
    EXPECT(connections_of(second) == 1);
    amq_client *other = shared_client(config, unique("other"), false);
    EXPECT(!same(first, other));
    amq_client_free(other);
    amq_client_free(first);
    publish(second, topic_of("shared"), "still there");
    amq_client_free(second);
    /* Gone with the last handle: the next one connects anew. */
    amq_client *third = shared_client(config, name, false);
    publish(third, topic_of("shared"), "anew");
    amq_client_free(third);
    amq_config_free(config);
}

static void a_standing_client_is_kept(void) {
    amq_config *config = amq_config_from_env();
    const char *name = unique("kept");
    char id[128];
    amq_client *client = shared_client(config, name, true);
    strcpy(id, amq_client_id(client, NULL));
    amq_client_free(client);
    client = shared_client(config, name, true);
    EXPECT_TEXT(amq_client_id(client, NULL), id);
    amq_client_free(client);
    amq_config_free(config);
}

static void other_settings_replace_the_client(void) {
    amq_config *config = amq_config_from_env();
    const char *name = unique("replaced");
    amq_client *old = shared_client(config, name, true);
    OK(amq_config_set_keep_alive(config, 45000, &error));
    amq_client *new = shared_client(config, name, true);
    EXPECT(!same(old, new));
    AWAIT(!amq_client_is_connected(old));
    FAILS(AMQ_KIND_CLOSED, "", amq_client_publish(old, topic_of("shared"), AMQ_NTS, 1, NULL, 0, PATIENCE, &error));
    publish(new, topic_of("shared"), "by the new one");
    /* One that has ended is replaced, too. */
    OK(amq_client_disconnect(new, PATIENCE, &error));
    amq_client *next = shared_client(config, name, true);
    publish(next, topic_of("shared"), "by the next one");
    amq_client_free(old);
    amq_client_free(new);
    amq_client_free(next);
    amq_config_free(config);
}

#define THREADS 8

static const char *common_name;
static amq_config *common_config;

static void *get_shared(void *place) {
    *(amq_client **)place = shared_client(common_config, common_name, false);
    return NULL;
}

static void threads_that_ask_together_get_one_connection(void) {
    common_name = unique("together");
    common_config = amq_config_from_env();
    pthread_t threads[THREADS];
    amq_client *clients[THREADS];
    for (int i = 0; i < THREADS; i++) EXPECT(pthread_create(&threads[i], NULL, get_shared, &clients[i]) == 0);
    for (int i = 0; i < THREADS; i++) EXPECT(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) EXPECT(same(clients[0], clients[i]));
    EXPECT(connections_of(clients[0]) == 1);
    for (int i = 0; i < THREADS; i++) amq_client_free(clients[i]);
    amq_config_free(common_config);
}

static void a_failure_is_not_kept(void) {
    amq_config *config = amq_config_from_env();
    const char *name = unique("failure");
    OK(amq_config_set_endpoint(config, AMQ_TEXT("mqtt://127.0.0.1:1"), &error));
    amq_client *client;
    FAILS(AMQ_KIND_CONNECT, "127.0.0.1:1", amq_client_shared(config, name, AMQ_NTS, true, &client, &error));
    EXPECT(client == NULL);
    OK(amq_config_set_endpoint(config, variable("ALIYUN_MQTT_ENDPOINT"), AMQ_NTS, &error));
    client = shared_client(config, name, false);
    amq_client_free(client);
    amq_config_free(config);
}

/* What a child gets of its parent. */
typedef struct standing {
    amq_config *config;
    amq_client *client;
    const char *name;
} standing;

static void get_its_own(void *argument) {
    standing *parent = argument;
    amq_client *own = shared_client(parent->config, parent->name, false);
    EXPECT(!same(own, parent->client));
    publish(own, topic_of("shared"), "from the child");
    amq_client_free(own);
}

static void a_child_has_standing_clients_of_its_own(void) {
    amq_config *config = amq_config_from_env();
    const char *name = unique("forked");
    amq_client *client = shared_client(config, name, true);
    standing parent = {config, client, name};
    in_child(get_its_own, &parent);
    EXPECT(amq_client_is_connected(client));
    EXPECT(connections_of(client) == 1);
    amq_client_free(client);
    amq_config_free(config);
}

static void arguments_are_checked(void) {
    amq_config *config = amq_config_from_env();
    amq_client *client;
    MISUSE("name is NULL", amq_client_shared(config, NULL, 0, false, &client, &error));
    EXPECT(client == NULL);
    MISUSE("config is NULL", amq_client_shared(NULL, AMQ_TEXT("x"), false, &client, &error));
    MISUSE("client is NULL", amq_client_shared(config, AMQ_TEXT("x"), false, NULL, &error));
    MISUSE("UTF-8", amq_client_shared(config, AMQ_TEXT("\xc3("), false, &client, &error));
    amq_config_free(config);
}

const test shared_tests[] = {
    {"a name stands for one connection", a_name_stands_for_one_connection},
    {"a standing client is kept", a_standing_client_is_kept},
    {"other settings replace the client", other_settings_replace_the_client},
    {"threads that ask together get one connection", threads_that_ask_together_get_one_connection},
    {"a failure is not kept", a_failure_is_not_kept},
    {"a child has standing clients of its own", a_child_has_standing_clients_of_its_own},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
