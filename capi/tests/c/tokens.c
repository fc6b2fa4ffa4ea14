/* Tokens, also those that the program hands in with plain calls. */
#include <string.h>
#include <time.h>

#include "test.h"

static const char *text(void) { return strchr(variable("ALIYUN_MQTT_TOKEN"), '|') + 1; }

/* A token that works for long, and of which the client believes that it expires in so many milliseconds. */
static amq_token *token_for(int64_t life) {
    amq_token *token;
    OK(amq_token_new(AMQ_TOKEN_KIND_READ_WRITE, text(), AMQ_NTS, &token, &error));
    OK(amq_token_set_expiry(token, (int64_t)time(NULL) * 1000 + life, &error));
    return token;
}

/* A token that is not the one of the environment. */
static amq_token *another_token(void) {
    amq_api_config *config = amq_api_config_from_env();
    amq_api *api;
    OK(amq_api_new(config, &api, &error));
    amq_api_config_free(config);
    amq_token_request *request;
    OK(amq_token_request_new(AMQ_TOKEN_KIND_READ_WRITE, &request, &error));
    OK(amq_token_request_add_topic(request, topic_of("#"), AMQ_NTS, &error));
    amq_token *token;
    OK(amq_api_apply_token(api, request, PATIENCE, &token, &error));
    amq_token_request_free(request);
    amq_api_free(api);
    return token;
}

static amq_client *client_by_hand(int64_t life) {
    amq_token *token = token_for(life);
    const amq_token *tokens[] = {token};
    amq_credentials *credentials;
    OK(amq_credentials_tokens_by_hand(variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), AMQ_NTS, tokens, 1, &credentials,
                                      &error));
    amq_token_free(token);
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_credentials(config, credentials, &error));
    OK(amq_config_set_token_renewal(config, 0.1, &error));
    amq_credentials_free(credentials);
    return connected_with(config);
}

static void a_token_has_kind_text_and_expiry(void) {
    amq_token *token;
    OK(amq_token_new(AMQ_TOKEN_KIND_READ, AMQ_TEXT("abc"), &token, &error));
    EXPECT(amq_token_get_kind(token) == AMQ_TOKEN_KIND_READ);
    size_t len;
    EXPECT_TEXT(amq_token_text(token, &len), "abc");
    EXPECT(len == 3);
    EXPECT(amq_token_expiry(token) == -1);
    int64_t later = (int64_t)time(NULL) * 1000 + 3600000;
    OK(amq_token_set_expiry(token, later, &error));
    EXPECT(amq_token_expiry(token) == later);
    amq_token_free(token);
    MISUSE("kind", amq_token_new(AMQ_TOKEN_KIND_NONE, AMQ_TEXT("abc"), &token, &error));
    EXPECT(token == NULL);
    MISUSE("is NULL", amq_token_new(AMQ_TOKEN_KIND_READ, NULL, 0, &token, &error));
    MISUSE("is NULL", amq_token_set_expiry(NULL, later, &error));
    EXPECT(amq_token_get_kind(NULL) == AMQ_TOKEN_KIND_NONE);
    EXPECT(amq_token_text(NULL, NULL) == NULL);
    EXPECT(amq_token_expiry(NULL) == -1);
    amq_token_free(NULL);
}

static void a_token_is_wanted_and_handed_in(void) {
    amq_client *client = client_by_hand(10000);
    amq_events *events;
    OK(amq_events_new(client, &events, &error));
    uint32_t kinds;
    int64_t expires;
    OK(amq_client_token_wanted(client, PATIENCE, &kinds, &expires, &error));
    EXPECT(kinds == 1u << AMQ_TOKEN_KIND_READ_WRITE);
    EXPECT(expires > (int64_t)time(NULL) * 1000 - 60000);
    amq_token *token = another_token();
    const amq_token *tokens[] = {token};
    OK(amq_client_hand_in_tokens(client, tokens, 1, &error));
    amq_token_free(token);
    for (bool renewed = false; !renewed;) {
        amq_event *event;
        OK(amq_events_recv(events, PATIENCE, &event, &error));
        renewed = amq_event_get_kind(event) == AMQ_EVENT_KIND_TOKEN_RENEWED;
        if (renewed) {
            EXPECT(amq_event_token_kind(event) == AMQ_TOKEN_KIND_READ_WRITE);
            EXPECT(amq_event_expires(event) > (int64_t)time(NULL) * 1000);
        }
        amq_event_free(event);
    }
    EXPECT_STATUS(AMQ_TIMEOUT, amq_client_token_wanted(client, 0, NULL, NULL, &error));
    amq_events_free(events);
    finish(client);
}

