/*
 * aliyun-mqtt for C++17: a blocking client for Alibaba Cloud ApsaraMQ for MQTT. Header only, over aliyun_mqtt.h, whose
 * documentation of each function holds here too: how long it blocks, its errors, its threads.
 *
 * Objects own what they stand for, can be moved but not copied, and free it when they go. Moved from, or made by the
 * default constructor, an object is empty: its calls fail with AMQ_KIND_MISUSE.
 *
 * Text and bytes come in as views, which are copied, and go out as views, which are valid as long as the object that
 * they came from. Names of enumerators are those of C.
 *
 * Errors are exceptions: aliyun_mqtt::Error, or one of the classes derived from it. Programs that are built without
 * exceptions use aliyun_mqtt.h.
 *
 * Timeouts are any std::chrono::duration, rounded up to milliseconds, and at most 1e15 of them, which is longer than
 * anything lasts; without one, the configured timeout.
 */
#ifndef ALIYUN_MQTT_HPP
#define ALIYUN_MQTT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <ratio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "aliyun_mqtt.h"

namespace aliyun_mqtt {

using QoS = amq_qos;
inline constexpr QoS at_most_once = AMQ_QOS_AT_MOST_ONCE;
inline constexpr QoS at_least_once = AMQ_QOS_AT_LEAST_ONCE;
inline constexpr QoS exactly_once = AMQ_QOS_EXACTLY_ONCE;

namespace detail {

template <class T, void (*Free)(T *)>
struct Deleter {
    void operator()(T *object) const noexcept { Free(object); }
};

template <class T, void (*Free)(T *)>
using Handle = std::unique_ptr<T, Deleter<T, Free>>;

/** A text that C lent: a getter of an object, and the object. Empty where C gives NULL. */
template <class T>
std::string_view text(const char *(*getter)(const T *, std::size_t *), const T *object) noexcept {
    std::size_t len = 0;
    const char *data = getter(object, &len);
    return data ? std::string_view(data, len) : std::string_view();
}

/** A text that may be absent: C gives NULL. */
template <class T>
std::optional<std::string_view> maybe_text(const char *(*getter)(const T *, std::size_t *), const T *object) noexcept {
    std::size_t len = 0;
    const char *data = getter(object, &len);
    return data ? std::optional(std::string_view(data, len)) : std::nullopt;
}

inline std::string_view chars(const std::uint8_t *data, std::size_t len) noexcept {
    return data ? std::string_view(reinterpret_cast<const char *>(data), len) : std::string_view();
}

/** An argument of C: the empty view has no address, which C takes for a missing text. */
inline const char *data(std::string_view text) noexcept { return text.data() ? text.data() : ""; }

/**
 * A time in milliseconds, rounded up or towards zero. Longer ones than 1e15 ms become that: their number may not fit.
 * NaN becomes the least number, which C refuses as a misuse.
 */
template <bool Up, class Rep, class Period>
constexpr std::int64_t milliseconds(std::chrono::duration<Rep, Period> time) {
    using Milliseconds = std::chrono::milliseconds;
    using Factor = std::ratio_divide<Period, std::milli>;
    constexpr std::int64_t most = 1'000'000'000'000'000;
    const auto real = std::chrono::duration<std::common_type_t<Rep, double>, std::milli>(time).count();
    if (real != real) return std::numeric_limits<std::int64_t>::min();
    if (real >= most) return most;
    if (real <= -most) return -most;
    if constexpr (std::is_floating_point_v<Rep> || (Factor::num != 1 && Factor::den != 1)) {
        // Not in whole numbers, where what comes in between may not fit.
        const auto whole = static_cast<std::int64_t>(real);
        return Up && static_cast<decltype(real)>(whole) < real ? whole + 1 : whole;
    } else if constexpr (Up) {
        return std::chrono::ceil<Milliseconds>(time).count();
    } else {
        return std::chrono::duration_cast<Milliseconds>(time).count();
    }
}

/** A time in milliseconds since 1970; the last one that there is, if it is later. Nothing, if it is not known. */
inline std::optional<std::chrono::system_clock::time_point> time_at(std::int64_t ms) noexcept {
    using Time = std::chrono::system_clock::time_point;
    if (ms < 0) return std::nullopt;
    const std::chrono::milliseconds since_1970(ms);
    if (since_1970 >= std::chrono::duration_cast<std::chrono::milliseconds>(Time::max().time_since_epoch()))
        return Time::max();
    return Time(since_1970);
}

/** The C objects of the arguments, each of which is an object, or a container of them. */
template <class Object, class... Given>
auto pointers(const Given &...given) {
    using Raw = std::remove_pointer_t<decltype(std::declval<const Object &>().get())>;
    std::vector<const Raw *> pointers;
    [[maybe_unused]] const auto add = [&](const auto &one) {
        if constexpr (std::is_convertible_v<decltype(one), const Object &>) {
            pointers.push_back(static_cast<const Object &>(one).get());
        } else {
            for (const Object &each : one) pointers.push_back(each.get());
        }
    };
    (add(given), ...);
    return pointers;
}

/** An array for objects that C gives. Frees those that were not taken. */
template <class T, void (*Free)(T *)>
class Row {
public:
    explicit Row(std::size_t size) : objects_(size) {}
    Row(const Row &) = delete;
    Row &operator=(const Row &) = delete;
    ~Row() {
        for (T *object : objects_) Free(object);
    }
    T **data() noexcept { return objects_.data(); }
    Handle<T, Free> take(std::size_t index) noexcept {
        return Handle<T, Free>(std::exchange(objects_[index], nullptr));
    }

private:
    std::vector<T *> objects_;
};

}  // namespace detail

/** The reason why a call failed. Copies share it. */
class Error : public std::runtime_error {
public:
    /** Takes over an error that C gave. */
    explicit Error(detail::Handle<amq_error, amq_error_free> error)
        : runtime_error(error ? amq_error_text(error.get(), nullptr) : "unknown"), error_(std::move(error)) {}

    amq_kind kind() const noexcept { return amq_error_kind(error_.get()); }
    /** The fate of the message that the error is about; AMQ_FATE_NONE if it is about none. */
    amq_fate fate() const noexcept { return amq_error_fate(error_.get()); }
    amq_stage stage() const noexcept { return amq_error_stage(error_.get()); }
    /** The code that the server, the service or a proxy gave; -1 if there is none. */
    std::int64_t code() const noexcept { return amq_error_code(error_.get()); }
    /** what() without the stage and the hint. */
    std::string_view message() const noexcept { return detail::text(amq_error_message, error_.get()); }
    /** The cure of the error; empty if its usual cause is not known. */
    std::string_view hint() const noexcept { return detail::text(amq_error_hint, error_.get()); }
    /** A short name of the hint, the same in every version; empty without a hint. */
    std::string_view hint_key() const noexcept { return detail::text(amq_error_hint_key, error_.get()); }
    /** The name of the setting that is missing; empty if something else is wrong. */
    std::string_view missing_setting() const noexcept { return detail::text(amq_error_missing_setting, error_.get()); }
    /** The causes below the error, separated by ": "; empty if there are none. */
    std::string_view causes() const noexcept { return detail::text(amq_error_causes, error_.get()); }
    /** True if the same call may succeed later without a change. */
    bool is_retryable() const noexcept { return amq_error_is_retryable(error_.get()); }
    /** The number of messages that were not delivered, for AMQ_KIND_UNDELIVERED. */
    std::size_t undelivered() const noexcept { return amq_error_undelivered(error_.get()); }
    /** The HTTP status of the API's answer; 0 if the error is not from the API. */
    std::uint16_t api_status() const noexcept { return amq_error_api_status(error_.get()); }
    std::string_view api_code() const noexcept { return detail::text(amq_error_api_code, error_.get()); }
    std::string_view request_id() const noexcept { return detail::text(amq_error_request_id, error_.get()); }

