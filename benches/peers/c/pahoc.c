/* Paho C's asynchronous client, with its own threads. */
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "receiver.h"

static sem_t ready, settled;

static void on_ready(void *context, MQTTAsync_successData *data) { sem_post(&ready); }
static void on_failure(void *context, MQTTAsync_failureData *data) { fail("failed"); }
static void on_settled(void *context, MQTTAsync_successData *data) { sem_post(&settled); }

static int on_message(void *context, char *topic, int length, MQTTAsync_message *message) {
    arrived(message->payload);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static MQTTAsync open_client(char **argv, const char *name) {
    MQTTAsync client;
    char url[64];
    const char *ca = text(argv, "ca", NULL);
    snprintf(url, sizeof url, ca ? "ssl://localhost:%ld" : "tcp://127.0.0.1:%ld", number(argv, "port", 1883));
    if (MQTTAsync_create(&client, url, name, MQTTCLIENT_PERSISTENCE_NONE, NULL)) fail("create");
    MQTTAsync_setCallbacks(client, NULL, NULL, on_message, NULL);
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    options.cleansession = 1, options.username = USER, options.password = "password";
    /* The program keeps the window: beyond maxInflight, messages would wait for the library's timer. */
    options.maxInflight = 1000;
    options.onSuccess = on_ready, options.onFailure = on_failure;
    if (ca) tls.trustStore = ca, tls.verify = 1, options.ssl = &tls;
    if (MQTTAsync_connect(client, &options)) fail("connect");
    sem_wait(&ready);
    return client;
}

static void send_one(MQTTAsync client, int qos, void *payload, long size, int tells) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    if (tells) options.onSuccess = on_settled;
    options.onFailure = on_failure;
    if (MQTTAsync_send(client, TOPIC, size, payload, qos, 0, &options)) fail("send");
}

static void subscribe(MQTTAsync client, int qos) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess = on_ready, options.onFailure = on_failure;
    if (MQTTAsync_subscribe(client, TOPIC, qos, &options)) fail("subscribe");
    sem_wait(&ready);
}

int main(int argc, char **argv) {
    static uint8_t payload[1 << 16];
    if (argc < 2) fail("a role");
    const char *role = argv[1];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), size = number(argv, "size", 64);
    MQTTAsync_init_options init = MQTTAsync_init_options_initializer;
    init.do_openssl_init = 1;
    MQTTAsync_global_init(&init);
    sem_init(&ready, 0, 0), sem_init(&settled, 0, 0), sem_init(&finished, 0, 0);
    times = calloc(count, sizeof *times);
    wanted = count;
    if (!strcmp(role, "publish")) {
        MQTTAsync client = open_client(argv, CLIENT_ID);
        long window = number(argv, "window", 100), open = 0;
        watch = start();
        for (long i = 1; i <= count; i++, open++) {
            for (; open == window; open--) sem_wait(&settled);
            send_one(client, i == count && !qos ? 1 : qos, payload, size, 1);
        }
        for (; open; open--) sem_wait(&settled);
        stop(watch, count, 0);
    } else if (!strcmp(role, "roundtrip")) {
        MQTTAsync client = open_client(argv, CLIENT_ID);
        watch = start();
        for (long i = 0; i < count; i++) {
            double begun = now();
            send_one(client, qos, payload, size, 1);
            sem_wait(&settled);
            times[i] = now() - begun;
        }
        stop_with_times(watch, times, count);
    } else if (!strcmp(role, "receive")) {
        MQTTAsync client = open_client(argv, CLIENT_ID);
        subscribe(client, qos);
        puts("ready"), fflush(stdout);
        sem_wait(&finished);
        stop(watch, count, 0);
    } else if (!strcmp(role, "latency")) {
        MQTTAsync sender = open_client(argv, "GID_bench@@@sender");
        MQTTAsync receiver = open_client(argv, "GID_bench@@@receiver");
        measures_age = 1;
        subscribe(receiver, qos);
        watch = start();
        for (long i = 0; i < count; i++) {
            pace(watch.started, i, 1.0 / number(argv, "rate", 1000));
            double sent = now();
            memcpy(payload, &sent, sizeof sent);
            send_one(sender, qos, payload, size, 0);
        }
        sem_wait(&finished);
        stop_with_times(watch, times, count);
    } else {
        fail("no such role");
    }
    return 0;
}
