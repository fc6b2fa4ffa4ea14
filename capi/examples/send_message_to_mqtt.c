/* Subscribes, publishes ten messages, and receives them. */
#include "example.h"

#define COUNT 10

int main(void) {
    amq_error *error;
    amq_client *client = connect_with(amq_config_from_env());

    /* One filter for all topics below it; a client may have 30 filters. */
    const char *parent = parent_topic();
    char topic[128];
    snprintf(topic, sizeof topic, "%s/message/#", parent);
    amq_qos granted;
    check(amq_client_subscribe(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, AMQ_TIMEOUT_DEFAULT, &granted, &error),
          &error);
    printf("subscribed, granted QoS %d\n", granted);

    for (int number = 0; number < COUNT; number++) {
        char payload[32];
        snprintf(topic, sizeof topic, "%s/message/%d", parent, number);
        int len = snprintf(payload, sizeof payload, "message %d", number);
        amq_outgoing *message;
        check(amq_outgoing_new(topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, payload, (size_t)len, &message, &error), &error);
        /* Returns without waiting for the acknowledgement; amq_client_flush waits for all of them. */
        amq_delivery *delivery;
        check(amq_client_enqueue(client, message, AMQ_TIMEOUT_DEFAULT, &delivery, &error), &error);
        amq_delivery_free(delivery);
        amq_outgoing_free(message);
    }
    check(amq_client_flush(client, PATIENCE, &error), &error);
    printf("published %d messages, all acknowledged\n", COUNT);

    for (int number = 0; number < COUNT; number++) print_next(client);
    check(amq_client_disconnect(client, AMQ_TIMEOUT_DEFAULT, &error), &error);
    amq_client_free(client);
    puts("done");
    return EXIT_SUCCESS;
}