    const amq_error *get() const noexcept { return error_.get(); }

private:
    std::shared_ptr<const amq_error> error_;
};

/** A deadline passed. */
class TimeoutError : public Error {
public:
    using Error::Error;
};

/** An argument cannot be used; nothing was done. A fault of the program. */
class MisuseError : public Error {
public:
    using Error::Error;
};

/** There is nothing more to receive, since this program has disconnected or closed the client. */
class Ended : public std::runtime_error {
public:
    Ended() : runtime_error("this program has ended the client") {}
};

namespace detail {

[[noreturn]] inline void raise(amq_status status, amq_error *raw) {
    Handle<amq_error, amq_error_free> error(raw);
    switch (status) {
    case AMQ_ERROR_TIMEOUT: throw TimeoutError(std::move(error));
    case AMQ_ERROR_MISUSE: throw MisuseError(std::move(error));
    default: throw Error(std::move(error));
    }
}

/** Runs a call that takes the place for its error, and returns its status unless it failed. */
template <class Call>
amq_status checked(Call &&call) {
    amq_error *error = nullptr;
    const amq_status status = call(&error);
    if (status < 0) raise(status, error);
    return status;
}

/** As `checked`, for a call that gives an object: its place comes first. */
template <class Object, class Call>
Object made(Call &&call) {
    typename Object::pointer object = nullptr;
    checked([&](amq_error **error) { return call(&object, error); });
    return Object(object);
}

}  // namespace detail

/** The timeout of an operation. */
class Timeout {
public:
    /** The configured one. */
    constexpr Timeout() noexcept : ms_(AMQ_TIMEOUT_DEFAULT) {}

    /** This long. A negative time has passed already. A call with one that is not a number fails as a misuse. */
    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> time)
        : ms_(time < time.zero() ? 0 : detail::milliseconds<true>(time)) {}

    constexpr std::int64_t ms() const noexcept { return ms_; }

private:
    std::int64_t ms_;
};

/** The type of `forever`. */
struct Forever {};
/** As a wait: as long as it takes. */
inline constexpr Forever forever{};

/** The time for which a call may wait to receive something, or for a delivery. Operations cannot wait for ever. */
class Wait {
public:
    /** The configured timeout. */
    constexpr Wait() noexcept : ms_(AMQ_TIMEOUT_DEFAULT) {}
    constexpr Wait(Forever) noexcept : ms_(AMQ_TIMEOUT_NONE) {}
    constexpr Wait(Timeout timeout) noexcept : ms_(timeout.ms()) {}
    template <class Rep, class Period>
    constexpr Wait(std::chrono::duration<Rep, Period> time) : Wait(Timeout(time)) {}

    constexpr std::int64_t ms() const noexcept { return ms_; }

private:
    std::int64_t ms_;
};

/** A view of bytes: of a text, of a container of bytes, or a pointer with a length. */
class Bytes {
public:
    Bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    Bytes(std::string_view text) noexcept : Bytes(text.data(), text.size()) {}
    Bytes(const char *text) : Bytes(std::string_view(text)) {}
    /** std::string, std::vector, std::array, std::span and the like, of elements of one byte. */
    template <class Container,
              class Element = std::remove_pointer_t<decltype(std::declval<const Container &>().data())>,
              std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element>, int> = 0>
    Bytes(const Container &container) noexcept : Bytes(container.data(), container.size()) {}

    const void *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    const void *data_;
    std::size_t size_;
};

class Api;
class Token;
class TokenRequest;

/** How a client logs in. */
class Credentials {
public:
    using Handle = detail::Handle<amq_credentials, amq_credentials_free>;

    /** Takes over credentials that C made. */
    explicit Credentials(Handle handle) noexcept : handle_(std::move(handle)) {}

    static Credentials signature(std::string_view access_key_id, std::string_view access_key_secret) {
        return of_two(amq_credentials_signature, access_key_id, access_key_secret);
    }
    static Credentials device(std::string_view access_key_id, std::string_view access_key_secret) {
        return of_two(amq_credentials_device, access_key_id, access_key_secret);
    }
    /** One token, or several joined: "R|...,W|...". */
    static Credentials token(std::string_view access_key_id, std::string_view tokens) {
        return of_two(amq_credentials_token, access_key_id, tokens);
    }
    /** 1 to 3 tokens, at most one of each kind: each argument is a Token, or a container of them. */
    template <class... Tokens>
    static Credentials tokens(std::string_view access_key_id, const Tokens &...tokens) {
        return of_tokens(amq_credentials_tokens, access_key_id, detail::pointers<Token>(tokens...));
    }
    static Credentials custom_plain(std::string_view user, std::string_view password) {
        return of_two(amq_credentials_custom_plain, user, password);
    }
    static Credentials custom_signed(std::string_view user, std::string_view uploaded_secret) {
        return of_two(amq_credentials_custom_signed, user, uploaded_secret);
    }
    static Credentials from_env(amq_auth_mode mode = AMQ_AUTH_MODE_ENVIRONMENT) {
        return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
            return amq_credentials_from_env(mode, made, error);
        }));
    }

    /**
     * Calls `provider`, which returns Credentials, at each connect. Its exception is the reason why there are none; it
     * must not contain a secret. See amq_credentials_callback for its threads.
     */
    template <class Provider>
    static Credentials provider(Provider provider);

    /** Calls `provider`, which returns a Token, or a std::vector of them, when tokens are wanted. As `provider`. */
    template <class Provider>
    static Credentials token_provider(std::string_view access_key_id, Provider provider);

    /**
     * With tokens whose successors the program hands in: Client::token_wanted. 1 to 3, at most one of each kind: each
     * argument is a Token, or a container of them.
     */
    template <class... Tokens>
    static Credentials tokens_by_hand(std::string_view access_key_id, const Tokens &...tokens) {
        return of_tokens(amq_credentials_tokens_by_hand, access_key_id, detail::pointers<Token>(tokens...));
    }

    /**
     * With tokens that the library itself applies for and renews, one for each request: each argument is a
     * TokenRequest, or a container of them.
     */
    template <class... Requests>
    static Credentials apply_tokens(const Api &api, const Requests &...requests);

    const amq_credentials *get() const noexcept { return handle_.get(); }

private:
    template <class Function>
    static Credentials of_two(Function function, std::string_view one, std::string_view two) {
        return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
            return function(detail::data(one), one.size(), detail::data(two), two.size(), made, error);
        }));
    }

    template <class Function>
    static Credentials of_tokens(Function function, std::string_view id, const std::vector<const amq_token *> &tokens) {
        return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
            return function(detail::data(id), id.size(), tokens.data(), tokens.size(), made, error);
        }));
    }

    Handle handle_;
};

/** A token of the service, with its kind and, if known, its expiry. A secret. */
class Token {
public:
    using Handle = detail::Handle<amq_token, amq_token_free>;
    using Time = std::chrono::system_clock::time_point;

    explicit Token(Handle handle) noexcept : handle_(std::move(handle)) {}
    Token(amq_token_kind kind, std::string_view text)
        : handle_(detail::made<Handle>([&](amq_token **made, amq_error **error) {
              return amq_token_new(kind, detail::data(text), text.size(), made, error);
          })) {}

    template <class Duration>
    Token &expiry(std::chrono::time_point<std::chrono::system_clock, Duration> time) {
        const std::int64_t since_1970 = detail::milliseconds<false>(time.time_since_epoch());
        detail::checked([&](amq_error **error) { return amq_token_set_expiry(get(), since_1970, error); });
        return *this;
    }
    amq_token_kind kind() const noexcept { return amq_token_get_kind(get()); }
    std::string_view text() const noexcept {
        return detail::text(amq_token_text, static_cast<const amq_token *>(get()));
    }
    std::optional<Time> expiry() const noexcept { return detail::time_at(amq_token_expiry(get())); }

    amq_token *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** The tokens that a client wants. */
struct TokensWanted {
    /** The bit `1 << amq_token_kind` for each kind to be handed in. */
    std::uint32_t kinds = 0;
    /** When the first of them expires, if that is known. */
    std::optional<Token::Time> expires;