static void a_program_without_a_token_says_why(void) {
    amq_client *client = client_by_hand(10000);
    amq_events *events;
    OK(amq_events_new(client, &events, &error));
    OK(amq_client_token_wanted(client, PATIENCE, NULL, NULL, &error));
    OK(amq_client_refuse_tokens(client, AMQ_TEXT("the vault is shut"), &error));
    for (bool failed = false; !failed;) {
        amq_event *event;
        OK(amq_events_recv(events, PATIENCE, &event, &error));
        failed = amq_event_get_kind(event) == AMQ_EVENT_KIND_TOKEN_RENEWAL_FAILED;
        if (failed) {
            EXPECT(strstr(amq_error_text(amq_event_reason(event), NULL), "the vault is shut") != NULL);
            EXPECT(amq_event_retry_in(event) >= -1);
        }
        amq_event_free(event);
    }
    amq_events_free(events);
    finish(client);
}

static void waiting_for_a_wanted_token_ends_with_the_client(void) {
    amq_client *client = client_by_hand(3600000);
    EXPECT_STATUS(AMQ_TIMEOUT, amq_client_token_wanted(client, 1, NULL, NULL, &error));
    const amq_token *gap[] = {NULL};
    MISUSE("is NULL", amq_client_hand_in_tokens(client, gap, 1, &error));
    OK(amq_client_disconnect(client, PATIENCE, &error));
    EXPECT_STATUS(AMQ_END, amq_client_token_wanted(client, AMQ_TIMEOUT_NONE, NULL, NULL, &error));
    amq_client_free(client);
}

static void a_token_is_uploaded_by_hand(void) {
    amq_client *client = client_by_hand(3600000);
    amq_token *token = token_for(3600000);
    OK(amq_client_upload_token(client, token, PATIENCE, &error));
    publish(client, topic_of("token"), "with the new one");
    MISUSE("AMQ_TIMEOUT_NONE", amq_client_upload_token(client, token, AMQ_TIMEOUT_NONE, &error));
    MISUSE("token is NULL", amq_client_upload_token(client, NULL, PATIENCE, &error));
    amq_token_free(token);
    finish(client);
}

static void other_clients_take_no_tokens(void) {
    amq_client *client = connected();
    amq_token *token = token_for(3600000);
    const amq_token *tokens[] = {token};
    FAILS(AMQ_KIND_INVALID, "token", amq_client_upload_token(client, token, PATIENCE, &error));
    MISUSE("amq_credentials_tokens_by_hand", amq_client_hand_in_tokens(client, tokens, 1, &error));
    MISUSE("amq_credentials_tokens_by_hand", amq_client_token_wanted(client, 0, NULL, NULL, &error));
    MISUSE("amq_credentials_tokens_by_hand", amq_client_refuse_tokens(client, AMQ_TEXT("x"), &error));
    MISUSE("client is NULL", amq_client_hand_in_tokens(NULL, tokens, 1, &error));
    MISUSE("client is NULL", amq_client_token_wanted(NULL, 0, NULL, NULL, &error));
    MISUSE("client is NULL", amq_client_refuse_tokens(NULL, AMQ_TEXT("x"), &error));
    amq_token_free(token);
    finish(client);
}

const test tokens_tests[] = {
    {"a token has kind, text and expiry", a_token_has_kind_text_and_expiry},
    {"a token is wanted and handed in", a_token_is_wanted_and_handed_in},
    {"a program without a token says why", a_program_without_a_token_says_why},
    {"waiting for a wanted token ends with the client", waiting_for_a_wanted_token_ends_with_the_client},
    {"a token is uploaded by hand", a_token_is_uploaded_by_hand},
    {"other clients take no tokens", other_clients_take_no_tokens},
    END_OF_TESTS,
};
