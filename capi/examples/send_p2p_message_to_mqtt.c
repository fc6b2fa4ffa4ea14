/*
 * Sends a message to one client by its client id. The receiver subscribes to nothing.
 *
 * It plays both sides, and therefore sets two device ids itself.
 */
#include "example.h"

static amq_client *connect_as(const char *device_id) {
    amq_error *error;
    amq_config *config = amq_config_from_env();
    check(amq_config_set_device_id(config, device_id, AMQ_NTS, &error), &error);
    return connect_with(config);
}

int main(void) {
    amq_error *error;
    amq_client *receiver = connect_as("p2p_receiver");
    amq_client *sender = connect_as("p2p_sender");

    const char *target = amq_client_id(receiver, NULL);
    check(amq_client_send_p2p(sender, parent_topic(), AMQ_NTS, target, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE,
                              AMQ_TEXT("just for you"), AMQ_TIMEOUT_DEFAULT, &error),
          &error);
    printf("sent to %s\n", target);

    print_next(receiver);
    check(amq_client_disconnect(sender, AMQ_TIMEOUT_DEFAULT, &error), &error);
    check(amq_client_disconnect(receiver, AMQ_TIMEOUT_DEFAULT, &error), &error);
    amq_client_free(sender);
    amq_client_free(receiver);
    puts("done");
    return EXIT_SUCCESS;
}
