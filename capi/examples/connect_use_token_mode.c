/*
 * Logs in with a token, and sends one message to itself.
 *
 * The token is taken from ALIYUN_MQTT_TOKEN; its resources must cover the parent topic ({topic}/#). If it is not set,
 * the library applies for a token with the key of the account and renews it. A program on a device must not hold that
 * key.
 */
#include "example.h"

int main(void) {
    amq_error *error;
    /* This login whatever ALIYUN_MQTT_AUTH says; amq_config_from_env alone follows that variable. */
    amq_credentials *credentials;
    check(amq_credentials_from_env(AMQ_AUTH_MODE_TOKEN, &credentials, &error), &error);
    amq_config *config = amq_config_from_env();
    check(amq_config_set_credentials(config, credentials, &error), &error);
    amq_credentials_free(credentials);
    amq_client *client = connect_with(config);

    char topic[128];
    snprintf(topic, sizeof topic, "%s/token", parent_topic());
    amq_qos granted;
    check(amq_client_subscribe(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, AMQ_TIMEOUT_DEFAULT, &granted, &error),
          &error);
    printf("subscribed to %s, granted QoS %d\n", topic, granted);
    /* Blocks until the service has acknowledged the message. */
    check(amq_client_publish(client, topic, AMQ_NTS, AMQ_QOS_AT_LEAST_ONCE, AMQ_TEXT("hello"), AMQ_TIMEOUT_DEFAULT,
                             &error),
          &error);
    printf("published to %s: the service has it\n", topic);

    print_next(client);
    check(amq_client_disconnect(client, AMQ_TIMEOUT_DEFAULT, &error), &error);
    amq_client_free(client);
    puts("done");
    return EXIT_SUCCESS;
}
