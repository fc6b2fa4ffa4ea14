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
 * Timeouts are any std::chrono::duration, rounded up to milliseconds; without one, the configured timeout.
 */
#ifndef ALIYUN_MQTT_HPP
#define ALIYUN_MQTT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
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

}  // namespace detail

/** The reason why a call failed. Copies share it. */
class Error : public std::runtime_error {
public:
    /** Takes over an error that C gave. */
    explicit Error(detail::Handle<amq_error, amq_error_free> error)
        : runtime_error(error ? amq_error_text(error.get(), nullptr) : "no memory for an error"), error_(std::move(error)) {}

    amq_kind kind() const noexcept { return amq_error_kind(error_.get()); }
    /** The fate of the message that the error is about; AMQ_FATE_NONE if it is about none. */
    amq_fate fate() const noexcept { return amq_error_fate(error_.get()); }
    amq_stage stage() const noexcept { return amq_error_stage(error_.get()); }
    /** The code that the server, the service or a proxy gave; -1 if there is none. */
    std::int64_t code() const noexcept { return amq_error_code(error_.get()); }
    /** what() without the stage and the hint. */
    std::string_view message() const noexcept { return detail::text(amq_error_message, error_.get()); }
    /** What to do about the error; empty if its usual cause is not known. */
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

    /** This long. A negative time has passed already. */
    template <class Rep, class Period>
    constexpr Timeout(std::chrono::duration<Rep, Period> time)
        : ms_(time < time.zero() ? 0 : std::chrono::ceil<std::chrono::milliseconds>(time).count()) {}

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
    template <class Container, class Element = std::remove_pointer_t<decltype(std::declval<const Container &>().data())>,
              std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element>, int> = 0>
    Bytes(const Container &container) noexcept : Bytes(container.data(), container.size()) {}

    const void *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    const void *data_;
    std::size_t size_;
};
