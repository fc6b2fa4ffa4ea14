/* Credentials: each kind logs in. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static const char *key_id(void) { return variable("ALIBABA_CLOUD_ACCESS_KEY_ID"); }
static const char *key_secret(void) { return variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"); }
/* Without "RW|". */
static const char *token_text(void) { return strchr(variable("ALIYUN_MQTT_TOKEN"), '|') + 1; }

static amq_config *config_with(amq_credentials *credentials) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_credentials(config, credentials, &error));
    amq_credentials_free(credentials);
    return config;
}

static void log_in(amq_credentials *credentials) {
    amq_client *client = connected_with(config_with(credentials));
    publish(client, topic_of("login"), "hello");
    finish(client);
}

static amq_token *new_token(int32_t kind) {
    amq_token *token;
    OK(amq_token_new(kind, token_text(), AMQ_NTS, &token, &error));
    return token;
}

static void from_the_environment(void) {
    amq_credentials *credentials;
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_ENVIRONMENT, &credentials, &error));
    amq_credentials_free(credentials);
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_SIGNATURE, &credentials, &error));
    log_in(credentials);
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_TOKEN, &credentials, &error));
    log_in(credentials);
    FAILS(AMQ_KIND_CONFIG, "DEVICE", amq_credentials_from_env(AMQ_AUTH_MODE_DEVICE, &credentials, &error));
    EXPECT(credentials == NULL);
}

/* In a process of its own, whose variables change. */
static void with_a_temporary_key(void *unused) {
    (void)unused;
    amq_credentials *credentials;
    amq_client *client;
    char uri[128];
    snprintf(uri, sizeof uri, "%s/credentials", variable("ALIYUN_MQTT_API_ENDPOINT"));
    EXPECT(setenv("ALIBABA_CLOUD_CREDENTIALS_URI", uri, 1) == 0);
    EXPECT(setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true", 1) == 0);
    EXPECT(setenv("HOME", "/nonexistent", 1) == 0);
    unsetenv("ALIBABA_CLOUD_ACCESS_KEY_ID");
    unsetenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    unsetenv("ALIYUN_MQTT_TOKEN");
    unsetenv("ALIYUN_MQTT_AUTH");
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_CHAIN, &credentials, &error));
    log_in(credentials);
    /* Where nothing else is given, too. */
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_ENVIRONMENT, &credentials, &error));
    log_in(credentials);
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_SIGNATURE, &credentials, &error));
    amq_config *config = config_with(credentials);
    FAILS(AMQ_KIND_CREDENTIALS, "a temporary one, which cannot sign a login",
          amq_client_connect(config, &client, &error));
    amq_config_free(config);
}

static void from_the_chain(void) {
    amq_credentials *credentials;
    OK(amq_credentials_from_env(AMQ_AUTH_MODE_CHAIN, &credentials, &error));
    log_in(credentials);
    in_child(with_a_temporary_key, NULL);
}

static void tokens(void) {
    amq_credentials *credentials;
    OK(amq_credentials_token(key_id(), AMQ_NTS, variable("ALIYUN_MQTT_TOKEN"), AMQ_NTS, &credentials, &error));
    log_in(credentials);
    amq_token *token = new_token(AMQ_TOKEN_KIND_READ_WRITE);
    const amq_token *all[] = {token};
    OK(amq_credentials_tokens(key_id(), AMQ_NTS, all, 1, &credentials, &error));
    amq_token_free(token);
    log_in(credentials);
}

static void custom_authentication_sends_what_it_is_given(void) {
    amq_credentials *credentials;
    amq_client *client;
    OK(amq_credentials_custom_plain(AMQ_TEXT("nobody"), AMQ_TEXT("not a secret"), &credentials, &error));
    amq_config *config = config_with(credentials);
    FAILS(AMQ_KIND_REFUSED, "", amq_client_connect(config, &client, &error));
    amq_config_free(config);
    OK(amq_credentials_custom_signed(AMQ_TEXT("nobody"), AMQ_TEXT("not a secret"), &credentials, &error));
    config = config_with(credentials);
    FAILS(AMQ_KIND_REFUSED, "", amq_client_connect(config, &client, &error));
    amq_config_free(config);
}

/* What a provider is asked, and how it answers. */
typedef struct provider {
    atomic_int asked, destroyed;
    const char *reason; /* Fails with it, unless it is NULL. */
} provider;

static void give_signature(void *user, amq_credentials_sink *sink) {
    provider *provider = user;
    atomic_fetch_add(&provider->asked, 1);
    if (provider->reason) {
        OK(amq_credentials_sink_fail(sink, provider->reason, AMQ_NTS, &error));
        return;
    }
    amq_credentials *credentials;
    OK(amq_credentials_signature(key_id(), AMQ_NTS, key_secret(), AMQ_NTS, &credentials, &error));
    OK(amq_credentials_sink_give(sink, credentials, &error));
    amq_credentials_free(credentials);
    MISUSE("credentials is NULL", amq_credentials_sink_give(sink, NULL, &error));
}