    bool wants(amq_token_kind kind) const noexcept { return (kinds >> kind & 1) != 0; }
};

/** A received message. What it returns is valid as long as the message. */
class Message {
public:
    using Handle = detail::Handle<amq_message, amq_message_free>;

    explicit Message(Handle handle) noexcept : handle_(std::move(handle)) {}

    std::string_view topic() const noexcept { return detail::text(amq_message_topic, get()); }
    /** Any bytes. */
    std::string_view payload() const noexcept { return bytes(amq_message_payload).value_or(std::string_view()); }
    QoS qos() const noexcept { return amq_message_qos(get()); }
    bool is_duplicate() const noexcept { return amq_message_is_duplicate(get()); }
    bool is_retained() const noexcept { return amq_message_is_retained(get()); }

    /** Acknowledges it, with AMQ_ACK_MODE_MANUAL. */
    void ack() const {
        detail::checked([&](amq_error **error) { return amq_message_ack(get(), error); });
    }
    Message clone() const { return Message(Handle(amq_message_clone(get()))); }

    std::optional<std::string_view> content_type() const noexcept {
        return detail::maybe_text(amq_message_content_type, get());
    }
    bool payload_format_utf8() const noexcept { return amq_message_payload_format_utf8(get()); }
    std::optional<std::chrono::milliseconds> message_expiry() const noexcept {
        const std::int64_t ms = amq_message_message_expiry(get());
        return ms < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(ms));
    }
    std::optional<std::string_view> response_topic() const noexcept {
        return detail::maybe_text(amq_message_response_topic, get());
    }
    std::optional<std::string_view> correlation_data() const noexcept { return bytes(amq_message_correlation_data); }
    std::size_t user_property_count() const noexcept { return amq_message_user_property_count(get()); }
    /** Key and value, both empty if there is none at this index. */
    std::pair<std::string_view, std::string_view> user_property(std::size_t index) const noexcept {
        const char *key = "", *value = "";
        std::size_t key_len = 0, value_len = 0;
        if (!amq_message_user_property(get(), index, &key, &key_len, &value, &value_len)) return {};
        return {{key, key_len}, {value, value_len}};
    }
    /** The first user property with this key. */
    std::optional<std::string_view> user_property(std::string_view key) const noexcept {
        std::size_t len = 0;
        const char *value = amq_message_user_property_named(get(), detail::data(key), key.size(), &len);
        return value ? std::optional(std::string_view(value, len)) : std::nullopt;
    }
    std::size_t subscription_identifier_count() const noexcept {
        return amq_message_subscription_identifier_count(get());
    }
    std::uint32_t subscription_identifier(std::size_t index) const noexcept {
        return amq_message_subscription_identifier(get(), index);
    }

    /** True for a request, which Client::reply answers. */
    bool is_request() const noexcept { return amq_message_is_request(get()); }
    bool request_is_enveloped() const noexcept { return amq_message_request_is_enveloped(get()); }
    std::string_view request_payload() const noexcept {
        return bytes(amq_message_request_payload).value_or(std::string_view());
    }
    std::string_view request_response_topic() const noexcept {
        return detail::text(amq_message_request_response_topic, get());
    }
    std::string_view request_correlation_data() const noexcept {
        return bytes(amq_message_request_correlation_data).value_or(std::string_view());
    }

    const amq_message *get() const noexcept { return handle_.get(); }

private:
    using BytesGetter = const std::uint8_t *(const amq_message *, std::size_t *);
    std::optional<std::string_view> bytes(BytesGetter *getter) const noexcept {
        std::size_t len = 0;
        const std::uint8_t *data = getter(get(), &len);
        return data ? std::optional(detail::chars(data, len)) : std::nullopt;
    }

    Handle handle_;
};

/** A message to send, with its options. It can be sent again. */
class Outgoing {
public:
    using Handle = detail::Handle<amq_outgoing, amq_outgoing_free>;

    explicit Outgoing(Handle handle) noexcept : handle_(std::move(handle)) {}
    Outgoing(std::string_view topic, QoS qos, Bytes payload)
        : handle_(detail::made<Handle>([&](amq_outgoing **made, amq_error **error) {
              return amq_outgoing_new(detail::data(topic), topic.size(), qos, payload.data(), payload.size(), made,
                                      error);
          })) {}
    /** To one client, by its client id. */
    static Outgoing p2p(std::string_view parent, std::string_view client_id, QoS qos, Bytes payload) {
        return Outgoing(detail::made<Handle>([&](amq_outgoing **made, amq_error **error) {
            return amq_outgoing_p2p(detail::data(parent), parent.size(), detail::data(client_id), client_id.size(),
                                    qos, payload.data(), payload.size(), made, error);
        }));
    }
    /** The reply to a request. */
    static Outgoing reply(const Message &request, QoS qos, Bytes payload) {
        return Outgoing(detail::made<Handle>([&](amq_outgoing **made, amq_error **error) {
            return amq_outgoing_reply(request.get(), qos, payload.data(), payload.size(), made, error);
        }));
    }

    Outgoing &timeout(Timeout timeout) {
        return set([&](amq_error **error) { return amq_outgoing_set_timeout(get(), timeout.ms(), error); });
    }
    Outgoing &content_type(std::string_view type) { return set_text(amq_outgoing_set_content_type, type); }
    Outgoing &payload_format_utf8() {
        return set([&](amq_error **error) { return amq_outgoing_set_payload_format_utf8(get(), error); });
    }
    Outgoing &message_expiry(Timeout time) {
        return set([&](amq_error **error) { return amq_outgoing_set_message_expiry(get(), time.ms(), error); });
    }
    Outgoing &response_topic(std::string_view topic) { return set_text(amq_outgoing_set_response_topic, topic); }
    Outgoing &correlation_data(Bytes data) {
        return set([&](amq_error **error) {
            return amq_outgoing_set_correlation_data(get(), data.data(), data.size(), error);
        });
    }
    Outgoing &user_property(std::string_view key, std::string_view value) {
        return set([&](amq_error **error) {
            return amq_outgoing_add_user_property(get(), detail::data(key), key.size(), detail::data(value),
                                                  value.size(), error);
        });
    }

    amq_outgoing *get() const noexcept { return handle_.get(); }

private:
    template <class Call>
    Outgoing &set(Call &&call) {
        detail::checked(call);
        return *this;
    }
    template <class Function>
    Outgoing &set_text(Function function, std::string_view text) {
        return set([&](amq_error **error) { return function(get(), detail::data(text), text.size(), error); });
    }

    Handle handle_;
};

/** The outcome of a queued message. */
class Delivery {
public:
    using Handle = detail::Handle<amq_delivery, amq_delivery_free>;

    explicit Delivery(Handle handle) noexcept : handle_(std::move(handle)) {}

    /**
     * Waits until the message is settled, and returns how often it was sent; nothing if it is not settled yet. Throws
     * the reason why the message failed, with its fate.
     */
    std::optional<std::uint32_t> wait(Wait wait = {}) const {
        std::uint32_t attempts = 0;
        const amq_status status = detail::checked(
            [&](amq_error **error) { return amq_delivery_wait(get(), wait.ms(), &attempts, error); });
        return status == AMQ_OK ? std::optional(attempts) : std::nullopt;
    }

    const amq_delivery *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/**
 * The messages of a client or a subscription, for a range-based for loop. It ends when this program has ended the
 * client, or when no message has come within `idle`.
 */
template <class Queue>
class Messages {
public:
    struct End {};
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Message;
        using difference_type = std::ptrdiff_t;
        using pointer = Message *;
        using reference = Message &;

