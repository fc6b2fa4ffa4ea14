/* libmosquitto, with its own thread. */
#include <mosquitto.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "receiver.h"

static sem_t connected, settled, subscribed;
static atomic_long done;

static void on_connect(struct mosquitto *client, void *data, int code) {
    if (code) fail("refused");
    sem_post(&connected);
}

static void on_publish(struct mosquitto *client, void *data, int id) {
    if (atomic_fetch_add(&done, 1) + 1 == wanted) sem_post(&finished);
    sem_post(&settled);
}

static void on_subscribe(struct mosquitto *client, void *data, int id, int count, const int *granted) {
    sem_post(&subscribed);
}

static void on_message(struct mosquitto *client, void *data, const struct mosquitto_message *message) {
    arrived(message->payload);
}

static struct mosquitto *open_client(char **argv, const char *name) {
    struct mosquitto *client = mosquitto_new(name, true, NULL);
    const char *ca = text(argv, "ca", NULL);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_username_pw_set(client, USER, "password");
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(client, number(argv, "window", 100));
    if (ca && mosquitto_tls_set(client, ca, NULL, NULL, NULL, NULL)) fail("tls");
    if (mosquitto_connect(client, ca ? "localhost" : "127.0.0.1", number(argv, "port", 1883), 60)) fail("connect");
    if (mosquitto_loop_start(client)) fail("thread");
    sem_wait(&connected);
    return client;
}

static void send_one(struct mosquitto *client, int qos, const void *payload, long size) {
    if (mosquitto_publish(client, NULL, TOPIC, size, payload, qos, false)) fail("publish");
}

int main(int argc, char **argv) {
    static uint8_t payload[1 << 16];
    if (argc < 2) fail("a role");
    const char *role = argv[1];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), size = number(argv, "size", 64);
    mosquitto_lib_init();
    sem_init(&connected, 0, 0), sem_init(&settled, 0, 0), sem_init(&subscribed, 0, 0), sem_init(&finished, 0, 0);
    times = calloc(count, sizeof *times);
    wanted = count;
    if (!strcmp(role, "publish")) {
        struct mosquitto *client = open_client(argv, CLIENT_ID);
        watch = start();
        for (long i = 1; i <= count; i++) {
            send_one(client, i == count && !qos ? 1 : qos, payload, size);
            /* As many as the others keep between the program and the connection. */
            if (qos && i > 1000) sem_wait(&settled);
        }
        sem_wait(&finished);
        stop(watch, count, 0);
    } else if (!strcmp(role, "roundtrip")) {
        struct mosquitto *client = open_client(argv, CLIENT_ID);
        watch = start();
        for (long i = 0; i < count; i++) {
            double begun = now();
            send_one(client, qos, payload, size);
            sem_wait(&settled);
            times[i] = now() - begun;
        }
        stop_with_times(watch, times, count);
    } else if (!strcmp(role, "receive")) {
        struct mosquitto *client = open_client(argv, CLIENT_ID);
        if (mosquitto_subscribe(client, NULL, TOPIC, qos)) fail("subscribe");
        sem_wait(&subscribed);
        puts("ready"), fflush(stdout);
        sem_wait(&finished);
        stop(watch, count, 0);
    } else if (!strcmp(role, "latency")) {
        struct mosquitto *sender = open_client(argv, "GID_bench@@@sender");
        struct mosquitto *receiver = open_client(argv, "GID_bench@@@receiver");
        measures_age = 1;
        if (mosquitto_subscribe(receiver, NULL, TOPIC, qos)) fail("subscribe");
        sem_wait(&subscribed);
        atomic_store(&done, -count); /* `finished` is for the receiver alone */
        watch = start();
        for (long i = 0; i < count; i++) {
            pace(watch.started, i, 1.0 / number(argv, "rate", 1000));
            double sent = now();
            memcpy(payload, &sent, sizeof sent);
            send_one(sender, qos, payload, size);
        }
        sem_wait(&finished);
        stop_with_times(watch, times, count);
    } else if (!strcmp(role, "oneshot")) {
        watch = start();
        for (long i = 0; i < count; i++) {
            double begun = now();
            struct mosquitto *client = open_client(argv, CLIENT_ID);
            send_one(client, qos, payload, size);
            sem_wait(&settled);
            mosquitto_disconnect(client);
            mosquitto_loop_stop(client, false);
            mosquitto_destroy(client);
            times[i] = now() - begun;
        }
        stop_with_times(watch, times, count);
    } else {
        fail("no such role");
    }
    return 0;
}