static void give_token(void *user, amq_token_sink *sink) {
    provider *provider = user;
    atomic_fetch_add(&provider->asked, 1);
    if (provider->reason) {
        OK(amq_token_sink_fail(sink, provider->reason, AMQ_NTS, &error));
        return;
    }
    amq_token *token = new_token(AMQ_TOKEN_KIND_READ_WRITE);
    OK(amq_token_sink_add(sink, token, &error));
    amq_token_free(token);
    MISUSE("token is NULL", amq_token_sink_add(sink, NULL, &error));
}

static void note_destruction(void *user) {
    atomic_fetch_add(&((provider *)user)->destroyed, 1);
}

static void a_provider_is_asked_at_each_connect(void) {
    provider provider = {0};
    amq_credentials *credentials;
    OK(amq_credentials_provider(give_signature, &provider, note_destruction, &credentials, &error));
    log_in(credentials);
    EXPECT(atomic_load(&provider.asked) == 1);
    AWAIT(atomic_load(&provider.destroyed) == 1);
}

static void a_provider_of_tokens(void) {
    provider provider = {0};
    amq_credentials *credentials;
    OK(amq_credentials_token_provider(key_id(), AMQ_NTS, give_token, &provider, note_destruction, &credentials,
                                      &error));
    log_in(credentials);
    EXPECT(atomic_load(&provider.asked) == 1);
    AWAIT(atomic_load(&provider.destroyed) == 1);
}

static void a_provider_that_fails_is_quoted(void) {
    provider provider = {.reason = "the vault is shut"};
    amq_credentials *credentials;
    amq_client *client;
    OK(amq_credentials_provider(give_signature, &provider, note_destruction, &credentials, &error));
    amq_config *config = config_with(credentials);
    FAILS(AMQ_KIND_CREDENTIALS, "the vault is shut", amq_client_connect(config, &client, &error));
    amq_config_free(config);
    AWAIT(atomic_load(&provider.destroyed) == 1);
    OK(amq_credentials_token_provider(key_id(), AMQ_NTS, give_token, &provider, note_destruction, &credentials,
                                      &error));
    config = config_with(credentials);
    FAILS(AMQ_KIND_CREDENTIALS, "the vault is shut", amq_client_connect(config, &client, &error));
    amq_config_free(config);
    AWAIT(atomic_load(&provider.destroyed) == 2);
    EXPECT(atomic_load(&provider.asked) == 2);
}

static void arguments_are_checked(void) {
    provider provider = {0};
    amq_credentials *credentials;
    MISUSE("access_key_id is NULL", amq_credentials_signature(NULL, 0, AMQ_TEXT("x"), &credentials, &error));
    EXPECT(credentials == NULL);
    MISUSE("credentials is NULL", amq_credentials_signature(AMQ_TEXT("x"), AMQ_TEXT("x"), NULL, &error));
    MISUSE("UTF-8", amq_credentials_device(AMQ_TEXT("\xff"), AMQ_TEXT("x"), &credentials, &error));
    MISUSE("NUL character", amq_credentials_token(AMQ_TEXT("x"), AMQ_TEXT("R|\0"), &credentials, &error));
    MISUSE("is NULL", amq_credentials_tokens(AMQ_TEXT("x"), NULL, 1, &credentials, &error));
    MISUSE("is NULL", amq_credentials_custom_plain(AMQ_TEXT("x"), NULL, 1, &credentials, &error));
    MISUSE("is NULL", amq_credentials_custom_signed(NULL, 1, AMQ_TEXT("x"), &credentials, &error));
    MISUSE("mode", amq_credentials_from_env(17, &credentials, &error));
    /* The destructor runs, whatever becomes of the call. */
    MISUSE("callback is NULL",
           amq_credentials_provider(NULL, &provider, note_destruction, &credentials, &error));
    EXPECT(atomic_load(&provider.destroyed) == 1);
    MISUSE("access_key_id is NULL", amq_credentials_token_provider(NULL, 0, give_token, &provider, note_destruction,
                                                                   &credentials, &error));
    EXPECT(atomic_load(&provider.destroyed) == 2);
    MISUSE("sink is NULL", amq_credentials_sink_give(NULL, NULL, &error));
    MISUSE("sink is NULL", amq_credentials_sink_fail(NULL, AMQ_TEXT("x"), &error));
    MISUSE("sink is NULL", amq_token_sink_add(NULL, NULL, &error));
    MISUSE("sink is NULL", amq_token_sink_fail(NULL, AMQ_TEXT("x"), &error));
    amq_credentials_free(NULL);
}

const test credentials_tests[] = {
    {"from the environment", from_the_environment},
    {"from the chain of AccessKeys", from_the_chain},
    {"tokens", tokens},
    {"custom authentication sends what it is given", custom_authentication_sends_what_it_is_given},
    {"a provider is asked at each connect", a_provider_is_asked_at_each_connect},
    {"a provider of tokens", a_provider_of_tokens},
    {"a provider that fails is quoted", a_provider_that_fails_is_quoted},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
