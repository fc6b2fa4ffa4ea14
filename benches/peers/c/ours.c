/* The library, through its C interface. The roles are those of rust/src/bin/ours.rs. */
#include <aliyun_mqtt.h>

#include "common.h"

#define LONG 600000

static amq_error *error;

static void check(amq_status status) {
    if (status < 0) fail(amq_error_text(error, NULL));
}

static amq_client *connect_client(char **argv) {
    char endpoint[64];
    const char *ca = text(argv, "ca", NULL);
    snprintf(endpoint, sizeof endpoint, "%s:%ld", ca ? "mqtts://localhost" : "mqtt://127.0.0.1",
             number(argv, "port", 1883));
    amq_config *config = amq_config_new();
    amq_credentials *credentials;
    check(amq_credentials_signature(AMQ_TEXT("access-key-id"), AMQ_TEXT("access-key-secret"), &credentials, &error));
    check(amq_config_set_credentials(config, credentials, &error));
    amq_credentials_free(credentials);
    check(amq_config_set_endpoint(config, endpoint, AMQ_NTS, &error));
    check(amq_config_set_instance_id(config, AMQ_TEXT("post-cn-bench"), &error));
    check(amq_config_set_group_id(config, AMQ_TEXT("GID_bench"), &error));
    check(amq_config_set_timeout(config, LONG, &error));
    if (ca) check(amq_config_set_ca_file(config, ca, AMQ_NTS, &error));
    if (number(argv, "version", 4) == 5) check(amq_config_set_protocol(config, AMQ_PROTOCOL_V5, &error));
    amq_client *client;
    check(amq_client_connect(config, &client, &error));
    amq_config_free(config);
    return client;
}

int main(int argc, char **argv) {
    static char payload[1 << 16];
    if (argc < 2) fail("a role");
    const char *role = argv[1];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), size = number(argv, "size", 64);
    memset(payload, 'x', sizeof payload);
    amq_client *client = connect_client(argv);
    if (!strcmp(role, "publish")) {
        struct watch watch = start();
        for (long i = 1; i <= count; i++) {
            amq_outgoing *message;
            amq_delivery *delivery;
            /* At QoS 0 the last one is sent at QoS 1, to know that the server has all of them. */
            int32_t level = (int32_t)(i == count && !qos ? 1 : qos);
            check(amq_outgoing_new(AMQ_TEXT(TOPIC), level, payload, (size_t)size, &message, &error));
            check(amq_client_enqueue(client, message, AMQ_TIMEOUT_DEFAULT, &delivery, &error));
            amq_delivery_free(delivery);
            amq_outgoing_free(message);
        }
        check(amq_client_flush(client, LONG, &error));
        stop(watch, count, 0);
    } else if (!strcmp(role, "roundtrip")) {
        double *times = calloc((size_t)count, sizeof *times);
        struct watch watch = start();
        for (long i = 0; i < count; i++) {
            double begun = now();
            check(amq_client_publish(client, AMQ_TEXT(TOPIC), (int32_t)qos, payload, (size_t)size,
                                     AMQ_TIMEOUT_DEFAULT, &error));
            times[i] = now() - begun;
        }
        stop_with_times(watch, times, count);
        free(times);
    } else if (!strcmp(role, "receive")) {
        check(amq_client_subscribe(client, AMQ_TEXT(TOPIC), (int32_t)qos, AMQ_TIMEOUT_DEFAULT, NULL, &error));
        puts("ready"), fflush(stdout);
        amq_message *message;
        check(amq_client_recv(client, LONG, &message, &error));
        amq_message_free(message);
        struct watch watch = start();
        long received = 1;
        while (received < count) {
            amq_status status = amq_client_recv(client, 3000, &message, &error);
            check(status);
            if (status != AMQ_OK) break;
            amq_message_free(message);
            received++;
        }
        stop(watch, received, count - received);
    } else {
        fail("no such role");
    }
    check(amq_client_disconnect(client, AMQ_TIMEOUT_DEFAULT, &error));
    amq_client_free(client);
    return 0;
}
