// Tests of aliyun_mqtt.hpp. They run against the emulator that the environment names; see `.ci/capi`.
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <limits>
#include <map>
#include <thread>

#include <aliyun_mqtt.hpp>

namespace amq = aliyun_mqtt;
using namespace std::chrono_literals;

#define EXPECT(condition) expect((condition), #condition, __LINE__)
static void expect(bool holds, const char *condition, int line) {
    if (holds) return;
    std::fprintf(stderr, "\nmain.cpp:%d: failed: %s\n", line, condition);
    // At once: other threads may be in the middle of something.
    std::_Exit(EXIT_FAILURE);
}

// The call must throw this, and the test gets it.
template <class Exception = amq::Error, class Call>
Exception thrown_by(Call &&call) {
    try {
        call();
    } catch (const Exception &exception) {
        return exception;
    }
    EXPECT(!"an exception");
    std::abort();
}

static std::string variable(const char *name) {
    const char *value = std::getenv(name);
    EXPECT(value != nullptr);
    return value;
}

static std::string topic_of(const std::string &name) { return variable("ALIYUN_MQTT_TOPIC") + "/" + name; }

template <class Condition>
void await(Condition &&condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
        EXPECT(std::chrono::steady_clock::now() < end);
        std::this_thread::yield();
    }
}

static void objects_move_and_do_not_copy() {
    static_assert(!std::is_copy_constructible_v<amq::Client> && std::is_nothrow_move_constructible_v<amq::Client>);
    static_assert(!std::is_copy_constructible_v<amq::Config> && std::is_nothrow_move_constructible_v<amq::Config>);
    static_assert(!std::is_copy_constructible_v<amq::Message> && std::is_nothrow_move_assignable_v<amq::Message>);
    static_assert(!std::is_copy_constructible_v<amq::Outgoing> && !std::is_copy_constructible_v<amq::Delivery>);
    static_assert(!std::is_copy_constructible_v<amq::Subscription> && !std::is_copy_constructible_v<amq::Events>);
    static_assert(!std::is_copy_constructible_v<amq::Credentials> && !std::is_copy_constructible_v<amq::Token>);
    static_assert(std::is_nothrow_copy_constructible_v<amq::Error>);
    // An operation cannot wait for ever.
    static_assert(std::is_convertible_v<amq::Forever, amq::Wait>);
    static_assert(!std::is_convertible_v<amq::Forever, amq::Timeout>);
    static_assert(amq::Timeout(1500us).ms() == 2 && amq::Timeout(-1s).ms() == 0 && amq::Wait(2s).ms() == 2000);

    amq::Client client(amq::Config::from_env());
    amq::Client moved = std::move(client);
    EXPECT(moved.is_connected());
    EXPECT(thrown_by<amq::MisuseError>([&] { client.publish(topic_of("x"), amq::at_least_once, ""); }).kind() ==
           AMQ_KIND_MISUSE);
    moved.disconnect();
}

