/* What the examples share: the end of a program that cannot go on. Your own program has its own way to report errors. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include <aliyun_mqtt.h>

/* How long the examples wait for a message, in milliseconds. */
#define PATIENCE 10000

static inline void fail(const char *why) {
    fprintf(stderr, "failed: %s\n", why);
    exit(EXIT_FAILURE);
}

/* Ends the program if the call that gave this status and error has failed. */
static inline void check(amq_status status, amq_error **error) {
    if (status < 0) fail(amq_error_text(*error, NULL));
}

/* The parent topic. The library reads all other variables of the environment itself. */
static inline const char *parent_topic(void) {
    const char *topic = getenv("ALIYUN_MQTT_TOPIC");
    if (topic == NULL) fail("ALIYUN_MQTT_TOPIC is not set");
    return topic;
}

/* Connects with a configuration, which is freed. */
static inline amq_client *connect_with(amq_config *config) {
    amq_error *error;
    amq_client *client;
    check(amq_client_connect(config, &client, &error), &error);
    amq_config_free(config);
    printf("connected to %s as %s\n", amq_client_endpoint(client, NULL), amq_client_id(client, NULL));
    return client;
}

/* Takes one message and prints it. */
static inline void print_next(amq_client *client) {
    amq_error *error;
    amq_message *message;
    amq_status status = amq_client_recv(client, PATIENCE, &message, &error);
    check(status, &error);
    if (status != AMQ_OK) fail("no message came within 10 seconds");

    size_t len;
    const uint8_t *payload = amq_message_payload(message, &len);
    printf("received on %s: %.*s\n", amq_message_topic(message, NULL), (int)len, (const char *)payload);
    amq_message_free(message);
}

#endif
