/* The limit: a plain socket that writes the same bytes in batches, and keeps no promise. */
#include "wire.h"

#define BATCH (1 << 16)

static struct reader reader;

static void open_connection(const char *role, long port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    reader.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(reader.fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    no_delay(reader.fd);
    uint8_t packet[256] = {CONNECT << 4, 0, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x82, 0, 60, 0};
    /* It also feeds receivers. */
    const char *texts[] = {strcmp(role, "receive") ? "GID_bench@@@feeder" : CLIENT_ID, USER};
    size_t length = 12;
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(texts[i]);
        packet[length] = size >> 8, packet[length + 1] = size;
        memcpy(packet + length + 2, texts[i], size);
        length += 2 + size;
    }
    packet[1] = length - 2;
    write_all(reader.fd, packet, length);
    struct packet answer;
    while (!take(&reader, &answer))
        if (!more(&reader, 0)) fail("no CONNACK");
    if (answer.head >> 4 != CONNACK || answer.body[1]) fail("refused");
}

static void publish(char **argv) {
    static uint8_t out[BATCH + (1 << 17)], payload[1 << 16];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), size = number(argv, "size", 64);
    long sent = 0, settled = 0, wanted = qos ? count : 1, window = number(argv, "window", 100);
    uint16_t id = 0;
    struct packet packet;
    memset(payload, 'x', size);
    struct watch watch = start();
    size_t length = 0;
    while (settled < wanted) {
        while (sent < count && length < BATCH && (!qos || sent - settled < window)) {
            sent++;
            id = id == 65535 ? 1 : id + 1;
            /* At QoS 0 the last message is sent at QoS 1, to know when the server has all of them. */
            length += put_publish(out + length, sent == count && !qos ? 1 : qos, id, payload, size);
        }
        write_all(reader.fd, out, length);
        length = 0;
        if (!qos && sent < count) continue;
        if (!more(&reader, 0)) fail("the end");
        while (take(&reader, &packet)) {
            int kind = packet.head >> 4;
            if (kind == PUBREC) length += put_id(out + length, PUBREL, packet.id);
            settled += kind == PUBACK || kind == PUBCOMP;
        }
    }
    stop(watch, count, 0);
}

static void round_trip(char **argv) {
    static uint8_t out[1 << 17], payload[1 << 16];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), size = number(argv, "size", 64);
    double *times = calloc(count, sizeof *times);
    struct packet packet = {0};
    struct watch watch = start();
    for (long i = 0; i < count; i++) {
        double begun = now();
        write_all(reader.fd, out, put_publish(out, qos, i % 65535 + 1, payload, size));
        do {
            while (!take(&reader, &packet))
                if (!more(&reader, 0)) fail("the end");
            if (packet.head >> 4 == PUBREC) write_all(reader.fd, out, put_id(out, PUBREL, packet.id));
        } while (packet.head >> 4 == PUBREC);
        times[i] = now() - begun;
    }
    stop_with_times(watch, times, count);
}

static void receive(char **argv) {
    static uint8_t out[1 << 17];
    long qos = number(argv, "qos", 1), count = number(argv, "count", 1), received = 0;
    size_t topic = strlen(TOPIC);
    out[0] = SUBSCRIBE << 4 | 2, out[1] = 5 + topic, out[3] = 1, out[5] = topic;
    memcpy(out + 6, TOPIC, topic);
    out[6 + topic] = qos;
    write_all(reader.fd, out, 7 + topic);
    struct watch watch = {0};
    struct packet packet;
    while (received < count) {
        size_t length = 0;
        if (!more(&reader, 0)) fail("the end");
        while (take(&reader, &packet)) {
            if (packet.head >> 4 == SUBACK) puts("ready"), fflush(stdout);
            if (packet.head >> 4 != PUBLISH) continue;
            if (!received++) watch = start();
            if (packet.id) length += put_id(out + length, PUBACK, packet.id);
        }
        write_all(reader.fd, out, length);
    }
    stop(watch, count, 0);
}

int main(int argc, char **argv) {
    if (argc < 2) fail("a role");
    open_connection(argv[1], number(argv, "port", 1883));
    if (!strcmp(argv[1], "publish")) publish(argv);
    else if (!strcmp(argv[1], "roundtrip")) round_trip(argv);
    else if (!strcmp(argv[1], "receive")) receive(argv);
    else fail("no such role");
    return 0;
}
