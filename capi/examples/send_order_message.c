/*
 * Sends messages in ordered mode: the service keeps the messages of this connection in one sequence.
 *
 * On the real service the parent topic must be of the ordered type, and the sequence is seen by a RocketMQ consumer of
 * that topic; among MQTT receivers the service promises no strict order.
 */
#include "example.h"

#define COUNT 5

int main(void) {
    amq_error *error;
    amq_config *config = amq_config_from_env();
    /* Each connect enables ordered mode before anything else is sent. */
    check(amq_config_set_ordered(config, true, &error), &error);
    amq_client *client = connect_with(config);

    char topic[128];
    snprintf(topic, sizeof topic, "%s/order", parent_topic());
    check(amq_client_subscribe(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, AMQ_TIMEOUT_DEFAULT, NULL, &error),
          &error);
    for (int number = 1; number <= COUNT; number++) {
        char payload[32];
        int len = snprintf(payload, sizeof payload, "step %d", number);
        check(amq_client_publish(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, payload, (size_t)len,
                                 AMQ_TIMEOUT_DEFAULT, &error),
              &error);
        printf("published step %d\n", number);
    }
    for (int number = 0; number < COUNT; number++) print_next(client);
    check(amq_client_disconnect(client, AMQ_TIMEOUT_DEFAULT, &error), &error);
    amq_client_free(client);
    puts("done");
    return EXIT_SUCCESS;
}