        Iterator(const Queue &queue, Wait idle) : queue_(&queue), idle_(idle) { ++*this; }
        Message &operator*() noexcept { return *message_; }
        Message *operator->() noexcept { return &*message_; }
        Iterator &operator++() {
            // Frees the previous one first: its memory counts until then.
            message_.reset();
            amq_message *message = nullptr;
            queue_->receive(idle_, &message);
            if (message) message_.emplace(Message::Handle(message));
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator!=(const Iterator &iterator, End) noexcept { return iterator.message_.has_value(); }
        friend bool operator==(const Iterator &iterator, End) noexcept { return !iterator.message_.has_value(); }

    private:
        const Queue *queue_;
        Wait idle_;
        std::optional<Message> message_;
    };

    Messages(const Queue &queue, Wait idle) noexcept : queue_(&queue), idle_(idle) {}
    Iterator begin() const { return Iterator(*queue_, idle_); }
    End end() const noexcept { return {}; }

private:
    const Queue *queue_;
    Wait idle_;
};

namespace detail {

/** The common part of a client and a subscription; `Self` has receive(Wait, amq_message **). */
template <class Self>
class Receiving {
public:
    /**
     * Takes the next message. Nothing: none came in time. Throws Ended if there will be no more, since this program has
     * ended the client, and Error if the client has given up.
     */
    std::optional<Message> recv(Wait wait = {}) const {
        amq_message *message = nullptr;
        if (self().receive(wait, &message) == AMQ_END) throw Ended();
        return message ? std::optional(Message(Message::Handle(message))) : std::nullopt;
    }

    Messages<Self> messages(Wait idle = forever) const noexcept { return Messages<Self>(self(), idle); }

private:
    const Self &self() const noexcept { return static_cast<const Self &>(*this); }
};

}  // namespace detail

/** Gets the messages of its filter instead of the client. Its end unsubscribes. */
class Subscription : public detail::Receiving<Subscription> {
public:
    using Handle = detail::Handle<amq_subscription, amq_subscription_free>;

    explicit Subscription(Handle handle) noexcept : handle_(std::move(handle)) {}

    std::string_view filter() const noexcept { return detail::text(amq_subscription_filter, get()); }

    const amq_subscription *get() const noexcept { return handle_.get(); }

private:
    friend class detail::Receiving<Subscription>;
    template <class>
    friend class Messages;

    amq_status receive(Wait wait, amq_message **message) const {
        return detail::checked(
            [&](amq_error **error) { return amq_subscription_recv(get(), wait.ms(), message, error); });
    }

    Handle handle_;
};

/** Something that happened to a client in the background. */
class Event {
public:
    using Handle = detail::Handle<amq_event, amq_event_free>;

    /** Owns the event. */
    explicit Event(Handle handle) noexcept : owned_(std::move(handle)) {}
    /** Looks at an event that somebody else owns. */
    explicit Event(const amq_event *event) noexcept : borrowed_(event) {}

    amq_event_kind kind() const noexcept { return amq_event_get_kind(get()); }
    /** A line for people. */
    std::string_view text() const noexcept { return detail::text(amq_event_text, get()); }
    /** The reason, if there is one. */
    std::optional<Error> reason() const {
        const amq_error *reason = amq_event_reason(get());
        if (!reason) return std::nullopt;
        return Error(detail::Handle<amq_error, amq_error_free>(amq_error_clone(reason)));
    }
    std::optional<std::chrono::milliseconds> retry_in() const noexcept {
        const std::int64_t ms = amq_event_retry_in(get());
        return ms < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(ms));
    }
    bool session_present() const noexcept { return amq_event_session_present(get()); }
    std::uint64_t number() const noexcept { return amq_event_number(get()); }
    std::string_view topic() const noexcept { return detail::text(amq_event_topic, get()); }
    std::string_view filter() const noexcept { return detail::text(amq_event_filter, get()); }
    std::size_t untaken() const noexcept { return amq_event_untaken(get()); }
    std::size_t unsent_acks() const noexcept { return amq_event_unsent_acks(get()); }
    bool taken() const noexcept { return amq_event_taken(get()); }
    std::size_t held_back() const noexcept { return amq_event_held_back(get()); }
    /** The size of the packet that was discarded. */
    std::size_t size() const noexcept { return amq_event_size(get()); }
    /** The new name of a damaged spool. */
    std::string_view path() const noexcept { return detail::text(amq_event_path, get()); }
    amq_token_kind token_kind() const noexcept { return amq_event_token_kind(get()); }
    /** When the token expires, if that is known. */
    std::optional<Token::Time> expires() const noexcept { return detail::time_at(amq_event_expires(get())); }
    amq_notice_kind notice_kind() const noexcept { return amq_event_notice_kind(get()); }
    /** The service's code of a notice; -1 if there is none. */
    std::int64_t notice_code() const noexcept { return amq_event_notice_code(get()); }
    std::string_view notice_payload() const noexcept { return detail::text(amq_event_notice_payload, get()); }

    /** Owns its event: for one that a listener wants to keep. */
    Event clone() const { return Event(Handle(amq_event_clone(get()))); }

    const amq_event *get() const noexcept { return owned_ ? owned_.get() : borrowed_; }

private:
    Handle owned_;
    const amq_event *borrowed_ = nullptr;
};

/** A listener for the events of a client, from when it was made. */
class Events {
public:
    using Handle = detail::Handle<amq_events, amq_events_free>;

    explicit Events(Handle handle) noexcept : handle_(std::move(handle)) {}

    /** Takes the next event. Nothing: none came in time. Throws Ended after the last one. */
    std::optional<Event> recv(Wait wait = {}) const {
        amq_event *event = nullptr;
        const amq_status status =
            detail::checked([&](amq_error **error) { return amq_events_recv(get(), wait.ms(), &event, error); });
        if (status == AMQ_END) throw Ended();
        return event ? std::optional(Event(Event::Handle(event))) : std::nullopt;
    }
    void close() const noexcept { amq_events_close(get()); }
    std::uint64_t dropped() const noexcept { return amq_events_dropped(get()); }

    const amq_events *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** Ends the waits of a client's calls, from any thread. */
class Closer {
public:
    using Handle = detail::Handle<amq_closer, amq_closer_free>;

    explicit Closer(Handle handle) noexcept : handle_(std::move(handle)) {}
    void close() const noexcept { amq_closer_close(get()); }

    const amq_closer *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** The settings of a client. Setters can be chained; values are checked by `check`, and when a client connects. */
class Config {
public:
    using Handle = detail::Handle<amq_config, amq_config_free>;

    /** Without settings. */
    Config() : Config(Handle(amq_config_new())) {}
    /** With the settings of the environment. */
    static Config from_env() { return Config(Handle(amq_config_from_env())); }