static void long_times() {
    using std::chrono::duration;
    constexpr std::int64_t most = 1'000'000'000'000'000;
    static_assert(amq::Timeout(std::chrono::seconds::max()).ms() == most);
    static_assert(amq::Wait(std::chrono::hours::max()).ms() == most);
    static_assert(amq::Timeout(duration<double>(1e300)).ms() == most);
    static_assert(amq::Timeout(duration<float>(std::numeric_limits<float>::infinity())).ms() == most);
    static_assert(amq::Timeout(std::chrono::milliseconds::max()).ms() == most);
    static_assert(amq::Timeout(duration<std::uint64_t>::max()).ms() == most);
    static_assert(amq::Timeout(std::chrono::nanoseconds::max()).ms() == 9223372036855);
    static_assert(amq::Timeout(duration<std::int64_t, std::ratio<999, 1'000'000'000>>::max()).ms() == most);
    static_assert(amq::Timeout(std::chrono::seconds::min()).ms() == 0);
    static_assert(amq::Timeout(duration<double>(-1e300)).ms() == 0);
    static_assert(amq::Timeout(duration<double>(0.0011)).ms() == 2);
    static_assert(amq::Timeout(duration<int, std::ratio<1, 30>>(1)).ms() == 34);
    static_assert(amq::Timeout(duration<std::int8_t, std::ratio<60>>(100)).ms() == 6'000'000);
    // Also where the compiler does not calculate.
    volatile double huge = 1e300, none = std::numeric_limits<double>::quiet_NaN();
    volatile std::int64_t max = std::numeric_limits<std::int64_t>::max();
    const duration<double> no_number(none);
    EXPECT(amq::Timeout(duration<double>(huge)).ms() == most && amq::Timeout(std::chrono::hours(max)).ms() == most);

    amq::Config config = amq::Config::from_env();
    config.timeout(std::chrono::hours::max()).message_age(std::chrono::seconds::max()).backoff(1s, 1e300s);
    config.spool("", 0, AMQ_SPOOL_SYNC_INTERVAL, std::chrono::hours::max());
    thrown_by<amq::MisuseError>([&] { config.timeout(no_number); });
    EXPECT(thrown_by([&] { config.check(); }).kind() == AMQ_KIND_CONFIG);
    const amq::Client client(amq::Config::from_env());
    client.publish(topic_of("cpp/long"), amq::at_least_once, "x", std::chrono::seconds::max());
    EXPECT(client.enqueue(topic_of("cpp/long"), amq::at_least_once, "x", 1e300s).wait(1e300s) == 1u);
    client.flush(std::chrono::hours::max());
    thrown_by<amq::MisuseError>([&] { client.recv(no_number); });

    using Seconds = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;
    using Reals = std::chrono::time_point<std::chrono::system_clock, duration<double>>;
    amq::Token token(AMQ_TOKEN_KIND_READ, "abc");
    // After the last time that a system clock of nanoseconds has.
    EXPECT(token.expiry(Seconds(std::chrono::seconds(10'000'000'000))).expiry() == amq::Token::Time::max());
    EXPECT(token.expiry(Seconds::max()).expiry() == amq::Token::Time::max());
    EXPECT(token.expiry(Reals(duration<double>(huge))).expiry() == amq::Token::Time::max());
    EXPECT(token.expiry(Seconds(4'000'000'000s)).expiry() == Seconds(4'000'000'000s));
    EXPECT(amq_token_expiry(token.expiry(amq::Token::Time(1'500'000us)).get()) == 1500);
    thrown_by<amq::MisuseError>([&] { token.expiry(Reals(no_number)); });
    amq::TokenRequest(AMQ_TOKEN_KIND_READ).lifetime(std::chrono::hours::max()).expiry(Seconds::max());
}

static void errors_are_exceptions() {
    const amq::Error error = thrown_by([] { amq::Client(amq::Config().endpoint("mqtt://127.0.0.1:1")); });
    EXPECT(error.kind() == AMQ_KIND_CONFIG && error.missing_setting() == "instance_id");
    const amq::Error refused =
        thrown_by([] { amq::Client(amq::Config::from_env().endpoint("mqtt://127.0.0.1:1")); });
    EXPECT(refused.kind() == AMQ_KIND_CONNECT && refused.is_retryable() && refused.code() == -1);
    EXPECT(std::string_view(refused.what()).find(refused.message()) != std::string_view::npos);
    EXPECT(!refused.hint().empty() && !refused.hint_key().empty() && !refused.causes().empty());
    EXPECT(refused.fate() == AMQ_FATE_NONE && refused.undelivered() == 0 && refused.api_status() == 0);
    EXPECT(refused.api_code().empty() && refused.request_id().empty() && refused.get() != nullptr);
    EXPECT(refused.stage() == AMQ_STAGE_CONNECT);
    const amq::Client client(amq::Config::from_env());
    EXPECT(thrown_by<amq::TimeoutError>([&] { client.request(topic_of("nobody"), "?", 200ms); }).kind() ==
           AMQ_KIND_TIMEOUT);
    thrown_by<amq::MisuseError>([] { amq::Config().group_id(std::string_view("GID_\0", 5)); });
}

static void settings() {
    amq::Config config;
    config.endpoint(variable("ALIYUN_MQTT_ENDPOINT"))
        .instance_id(variable("ALIYUN_MQTT_INSTANCE_ID"))
        .group_id(variable("ALIYUN_MQTT_GROUP_ID"))
        .device_id("cpp_settings")
        .credentials(amq::Credentials::signature(variable("ALIBABA_CLOUD_ACCESS_KEY_ID"),
                                                 variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET")))
        .protocol(AMQ_PROTOCOL_V5)
        .clean_session(false)
        .session_expiry(1h)
        .receive_maximum(10)
        .keep_alive(30s)
        .timeout(20s)
        .max_window(50)
        .limit(AMQ_LIMIT_FILTERS, 5)
        .strict_names(true)
        .max_publish_rate(1e5)
        .ordered(false)
        .ack_mode(AMQ_ACK_MODE_ON_TAKE)
        .message_age(1min)
        .refusal_patience(1min)
        .refused_topic_pause(1min)
        .backoff(100ms, 1s)
        .token_renewal(0.5)
        .deliver_notices(false)
        .ca_file(variable("ALIYUN_MQTT_CA_FILE"))
        .system_roots(false)
        .proxy_from_env();
    config.check();
    const amq::Client client(config);
    EXPECT(client.id().find("@@@cpp_settings") != std::string_view::npos);
    EXPECT(client.endpoint() == variable("ALIYUN_MQTT_ENDPOINT"));
    EXPECT(client.stat(AMQ_STAT_CONNECTIONS) == 1);
    client.disconnect(5s);
    const amq::Config spooling = std::move(amq::Config::from_env().window(1).spool("/no/such/folder/spool"));
    EXPECT(thrown_by([&] { amq::Client refused(spooling); }).kind() != AMQ_KIND_INTERNAL);
}

static void messages_go_and_come() {
    const amq::Client client(amq::Config::from_env().protocol(AMQ_PROTOCOL_V5));
    const std::string topic = topic_of("cpp/plain");
    EXPECT(client.subscribe(topic, amq::at_least_once) == amq::at_least_once);
    EXPECT(!client.recv(0ms));
    const std::array<std::uint8_t, 3> bytes{0, 1, 255};
    client.publish(topic, amq::at_least_once, bytes);
    const std::optional<amq::Message> message = client.recv(10s);
    EXPECT(message && message->topic() == topic && message->payload() == std::string_view("\0\1\xff", 3));
    EXPECT(message->qos() == amq::at_least_once && !message->is_retained() && !message->is_duplicate());
    EXPECT(!message->content_type() && !message->message_expiry() && !message->is_request());

    amq::Outgoing outgoing(topic, amq::at_least_once, "text");
    outgoing.content_type("text/plain").payload_format_utf8().message_expiry(1min).user_property("key", "value");
    outgoing.correlation_data("id").response_topic(topic).timeout(10s);
    client.check(outgoing);
    client.publish(outgoing);
    const amq::Message full = client.recv(10s)->clone();
    EXPECT(full.payload() == "text" && full.content_type() == "text/plain" && full.payload_format_utf8());
    EXPECT(full.message_expiry() > 0s && full.user_property("key") == "value" && !full.user_property("other"));
    EXPECT(full.user_property_count() >= 1 && !full.user_property(0).first.empty());
    EXPECT(full.correlation_data() == "id" && full.response_topic() == topic);
    EXPECT(full.subscription_identifier_count() == 0);

    EXPECT(client.enqueue(outgoing).wait(amq::forever) == 1u);
    EXPECT(client.enqueue(topic_of("cpp/other"), amq::at_least_once, "x").wait(10s) == 1u);
    std::vector<amq::Outgoing> many;
    for (const char *text : {"one", "two"}) many.emplace_back(topic, amq::at_least_once, text);
    many.emplace_back("a//b", amq::at_least_once, "refused");
    const auto outcomes = client.publish_many(many);
    EXPECT(outcomes.size() == 3 && !outcomes[0] && !outcomes[1] && outcomes[2]->kind() == AMQ_KIND_INVALID);
    for (const amq::Enqueued &each : client.enqueue_many({})) EXPECT(!each.delivery);
    many.clear();
    for (const char *text : {"three", "four"}) many.emplace_back(topic, amq::at_least_once, text);
    many.emplace(many.begin() + 1, "a//b", amq::at_least_once, "refused");
    const std::vector<amq::Enqueued> enqueued = client.enqueue_many(many, 10s);
    EXPECT(enqueued.size() == 3 && !enqueued[1].delivery && enqueued[1].error->kind() == AMQ_KIND_INVALID);
    for (const int queued : {0, 2}) EXPECT(!enqueued[queued].error && enqueued[queued].delivery->wait(10s) == 1u);
    client.flush(10s);
    std::string seen;
    for (const amq::Message &each : client.messages(10s)) {
        seen.append(each.payload()).append(" ");
        if (each.payload() == "four") break;
    }
    EXPECT(seen == "text one two three four ");
    client.unsubscribe(topic);
    client.disconnect();
    thrown_by<amq::Ended>([&] { client.recv(1s); });
    for (const amq::Message &never : client.messages()) EXPECT(never.payload() == "none");
}

static void subscriptions_with_options_and_of_many_filters() {
    const amq::Client client(amq::Config::from_env().protocol(AMQ_PROTOCOL_V5));
    const amq::Client other(amq::Config::from_env().protocol(AMQ_PROTOCOL_V5));
    const auto next = [&] { return std::string(client.recv(10s)->payload()); };
    const std::string topic = topic_of("cpp/options"), one = topic_of("cpp/one"), two = topic_of("cpp/two");
    EXPECT(client.subscribe(topic, amq::at_least_once, 10s, true, 7) == amq::at_least_once);
    client.publish(topic, amq::at_least_once, "its own");
    other.publish(topic, amq::at_least_once, "of the other");
    const amq::Message message = *client.recv(10s);
    EXPECT(message.payload() == "of the other");
    EXPECT(message.subscription_identifier_count() == 1 && message.subscription_identifier(0) == 7);

    const std::vector<amq::QoS> granted = client.subscribe_many({{one, amq::at_least_once}, {two, amq::at_most_once}});
    EXPECT(granted == std::vector<amq::QoS>({amq::at_least_once, amq::at_most_once}));
    for (const std::string &each : {one, two}) client.publish(each, amq::at_least_once, each);
    const std::string first = next(), second = next();
    EXPECT((first == one && second == two) || (first == two && second == one));
    const std::map<std::string, amq::QoS> filters{{one + "/a", amq::at_most_once}, {one + "/b", amq::at_least_once}};
    EXPECT(client.subscribe_many(filters, 10s) == std::vector<amq::QoS>({amq::at_most_once, amq::at_least_once}));
    const std::vector<std::pair<std::string, amq::QoS>> none;
    EXPECT(thrown_by([&] { client.subscribe_many(none); }).kind() == AMQ_KIND_INVALID);
}

static void subscriptions_and_requests() {
    const amq::Client client(amq::Config::from_env()), other(amq::Config::from_env());
    const std::string topic = topic_of("cpp/requests");
    const amq::Subscription subscription = client.subscription(topic, amq::at_least_once);
    EXPECT(subscription.filter() == topic);
    auto replies = std::async(std::launch::async, [&] {
        int count = 0;
        for (const amq::Message &request : subscription.messages(10s)) {
            EXPECT(request.is_request() && !request.request_response_topic().empty());
            EXPECT(!request.request_correlation_data().empty());
            client.reply(request, "re: " + std::string(request.request_payload()));
            if (++count == 2) break;
        }
        return count;
    });
    EXPECT(other.request(topic, "one", 10s).payload() == "re: one");
    EXPECT(other.request(amq::Outgoing(topic, amq::at_least_once, "two"), 10s, true).payload() == "re: two");
    EXPECT(replies.get() == 2);
    auto answer = std::async(std::launch::async, [&] {
        const amq::Message request = *client.recv(10s);
        client.publish(amq::Outgoing::reply(request, amq::at_least_once, "three"));
    });
    EXPECT(other.request_p2p(variable("ALIYUN_MQTT_TOPIC"), client.id(), "?", 10s).payload() == "three");
    answer.get();
    other.send_p2p(variable("ALIYUN_MQTT_TOPIC"), client.id(), amq::at_least_once, "psst");
    EXPECT(client.recv(10s)->payload() == "psst");
    other.publish(amq::Outgoing::p2p(variable("ALIYUN_MQTT_TOPIC"), client.id(), amq::at_least_once, "again"));
    EXPECT(client.recv(10s)->payload() == "again");
    EXPECT(amq::p2p_topic("demo", "GID_x@@@y") == "demo/p2p/GID_x@@@y");
    EXPECT(amq::topic_matches("a/#", "a/b") && !amq::topic_matches("a", "b"));
    const amq::Closer closer = client.closer();
    auto waiting = std::async(std::launch::async, [&] { thrown_by<amq::Ended>([&] { client.recv(amq::forever); }); });
    closer.close();
    waiting.get();
}

static void acknowledged_by_hand() {
    const amq::Client client(amq::Config::from_env().ack_mode(AMQ_ACK_MODE_MANUAL));
    client.subscribe(topic_of("cpp/ack"), amq::at_least_once);
    client.publish(topic_of("cpp/ack"), amq::at_least_once, "by hand");
    const amq::Message message = *client.recv(10s);
    message.ack();
    thrown_by<amq::MisuseError>([&] { message.ack(); });
}

static void callbacks() {
    std::atomic<int> ended{0}, records{0};
    const auto destroyed = std::make_shared<int>();
    {
        using View = std::string_view;
        amq::on_log(AMQ_LOG_LEVEL_DEBUG, [&records, destroyed](amq_log_level, View target, View) {
            if (!target.empty()) ++records;
        });
        const amq::Client client(amq::Config::from_env());
        const amq::Events events = client.events();
        client.on_event([&ended, destroyed](const amq::Event &event) {
            if (event.kind() == AMQ_EVENT_KIND_ENDED && event.reason()->kind() == AMQ_KIND_CLOSED) ++ended;
        });
        client.disconnect();
        await([&] { return ended == 1; });
        client.on_event(nullptr);
        const amq::Event event = *events.recv(10s);
        EXPECT(event.kind() == AMQ_EVENT_KIND_ENDED && !event.text().empty() && event.untaken() == 0);
        EXPECT(event.clone().text() == event.text() && event.unsent_acks() == 0 && event.held_back() == 0);
        EXPECT(!event.taken() && event.size() == 0 && event.path().empty() && !event.expires());
        EXPECT(event.token_kind() == AMQ_TOKEN_KIND_NONE && event.notice_kind() == AMQ_NOTICE_KIND_NONE);
        EXPECT(event.notice_code() == -1 && event.notice_payload().empty());
        thrown_by<amq::Ended>([&] { events.recv(10s); });
        EXPECT(client.events_dropped() == 0 && events.dropped() == 0);
        amq::on_log(nullptr);
    }
    await([&] { return destroyed.use_count() == 1; });
    EXPECT(records > 0 && amq::log_dropped() < 1000);
}

static void credentials() {
    const std::string id = variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), joined = variable("ALIYUN_MQTT_TOKEN");
    const auto log_in = [](const amq::Credentials &credentials) {
        amq::Client(amq::Config::from_env().credentials(credentials)).disconnect();
    };
    log_in(amq::Credentials::from_env(AMQ_AUTH_MODE_TOKEN));
    log_in(amq::Credentials::from_env(AMQ_AUTH_MODE_CHAIN));
    log_in(amq::Credentials::token(id, joined));
    log_in(amq::Credentials::provider([] { return amq::Credentials::from_env(AMQ_AUTH_MODE_SIGNATURE); }));
    const auto token = [text = joined.substr(joined.find('|') + 1)] {
        return amq::Token(AMQ_TOKEN_KIND_READ_WRITE, text);
    };
    log_in(amq::Credentials::token_provider(id, token));
    const amq::Error failed = thrown_by([&] {
        log_in(amq::Credentials::provider([]() -> amq::Credentials { throw std::runtime_error("the vault is shut"); }));
    });
    EXPECT(failed.kind() == AMQ_KIND_CREDENTIALS);
    EXPECT(std::string_view(failed.what()).find("the vault is shut") != std::string_view::npos);

    amq::Token by_hand = token();
    const auto later = std::chrono::system_clock::now() + 1h;
    by_hand.expiry(std::chrono::time_point_cast<std::chrono::milliseconds>(later));
    EXPECT(by_hand.kind() == AMQ_TOKEN_KIND_READ_WRITE && *by_hand.expiry() > later - 1s && !by_hand.text().empty());
    const amq::Client client(amq::Config::from_env().credentials(amq::Credentials::tokens_by_hand(id, by_hand)));
    EXPECT(!client.token_wanted(0ms));
    client.hand_in(by_hand);
    client.upload_token(by_hand);
    client.refuse_tokens("none today");
    client.disconnect();
    thrown_by<amq::Ended>([&] { client.token_wanted(amq::forever); });
}

static void tokens_of_two_kinds() {
    const amq::Api api(amq::ApiConfig::from_env());
    const std::string id(api.access_key_id()), topic = topic_of("cpp/kinds");
    const auto request = [](amq_token_kind kind) {
        return std::move(amq::TokenRequest(kind).topic(topic_of("#")).lifetime(10min));
    };
    const auto apply = [&](amq_token_kind kind) { return api.apply_token(request(kind)); };
    // Both are needed.
    const auto works = [&](const amq::Credentials &credentials) {
        amq::Client client(amq::Config::from_env().credentials(credentials).token_renewal(0.1));
        client.subscribe(topic, amq::at_least_once);
        client.publish(topic, amq::at_least_once, "x", 10s);
        EXPECT(client.recv(10s)->payload() == "x");
        return client;
    };
    std::vector<amq::Token> both;
    for (const auto kind : {AMQ_TOKEN_KIND_READ, AMQ_TOKEN_KIND_WRITE}) both.push_back(apply(kind));
    works(amq::Credentials::tokens(id, both[0], both[1]));
    works(amq::Credentials::tokens(id, both));
    works(amq::Credentials::apply_tokens(api, request(AMQ_TOKEN_KIND_READ), request(AMQ_TOKEN_KIND_WRITE)));
    std::vector<amq::TokenRequest> requests;
    for (const auto kind : {AMQ_TOKEN_KIND_READ, AMQ_TOKEN_KIND_WRITE}) requests.push_back(request(kind));
    works(amq::Credentials::apply_tokens(api, requests));
    works(amq::Credentials::tokens_by_hand(id, both[0], both[1]));
    thrown_by([&] { works(amq::Credentials::tokens_by_hand(id)); });
    thrown_by([&] { works(amq::Credentials::tokens_by_hand(id, std::vector<amq::Token>())); });

    // Only the second is to be renewed, 1 s from now.
    const auto soon = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now() + 10s);
    both[0].expiry(soon + 1h);
    both[1].expiry(soon);
    const amq::Client client = works(amq::Credentials::tokens_by_hand(id, both));
    const std::optional<amq::TokensWanted> wanted = client.token_wanted(20s);
    EXPECT(wanted && wanted->kinds == 1u << AMQ_TOKEN_KIND_WRITE && wanted->expires == soon);
    EXPECT(wanted->wants(AMQ_TOKEN_KIND_WRITE) && !wanted->wants(AMQ_TOKEN_KIND_READ));
    const amq::Events events = client.events();
    const auto renewed = [&](amq_token_kind kind) {
        for (;;) {
            const amq::Event event = *events.recv(10s);
            EXPECT(event.kind() != AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED);
            if (event.kind() == AMQ_EVENT_KIND_TOKEN_RENEWED && event.token_kind() == kind) return event.expires();
        }
    };
    client.hand_in(apply(AMQ_TOKEN_KIND_WRITE));
    EXPECT(renewed(AMQ_TOKEN_KIND_WRITE) > soon);
    EXPECT(!client.token_wanted(0ms));
    client.hand_in(apply(AMQ_TOKEN_KIND_READ), apply(AMQ_TOKEN_KIND_WRITE));
    renewed(AMQ_TOKEN_KIND_READ);
    std::vector<amq::Token> next;
    next.push_back(apply(AMQ_TOKEN_KIND_WRITE));
    client.hand_in(next);
    renewed(AMQ_TOKEN_KIND_WRITE);
}

static void the_api() {
    const amq::Api api(amq::ApiConfig::from_env().signing(AMQ_SIGNING_V3).timeout(20s));
    EXPECT(api.instance_id() == variable("ALIYUN_MQTT_INSTANCE_ID"));
    EXPECT(api.access_key_id() == variable("ALIBABA_CLOUD_ACCESS_KEY_ID") && !api.endpoint().empty() && api.region());
    amq::TokenRequest request(AMQ_TOKEN_KIND_READ_WRITE);
    request.topic(topic_of("#")).lifetime(10min);
    const amq::Token token = api.apply_token(request);
    EXPECT(api.query_token(token.text()));
    api.revoke_token(token.text());
    EXPECT(!api.query_token(token.text()));
    const amq::Client client(amq::Config::from_env().credentials(amq::Credentials::apply_tokens(api, request)));
    EXPECT(api.query_session(client.id()));
    client.subscribe(topic_of("cpp/api"), amq::at_least_once);
    EXPECT(!api.send_message(topic_of("cpp/api"), "by the API").view().empty());
    EXPECT(client.recv(10s)->payload() == "by the API");
    const std::string device_id = variable("ALIYUN_MQTT_GROUP_ID") + "@@@cpp_device";
    const amq::DeviceCredential device = api.register_device_credential(device_id);
    EXPECT(device.client_id() == device_id && !device.access_key_id().empty());
    EXPECT(device.created() <= device.updated() && device.updated() > std::chrono::system_clock::time_point());
    EXPECT(api.get_device_credential(device_id).access_key_secret() == device.access_key_secret());
    EXPECT(api.refresh_device_credential(device_id).credentials().get() != nullptr);
    api.unregister_device_credential(device_id);
    amq::Call groups("ListGroupId");
    groups.parameter("InstanceId", variable("ALIYUN_MQTT_INSTANCE_ID")).repeatable(true);
    EXPECT(api.call(groups).view().find(variable("ALIYUN_MQTT_GROUP_ID")) != std::string_view::npos);
    EXPECT(thrown_by([&] { api.call(amq::Call("NoSuchOperation").form("Name", "value")); }).kind() == AMQ_KIND_API);
}

static void a_standing_client() {
    const amq::Config config = amq::Config::from_env();
    const amq::Client one = amq::Client::shared(config, "cpp"), two = amq::Client::shared(config, "cpp", false);
    EXPECT(one.id() == two.id() && two.stat(AMQ_STAT_CONNECTIONS) == 1);
}

static void versions() { EXPECT(!amq::version().empty() && amq::abi_version() == AMQ_ABI_VERSION); }

int main() {
    const std::pair<const char *, void (*)()> tests[] = {
        {"objects move and do not copy", objects_move_and_do_not_copy},
        {"long times", long_times},
        {"errors are exceptions", errors_are_exceptions},
        {"settings", settings},
        {"messages go and come", messages_go_and_come},
        {"subscriptions with options and of many filters", subscriptions_with_options_and_of_many_filters},
        {"subscriptions and requests", subscriptions_and_requests},
        {"acknowledged by hand", acknowledged_by_hand},
        {"callbacks", callbacks},
        {"credentials", credentials},
        {"tokens of two kinds", tokens_of_two_kinds},
        {"the API", the_api},
        {"a standing client", a_standing_client},
        {"versions", versions},
    };
    int passed = 0;
    for (const auto &[name, test] : tests) {
        std::printf("test C++: %s ... ", name);
        std::fflush(stdout);
        test();
        std::puts("ok");
        ++passed;
    }
    std::printf("test result: ok. %d passed; 0 failed; 0 ignored\n", passed);
}
