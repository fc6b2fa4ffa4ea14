// Subscribes, publishes ten messages, and receives them.
#include <cstdlib>
#include <iostream>
#include <string>

#include <aliyun_mqtt.hpp>

namespace amq = aliyun_mqtt;
using namespace std::chrono_literals;

constexpr int count = 10;

static void run() {
    const amq::Client client(amq::Config::from_env());
    std::cout << "connected to " << client.endpoint() << " as " << client.id() << '\n';

    // One filter for all topics below it; a client may have 30 filters.
    const char *topic = std::getenv("ALIYUN_MQTT_TOPIC");
    if (!topic) throw std::runtime_error("ALIYUN_MQTT_TOPIC is not set");
    const std::string parent = std::string(topic) + "/message/";
    const amq::QoS granted = client.subscribe(parent + "#", amq::at_least_once);
    std::cout << "subscribed, granted QoS " << granted << '\n';

    for (int number = 0; number < count; ++number) {
        const std::string text = std::to_string(number);
        // Returns without waiting for the acknowledgement; `flush` waits for all of them.
        client.enqueue(amq::Outgoing(parent + text, amq::at_least_once, "message " + text));
    }
    client.flush(10s);
    std::cout << "published " << count << " messages, all acknowledged\n";

    int received = 0;
    for (const amq::Message &message : client.messages(10s)) {
        std::cout << "received on " << message.topic() << ": " << message.payload() << '\n';
        if (++received == count) break;
    }
    if (received < count) throw std::runtime_error("no message came within 10 seconds");
    client.disconnect();
}

int main() {
    try {
        run();
    } catch (const std::exception &error) {
        std::cerr << "failed: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    std::cout << "done\n";
}