    Config &endpoint(std::string_view value) { return text(amq_config_set_endpoint, value); }
    Config &instance_id(std::string_view value) { return text(amq_config_set_instance_id, value); }
    Config &group_id(std::string_view value) { return text(amq_config_set_group_id, value); }
    Config &device_id(std::string_view value) { return text(amq_config_set_device_id, value); }
    Config &client_id(std::string_view value) { return text(amq_config_set_client_id, value); }
    Config &response_topic(std::string_view value) { return text(amq_config_set_response_topic, value); }
    Config &proxy(std::string_view value) { return text(amq_config_set_proxy, value); }
    Config &ca_file(std::string_view value) { return text(amq_config_set_ca_file, value); }
    Config &ca_pem(std::string_view pem) { return text(amq_config_set_ca_pem, pem); }
    Config &proxy_credentials(std::string_view user, std::string_view password) {
        return two(amq_config_set_proxy_credentials, user, password);
    }
    Config &client_certificate_files(std::string_view certificate, std::string_view key) {
        return two(amq_config_set_client_certificate_files, certificate, key);
    }
    Config &client_certificate_pem(std::string_view certificate, std::string_view key) {
        return two(amq_config_set_client_certificate_pem, certificate, key);
    }
    Config &credentials(const Credentials &credentials) { return value(amq_config_set_credentials, credentials.get()); }
    Config &timeout(Timeout time) { return value(amq_config_set_timeout, time.ms()); }
    Config &session_expiry(Timeout time) { return value(amq_config_set_session_expiry, time.ms()); }
    Config &keep_alive(Timeout time) { return value(amq_config_set_keep_alive, time.ms()); }
    Config &message_age(Timeout time) { return value(amq_config_set_message_age, time.ms()); }
    Config &refusal_patience(Timeout time) { return value(amq_config_set_refusal_patience, time.ms()); }
    Config &refused_topic_pause(Timeout time) { return value(amq_config_set_refused_topic_pause, time.ms()); }
    Config &backoff(Timeout min, Timeout max) {
        return set([&](amq_error **error) { return amq_config_set_backoff(get(), min.ms(), max.ms(), error); });
    }
    Config &protocol(amq_protocol protocol) { return value(amq_config_set_protocol, protocol); }
    Config &ack_mode(amq_ack_mode mode) { return value(amq_config_set_ack_mode, mode); }
    Config &limit(amq_limit limit, std::uint64_t value) {
        return set([&](amq_error **error) { return amq_config_set_limit(get(), limit, value, error); });
    }
    Config &clean_session(bool clean) { return value(amq_config_set_clean_session, clean); }
    Config &strict_names(bool strict) { return value(amq_config_set_strict_names, strict); }
    Config &ordered(bool ordered) { return value(amq_config_set_ordered, ordered); }
    Config &deliver_notices(bool deliver) { return value(amq_config_set_deliver_notices, deliver); }
    Config &system_roots(bool trust) { return value(amq_config_set_system_roots, trust); }
    Config &receive_maximum(std::uint32_t messages) { return value(amq_config_set_receive_maximum, messages); }
    Config &window(std::uint32_t messages) { return value(amq_config_set_window, messages); }
    Config &max_window(std::uint32_t messages) { return value(amq_config_set_max_window, messages); }
    Config &max_publish_rate(double per_second) { return value(amq_config_set_max_publish_rate, per_second); }
    Config &token_renewal(double part) { return value(amq_config_set_token_renewal, part); }
    Config &proxy_from_env() {
        return set([&](amq_error **error) { return amq_config_set_proxy_from_env(get(), error); });
    }
    /** See amq_config_set_spool. */
    Config &spool(std::string_view path, std::uint64_t max_bytes = 0, amq_spool_sync sync = AMQ_SPOOL_SYNC_EACH,
                  Timeout sync_interval = std::chrono::seconds(1), bool set_aside_damaged = false) {
        return set([&](amq_error **error) {
            return amq_config_set_spool(get(), detail::data(path), path.size(), max_bytes, sync, sync_interval.ms(),
                                        set_aside_damaged, error);
        });
    }

    /** Checks all settings without connecting. */
    void check() const {
        detail::checked([&](amq_error **error) { return amq_config_check(get(), error); });
    }

    amq_config *get() const noexcept { return handle_.get(); }

private:
    explicit Config(Handle handle) : handle_(std::move(handle)) {}

    template <class Call>
    Config &set(Call &&call) {
        detail::checked(call);
        return *this;
    }
    template <class Function, class Value>
    Config &value(Function function, Value value) {
        return set([&](amq_error **error) { return function(get(), value, error); });
    }
    template <class Function>
    Config &text(Function function, std::string_view text) {
        return set([&](amq_error **error) { return function(get(), detail::data(text), text.size(), error); });
    }
    template <class Function>
    Config &two(Function function, std::string_view one, std::string_view two) {
        return set([&](amq_error **error) {
            return function(get(), detail::data(one), one.size(), detail::data(two), two.size(), error);
        });
    }

    Handle handle_;
};

namespace detail {

/**
 * A function object that C holds until it calls `destroy`. What it throws cannot pass through C, so it must not throw
 * where nothing else is said: the program would end.
 */
template <class Function>
struct Callback {
    static void destroy(void *user) noexcept { delete static_cast<Function *>(user); }
    static void event(void *user, const amq_event *event) noexcept { (*static_cast<Function *>(user))(Event(event)); }
    static void log(void *user, std::int32_t level, const char *target, std::size_t target_len, const char *text,
                    std::size_t text_len) noexcept {
        (*static_cast<Function *>(user))(static_cast<amq_log_level>(level), std::string_view(target, target_len),
                                         std::string_view(text, text_len));
    }
    static void credentials(void *user, amq_credentials_sink *sink) noexcept {
        try {
            const Credentials given = (*static_cast<Function *>(user))();
            checked([&](amq_error **error) { return amq_credentials_sink_give(sink, given.get(), error); });
        } catch (const std::exception &reason) {
            amq_credentials_sink_fail(sink, reason.what(), AMQ_NTS, nullptr);
        } catch (...) {
            amq_credentials_sink_fail(sink, AMQ_TEXT("an exception without a text"), nullptr);
        }
    }
    static void tokens(void *user, amq_token_sink *sink) noexcept {
        try {
            add(sink, (*static_cast<Function *>(user))());
        } catch (const std::exception &reason) {
            amq_token_sink_fail(sink, reason.what(), AMQ_NTS, nullptr);
        } catch (...) {
            amq_token_sink_fail(sink, AMQ_TEXT("an exception without a text"), nullptr);
        }
    }

private:
    static void add(amq_token_sink *sink, const Token &token) {
        checked([&](amq_error **error) { return amq_token_sink_add(sink, token.get(), error); });
    }
    template <class Tokens>
    static void add(amq_token_sink *sink, const Tokens &tokens) {
        for (const Token &token : tokens) add(sink, token);
    }
};

}  // namespace detail

template <class Provider>
Credentials Credentials::provider(Provider provider) {
    using Call = detail::Callback<Provider>;
    // Destroyed by C in each case.
    auto *user = new Provider(std::move(provider));
    return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
        return amq_credentials_provider(Call::credentials, user, Call::destroy, made, error);
    }));
}

template <class Provider>
Credentials Credentials::token_provider(std::string_view access_key_id, Provider provider) {
    using Call = detail::Callback<Provider>;
    auto *user = new Provider(std::move(provider));
    return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
        return amq_credentials_token_provider(detail::data(access_key_id), access_key_id.size(), Call::tokens, user,
                                              Call::destroy, made, error);
    }));
}

/** A message of Client::enqueue_many: one of the two. */
struct Enqueued {
    std::optional<Delivery> delivery;
    /** Why the message was not queued. */
    std::optional<Error> error;
};

/** A client. Any number of threads may use it at the same time, but not while it is moved or destroyed. */
class Client : public detail::Receiving<Client> {
public:
    using Handle = detail::Handle<amq_client, amq_client_free>;

    explicit Client(Handle handle) noexcept : handle_(std::move(handle)) {}
    /** Connects and logs in. */
    explicit Client(const Config &config)
        : handle_(detail::made<Handle>([&](amq_client **made, amq_error **error) {
              return amq_client_connect(config.get(), made, error);
          })) {}
    /** The standing client of this name in this process, or a new one; see amq_client_shared. */
    static Client shared(const Config &config, std::string_view name, bool keep = true) {
        return Client(detail::made<Handle>([&](amq_client **made, amq_error **error) {
            return amq_client_shared(config.get(), detail::data(name), name.size(), keep, made, error);
        }));
    }

    std::string_view id() const noexcept { return detail::text(amq_client_id, get()); }
    std::string_view endpoint() const noexcept { return detail::text(amq_client_endpoint, get()); }
    bool is_connected() const noexcept { return amq_client_is_connected(get()); }

    /** Blocks until the server has acknowledged the message (QoS 0: until it was written). */
    void publish(std::string_view topic, QoS qos, Bytes payload, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_client_publish(get(), detail::data(topic), topic.size(), qos, payload.data(), payload.size(),
                                      timeout.ms(), error);
        });
    }
    void publish(const Outgoing &message, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_client_publish_outgoing(get(), message.get(), timeout.ms(), error);
        });
    }
    void send_p2p(std::string_view parent, std::string_view client_id, QoS qos, Bytes payload,
                  Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_client_send_p2p(get(), detail::data(parent), parent.size(), detail::data(client_id),
                                       client_id.size(), qos, payload.data(), payload.size(), timeout.ms(), error);
        });
    }
    /** Queues a message and returns without waiting for the acknowledgement. */
    Delivery enqueue(const Outgoing &message, Timeout timeout = {}) const {
        return Delivery(detail::made<Delivery::Handle>([&](amq_delivery **made, amq_error **error) {
            return amq_client_enqueue(get(), message.get(), timeout.ms(), made, error);
        }));
    }
    Delivery enqueue(std::string_view topic, QoS qos, Bytes payload, Timeout timeout = {}) const {
        return Delivery(detail::made<Delivery::Handle>([&](amq_delivery **made, amq_error **error) {
            return amq_client_enqueue_bytes(get(), detail::data(topic), topic.size(), qos, payload.data(),
                                            payload.size(), timeout.ms(), made, error);
        }));
    }
    /**
     * Publishes many messages and waits for the outcome of each. Returns one element for each message, in their order:
     * nothing, or the reason why it failed, with its fate.
     */
    std::vector<std::optional<Error>> publish_many(const std::vector<Outgoing> &messages, Timeout timeout = {}) const {
        const auto pointers = detail::pointers<Outgoing>(messages);
        detail::Row<amq_error, amq_error_free> errors(messages.size());
        std::vector<std::optional<Error>> outcomes(messages.size());
        std::size_t failed = 0;
        detail::checked([&](amq_error **error) {
            return amq_client_publish_many(get(), pointers.data(), pointers.size(), timeout.ms(), nullptr,
                                           errors.data(), &failed, error);
        });
        for (std::size_t i = 0; i < outcomes.size(); ++i)
            if (auto error = errors.take(i)) outcomes[i].emplace(std::move(error));
        return outcomes;
    }
    /**
     * Queues many messages in their order, with one sync to disk for a spool. Returns one element for each message, in
     * their order.
     */
    std::vector<Enqueued> enqueue_many(const std::vector<Outgoing> &messages, Timeout timeout = {}) const {
        const auto pointers = detail::pointers<Outgoing>(messages);
        detail::Row<amq_delivery, amq_delivery_free> deliveries(messages.size());
        detail::Row<amq_error, amq_error_free> errors(messages.size());
        std::vector<Enqueued> enqueued(messages.size());
        std::size_t failed = 0;
        detail::checked([&](amq_error **error) {
            return amq_client_enqueue_many(get(), pointers.data(), pointers.size(), timeout.ms(), deliveries.data(),
                                           errors.data(), &failed, error);
        });
        for (std::size_t i = 0; i < enqueued.size(); ++i) {
            if (auto delivery = deliveries.take(i)) enqueued[i].delivery.emplace(std::move(delivery));
            if (auto error = errors.take(i)) enqueued[i].error.emplace(std::move(error));
        }
        return enqueued;
    }
    /** Waits until everything accepted so far is settled. */
    void flush(Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) { return amq_client_flush(get(), timeout.ms(), error); });
    }
    /** Checks a message as the calls that send it do. */
    void check(const Outgoing &message) const {
        detail::checked([&](amq_error **error) { return amq_client_check(get(), message.get(), error); });
    }

    /** Subscribes for the client's own queue, and returns what the server granted. */
    QoS subscribe(std::string_view filter, QoS qos, Timeout timeout = {}) const {
        QoS granted = qos;
        detail::checked([&](amq_error **error) {
            return amq_client_subscribe(get(), detail::data(filter), filter.size(), qos, timeout.ms(), &granted, error);
        });
        return granted;
    }
    /** With options, which need MQTT 5: without what this client publishes itself, and with an identifier, if not 0. */
    QoS subscribe(std::string_view filter, QoS qos, Timeout timeout, bool no_local,
                  std::uint32_t identifier = 0) const {
        QoS granted = qos;
        detail::checked([&](amq_error **error) {
            return amq_client_subscribe_with(get(), detail::data(filter), filter.size(), qos, no_local, identifier,
                                             timeout.ms(), &granted, error);
        });
        return granted;
    }
    /**
     * Subscribes to several filters in one packet: {{"a", at_least_once}, {"b", at_most_once}}, or any container of
     * such pairs. Returns what the server granted, in their order.
     */
    template <class Filters = std::vector<std::pair<std::string_view, QoS>>>
    std::vector<QoS> subscribe_many(const Filters &filters, Timeout timeout = {}) const {
        std::vector<const char *> texts;
        std::vector<std::size_t> lens;
        std::vector<std::int32_t> levels;
        std::vector<QoS> granted;
        for (const auto &[filter, qos] : filters) {
            const std::string_view text = filter;
            texts.push_back(detail::data(text));
            lens.push_back(text.size());
            levels.push_back(qos);
            granted.push_back(qos);
        }
        detail::checked([&](amq_error **error) {
            return amq_client_subscribe_many(get(), texts.data(), lens.data(), levels.data(), texts.size(),
                                             timeout.ms(), granted.data(), error);
        });
        return granted;
    }
    void unsubscribe(std::string_view filter, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_client_unsubscribe(get(), detail::data(filter), filter.size(), timeout.ms(), error);
        });
    }
    /** Subscribes with a queue of its own. */
    Subscription subscription(std::string_view filter, QoS qos, Timeout timeout = {}, bool no_local = false,
                              std::uint32_t identifier = 0) const {
        return Subscription(detail::made<Subscription::Handle>([&](amq_subscription **made, amq_error **error) {
            return amq_client_subscription(get(), detail::data(filter), filter.size(), qos, no_local, identifier,
                                           timeout.ms(), made, error);
        }));
    }

    /** Sends a request and waits for its reply. */
    Message request(std::string_view topic, Bytes payload, Timeout timeout = {}) const {
        return reply_to([&](amq_message **reply, amq_error **error) {
            return amq_client_request(get(), detail::data(topic), topic.size(), payload.data(), payload.size(),
                                      timeout.ms(), reply, error);
        });
    }
    Message request_p2p(std::string_view parent, std::string_view client_id, Bytes payload,
                        Timeout timeout = {}) const {
        return reply_to([&](amq_message **reply, amq_error **error) {
            return amq_client_request_p2p(get(), detail::data(parent), parent.size(), detail::data(client_id),
                                          client_id.size(), payload.data(), payload.size(), timeout.ms(), reply,
                                          error);
        });
    }
    Message request(const Outgoing &message, Timeout timeout = {}, bool envelope = false) const {
        return reply_to([&](amq_message **reply, amq_error **error) {
            return amq_client_request_outgoing(get(), message.get(), envelope, timeout.ms(), reply, error);
        });
    }
    void reply(const Message &request, Bytes payload, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_client_reply(get(), request.get(), payload.data(), payload.size(), timeout.ms(), error);
        });
    }

    /** Replaces the token of the same kind, and waits until the service has accepted it. */
    void upload_token(const Token &token, Timeout timeout = {}) const {
        detail::checked(
            [&](amq_error **error) { return amq_client_upload_token(get(), token.get(), timeout.ms(), error); });
    }
    /**
     * Waits until the client wants new tokens, and returns which. Nothing: none are wanted yet. For
     * Credentials::tokens_by_hand. Throws Ended.
     */
    std::optional<TokensWanted> token_wanted(Wait wait = {}) const {
        TokensWanted wanted;
        std::int64_t expires = -1;
        const amq_status status = detail::checked([&](amq_error **error) {
            return amq_client_token_wanted(get(), wait.ms(), &wanted.kinds, &expires, error);
        });
        if (status == AMQ_END) throw Ended();
        if (status != AMQ_OK) return std::nullopt;
        wanted.expires = detail::time_at(expires);
        return wanted;
    }
    /** Each argument is a Token, or a container of them: at most one of each kind. The other kinds stay. */
    template <class... Tokens>
    void hand_in(const Tokens &...tokens) const {
        const auto pointers = detail::pointers<Token>(tokens...);
        detail::checked([&](amq_error **error) {
            return amq_client_hand_in_tokens(get(), pointers.data(), pointers.size(), error);
        });
    }
    void refuse_tokens(std::string_view reason) const {
        detail::checked([&](amq_error **error) {
            return amq_client_refuse_tokens(get(), detail::data(reason), reason.size(), error);
        });
    }

    Events events() const {
        return Events(detail::made<Events::Handle>(
            [&](amq_events **made, amq_error **error) { return amq_events_new(get(), made, error); }));
    }
    /**
     * Calls `listener(const Event &)` for each event from now on, on a thread of its own, in place of the one before.
     * It may use the whole library. It must not throw.
     */
    template <class Listener>
    void on_event(Listener listener) const {
        using Call = detail::Callback<Listener>;
        // Destroyed by C in each case.
        auto *user = new Listener(std::move(listener));
        detail::checked([&](amq_error **error) {
            return amq_client_on_event(get(), Call::event, user, Call::destroy, error);
        });
    }
    /** Ends the calls of the listener. */
    void on_event(std::nullptr_t) const {
        detail::checked(
            [&](amq_error **error) { return amq_client_on_event(get(), nullptr, nullptr, nullptr, error); });
    }
    std::uint64_t events_dropped() const noexcept { return amq_client_events_dropped(get()); }

    Closer closer() const {
        return Closer(detail::made<Closer::Handle>(
            [&](amq_closer **made, amq_error **error) { return amq_closer_new(get(), made, error); }));
    }
    std::uint64_t stat(amq_stat which) const {
        std::uint64_t value = 0;
        detail::checked([&](amq_error **error) { return amq_client_stats_value(get(), which, &value, error); });
        return value;
    }
    /** Delivers what is queued, says goodbye to the server and ends the client. */
    void disconnect(Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) { return amq_client_disconnect(get(), timeout.ms(), error); });
    }

    const amq_client *get() const noexcept { return handle_.get(); }

private:
    friend class detail::Receiving<Client>;
    template <class>
    friend class Messages;

    amq_status receive(Wait wait, amq_message **message) const {
        return detail::checked([&](amq_error **error) { return amq_client_recv(get(), wait.ms(), message, error); });
    }
    template <class Call>
    static Message reply_to(Call &&call) {
        return Message(detail::made<Message::Handle>(call));
    }

    Handle handle_;
};

/** A request for a token: its kind, topics and life. */
class TokenRequest {
public:
    using Handle = detail::Handle<amq_token_request, amq_token_request_free>;

    explicit TokenRequest(amq_token_kind kind)
        : handle_(detail::made<Handle>(
              [&](amq_token_request **made, amq_error **error) { return amq_token_request_new(kind, made, error); })) {}

    TokenRequest &topic(std::string_view topic) {
        detail::checked([&](amq_error **error) {
            return amq_token_request_add_topic(get(), detail::data(topic), topic.size(), error);
        });
        return *this;
    }
    /** From the moment of the request: 60 s to 30 days. */
    TokenRequest &lifetime(Timeout life) {
        detail::checked([&](amq_error **error) { return amq_token_request_set_lifetime(get(), life.ms(), error); });
        return *this;
    }
    template <class Duration>
    TokenRequest &expiry(std::chrono::time_point<std::chrono::system_clock, Duration> time) {
        const std::int64_t since_1970 = detail::milliseconds<false>(time.time_since_epoch());
        detail::checked([&](amq_error **error) { return amq_token_request_set_expiry(get(), since_1970, error); });
        return *this;
    }

    amq_token_request *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** The key of one device. */
class DeviceCredential {
public:
    using Handle = detail::Handle<amq_device_credential, amq_device_credential_free>;

    explicit DeviceCredential(Handle handle) noexcept : handle_(std::move(handle)) {}

    std::string_view client_id() const noexcept { return detail::text(amq_device_credential_client_id, get()); }
    std::string_view access_key_id() const noexcept { return detail::text(amq_device_credential_access_key_id, get()); }
    /** A secret. */
    std::string_view access_key_secret() const noexcept {
        return detail::text(amq_device_credential_access_key_secret, get());
    }
    /** When it was created, if that is known. */
    std::optional<Token::Time> created() const noexcept {
        return detail::time_at(amq_device_credential_created(get()));
    }
    /** When it was last changed, if that is known. */
    std::optional<Token::Time> updated() const noexcept {
        return detail::time_at(amq_device_credential_updated(get()));
    }
    Credentials credentials() const {
        return Credentials(detail::made<Credentials::Handle>([&](amq_credentials **made, amq_error **error) {
            return amq_device_credential_credentials(get(), made, error);
        }));
    }

    const amq_device_credential *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** A text that the API returned. It is wiped from memory with this object. */
class Text {
public:
    using Handle = detail::Handle<amq_text, amq_text_free>;

    explicit Text(Handle handle) noexcept : handle_(std::move(handle)) {}
    std::string_view view() const noexcept { return detail::text(amq_text_data, get()); }

    const amq_text *get() const noexcept { return handle_.get(); }

private:
    Handle handle_;
};

/** A call of an API operation by its name. */
class Call {
public:
    using Handle = detail::Handle<amq_call, amq_call_free>;

    explicit Call(std::string_view action)
        : handle_(detail::made<Handle>([&](amq_call **made, amq_error **error) {
              return amq_call_new(detail::data(action), action.size(), made, error);
          })) {}

    Call &parameter(std::string_view name, std::string_view value) {
        return two(amq_call_add_parameter, name, value);
    }
    Call &form(std::string_view name, std::string_view value) { return two(amq_call_add_form, name, value); }
    /** Errors do not show the value of this parameter. */
    Call &hide(std::string_view name) {
        return set([&](amq_error **error) { return amq_call_hide(get(), detail::data(name), name.size(), error); });
    }
    Call &use_get() {
        return set([&](amq_error **error) { return amq_call_use_get(get(), error); });
    }
    Call &repeatable(bool repeatable) {
        return set([&](amq_error **error) { return amq_call_set_repeatable(get(), repeatable, error); });
    }

    amq_call *get() const noexcept { return handle_.get(); }

private:
    template <class Set>
    Call &set(Set &&set) {
        detail::checked(set);
        return *this;
    }
    template <class Function>
    Call &two(Function function, std::string_view one, std::string_view two) {
        return set([&](amq_error **error) {
            return function(get(), detail::data(one), one.size(), detail::data(two), two.size(), error);
        });
    }

    Handle handle_;
};

/** The settings of an API. Setters can be chained. */
class ApiConfig {
public:
    using Handle = detail::Handle<amq_api_config, amq_api_config_free>;

    ApiConfig() : handle_(amq_api_config_new()) {}
    static ApiConfig from_env() { return ApiConfig(Handle(amq_api_config_from_env())); }

    ApiConfig &region(std::string_view value) { return text(amq_api_config_set_region, value); }
    ApiConfig &endpoint(std::string_view value) { return text(amq_api_config_set_endpoint, value); }
    ApiConfig &instance_id(std::string_view value) { return text(amq_api_config_set_instance_id, value); }
    ApiConfig &proxy(std::string_view value) { return text(amq_api_config_set_proxy, value); }
    ApiConfig &ca_file(std::string_view value) { return text(amq_api_config_set_ca_file, value); }
    ApiConfig &ca_pem(std::string_view pem) { return text(amq_api_config_set_ca_pem, pem); }
    ApiConfig &access_key(std::string_view id, std::string_view secret) {
        return set([&](amq_error **error) {
            return amq_api_config_set_access_key(get(), detail::data(id), id.size(), detail::data(secret),
                                                 secret.size(), error);
        });
    }
    /** A temporary AccessKey (STS). */
    ApiConfig &sts_key(std::string_view id, std::string_view secret, std::string_view security_token) {
        return set([&](amq_error **error) {
            return amq_api_config_set_sts_key(get(), detail::data(id), id.size(), detail::data(secret), secret.size(),
                                              detail::data(security_token), security_token.size(), error);
        });
    }
    ApiConfig &proxy_credentials(std::string_view user, std::string_view password) {
        return set([&](amq_error **error) {
            return amq_api_config_set_proxy_credentials(get(), detail::data(user), user.size(),
                                                        detail::data(password), password.size(), error);
        });
    }
    ApiConfig &proxy_from_env() {
        return set([&](amq_error **error) { return amq_api_config_set_proxy_from_env(get(), error); });
    }
    ApiConfig &vpc(bool vpc) { return value(amq_api_config_set_vpc, vpc); }
    ApiConfig &system_roots(bool trust) { return value(amq_api_config_set_system_roots, trust); }
    ApiConfig &signing(amq_signing signing) { return value(amq_api_config_set_signing, signing); }
    ApiConfig &timeout(Timeout time) { return value(amq_api_config_set_timeout, time.ms()); }
    ApiConfig &backoff(Timeout min, Timeout max) {
        return set([&](amq_error **error) { return amq_api_config_set_backoff(get(), min.ms(), max.ms(), error); });
    }

    amq_api_config *get() const noexcept { return handle_.get(); }

private:
    explicit ApiConfig(Handle handle) : handle_(std::move(handle)) {}

    template <class Set>
    ApiConfig &set(Set &&set) {
        detail::checked(set);
        return *this;
    }
    template <class Function, class Value>
    ApiConfig &value(Function function, Value value) {
        return set([&](amq_error **error) { return function(get(), value, error); });
    }
    template <class Function>
    ApiConfig &text(Function function, std::string_view text) {
        return set([&](amq_error **error) { return function(get(), detail::data(text), text.size(), error); });
    }

    Handle handle_;
};

/** The service's API of one instance. Any thread may use it. Meant for your own servers. */
class Api {
public:
    using Handle = detail::Handle<amq_api, amq_api_free>;

    explicit Api(const ApiConfig &config)
        : handle_(detail::made<Handle>(
              [&](amq_api **made, amq_error **error) { return amq_api_new(config.get(), made, error); })) {}

    std::string_view instance_id() const noexcept { return detail::text(amq_api_instance_id, get()); }
    std::string_view access_key_id() const noexcept { return detail::text(amq_api_access_key_id, get()); }
    std::string_view endpoint() const noexcept { return detail::text(amq_api_endpoint, get()); }
    std::optional<std::string_view> region() const noexcept { return detail::maybe_text(amq_api_region, get()); }

    Token apply_token(const TokenRequest &request, Timeout timeout = {}) const {
        return Token(detail::made<Token::Handle>([&](amq_token **made, amq_error **error) {
            return amq_api_apply_token(get(), request.get(), timeout.ms(), made, error);
        }));
    }
    /** Returns true if the token, whose text has no kind in front of it, is valid. */
    bool query_token(std::string_view token, Timeout timeout = {}) const {
        return ask(amq_api_query_token, token, timeout);
    }
    void revoke_token(std::string_view token, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_api_revoke_token(get(), detail::data(token), token.size(), timeout.ms(), error);
        });
    }
    /** Publishes a text without an MQTT connection, and returns the id of the message. */
    Text send_message(std::string_view topic, std::string_view payload, Timeout timeout = {}) const {
        return Text(detail::made<Text::Handle>([&](amq_text **made, amq_error **error) {
            return amq_api_send_message(get(), detail::data(topic), topic.size(), detail::data(payload),
                                        payload.size(), timeout.ms(), made, error);
        }));
    }
    /** Returns true if the client is connected. */
    bool query_session(std::string_view client_id, Timeout timeout = {}) const {
        return ask(amq_api_query_session, client_id, timeout);
    }
    DeviceCredential register_device_credential(std::string_view client_id, Timeout timeout = {}) const {
        return device(amq_api_register_device_credential, client_id, timeout);
    }
    DeviceCredential get_device_credential(std::string_view client_id, Timeout timeout = {}) const {
        return device(amq_api_get_device_credential, client_id, timeout);
    }
    DeviceCredential refresh_device_credential(std::string_view client_id, Timeout timeout = {}) const {
        return device(amq_api_refresh_device_credential, client_id, timeout);
    }
    void unregister_device_credential(std::string_view client_id, Timeout timeout = {}) const {
        detail::checked([&](amq_error **error) {
            return amq_api_unregister_device_credential(get(), detail::data(client_id), client_id.size(),
                                                        timeout.ms(), error);
        });
    }
    /** Makes a call, and returns the service's JSON object. */
    Text call(const Call &call, Timeout timeout = {}) const {
        return Text(detail::made<Text::Handle>([&](amq_text **made, amq_error **error) {
            return amq_api_call(get(), call.get(), timeout.ms(), made, error);
        }));
    }

    const amq_api *get() const noexcept { return handle_.get(); }

private:
    template <class Function>
    bool ask(Function function, std::string_view text, Timeout timeout) const {
        bool answer = false;
        detail::checked([&](amq_error **error) {
            return function(get(), detail::data(text), text.size(), timeout.ms(), &answer, error);
        });
        return answer;
    }
    template <class Function>
    DeviceCredential device(Function function, std::string_view client_id, Timeout timeout) const {
        return DeviceCredential(
            detail::made<DeviceCredential::Handle>([&](amq_device_credential **made, amq_error **error) {
                return function(get(), detail::data(client_id), client_id.size(), timeout.ms(), made, error);
            }));
    }

    Handle handle_;
};

template <class... Requests>
Credentials Credentials::apply_tokens(const Api &api, const Requests &...requests) {
    const auto pointers = detail::pointers<TokenRequest>(requests...);
    return Credentials(detail::made<Handle>([&](amq_credentials **made, amq_error **error) {
        return amq_credentials_apply_tokens(api.get(), pointers.data(), pointers.size(), made, error);
    }));
}

/** Returns true if the filter matches the topic. */
inline bool topic_matches(std::string_view filter, std::string_view topic) {
    bool matches = false;
    detail::checked([&](amq_error **error) {
        return amq_topic_matches(detail::data(filter), filter.size(), detail::data(topic), topic.size(), &matches,
                                 error);
    });
    return matches;
}

/** The topic of messages to one client. */
inline std::string p2p_topic(std::string_view parent, std::string_view client_id) {
    std::size_t len = 0;
    const auto write = [&](char *buffer, std::size_t size) {
        detail::checked([&](amq_error **error) {
            return amq_p2p_topic(detail::data(parent), parent.size(), detail::data(client_id), client_id.size(),
                                 buffer, size, &len, error);
        });
    };
    write(nullptr, 0);
    // With room for the NUL.
    std::string topic(len + 1, 0);
    write(topic.data(), topic.size());
    topic.resize(len);
    return topic;
}

/**
 * Calls `sink(amq_log_level, std::string_view target, std::string_view text)` for each record of the log of this level
 * or a more severe one, on a thread of its own, in place of the one before. It must not throw.
 */
template <class Sink>
void on_log(amq_log_level level, Sink sink) {
    using Call = detail::Callback<Sink>;
    auto *user = new Sink(std::move(sink));
    detail::checked(
        [&](amq_error **error) { return amq_log_set_callback(level, Call::log, user, Call::destroy, error); });
}

/** Ends the log. */
inline void on_log(std::nullptr_t) {
    detail::checked([&](amq_error **error) {
        return amq_log_set_callback(AMQ_LOG_LEVEL_OFF, nullptr, nullptr, nullptr, error);
    });
}

/** The number of log records that were dropped because the sink was too slow. */
inline std::uint64_t log_dropped() noexcept { return amq_log_dropped(); }

/** The AMQ_ABI_VERSION of the library that is loaded. */
inline std::uint32_t abi_version() noexcept { return amq_abi_version(); }

/** The version of the library, such as "0.1.0". */
inline std::string_view version() noexcept { return amq_version(); }

}  // namespace aliyun_mqtt

#endif  // ALIYUN_MQTT_HPP
