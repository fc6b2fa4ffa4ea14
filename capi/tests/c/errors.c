/* Error objects. */
#include <string.h>

#include "test.h"

/* Connects to a port where nobody listens. */
static amq_error *refused_connection(void) {
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_endpoint(config, AMQ_TEXT("mqtt://127.0.0.1:1"), &error));
    amq_client *client;
    EXPECT(amq_client_connect(config, &client, &error) == AMQ_ERROR);
    EXPECT(client == NULL);
    amq_config_free(config);
    amq_error *reason = error;
    error = NULL;
    return reason;
}

static void an_error_says_what_failed_and_why(void) {
    amq_error *reason = refused_connection();
    EXPECT(amq_error_kind(reason) == AMQ_KIND_CONNECT);
    EXPECT(amq_error_fate(reason) == AMQ_FATE_NONE);
    EXPECT(amq_error_stage(reason) == AMQ_STAGE_CONNECT || amq_error_stage(reason) == AMQ_STAGE_NONE);
    EXPECT(amq_error_code(reason) == -1);
    EXPECT(amq_error_is_retryable(reason));
    EXPECT(amq_error_undelivered(reason) == 0);
    EXPECT(amq_error_api_status(reason) == 0);
    EXPECT(amq_error_api_code(reason, NULL) == NULL);
    EXPECT(amq_error_request_id(reason, NULL) == NULL);
    EXPECT(amq_error_missing_setting(reason, NULL) == NULL);
    size_t len, causes;
    const char *text = amq_error_text(reason, &len);
    EXPECT(strlen(text) == len);
    EXPECT(strstr(text, "cannot connect to mqtt://127.0.0.1:1: ") == text);
    const char *message = amq_error_message(reason, &len);
    EXPECT(strlen(message) == len);
    EXPECT(strstr(text, message) != NULL);
    const char *words = amq_error_causes(reason, &causes);
    EXPECT(words != NULL && strlen(words) == causes);
    amq_error_free(reason);
}

static void a_copy_outlives_its_original(void) {
    amq_error *reason = refused_connection();
    amq_error *copy = amq_error_clone(reason);
    EXPECT_TEXT(amq_error_text(copy, NULL), amq_error_text(reason, NULL));
    amq_error_free(reason);
    EXPECT(amq_error_kind(copy) == AMQ_KIND_CONNECT);
    EXPECT_TEXT(strstr(amq_error_text(copy, NULL), "mqtt") ? "named" : "not named", "named");
    amq_error_free(copy);
    EXPECT(amq_error_clone(NULL) == NULL);
}

static void a_missing_setting_is_named(void) {
    amq_config *config = amq_config_new();
    amq_client *client;
    OK(amq_config_set_endpoint(config, AMQ_TEXT("localhost"), &error));
    EXPECT(amq_client_connect(config, &client, &error) == AMQ_ERROR);
    EXPECT(amq_error_kind(error) == AMQ_KIND_CONFIG);
    EXPECT_TEXT(amq_error_missing_setting(error, NULL), "instance_id");
    EXPECT(!amq_error_is_retryable(error));
    amq_error_free(error);
    error = NULL;
    amq_config_free(config);
}

static void a_refused_login_has_code_and_hint(void) {
    amq_credentials *credentials;
    OK(amq_credentials_signature(variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), AMQ_NTS, AMQ_TEXT("wrong"), &credentials,
                                 &error));
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_credentials(config, credentials, &error));
    amq_credentials_free(credentials);
    amq_client *client;
    EXPECT(amq_client_connect(config, &client, &error) == AMQ_ERROR);
    amq_config_free(config);
    EXPECT(amq_error_kind(error) == AMQ_KIND_REFUSED);
    EXPECT(amq_error_code(error) > 0);
    size_t len;
    EXPECT(strlen(amq_error_hint(error, &len)) == len && len > 0);
    EXPECT(strlen(amq_error_hint_key(error, &len)) == len && len > 0);
    EXPECT(strstr(amq_error_text(error, NULL), amq_error_hint(error, NULL)) != NULL);
    amq_error_free(error);
    error = NULL;
}

static void a_message_that_was_not_sent_says_so(void) {
    amq_client *client = connected();
    OK(amq_client_disconnect(client, PATIENCE, &error));
    EXPECT(amq_client_publish(client, topic_of("late"), AMQ_NTS, 1, NULL, 0, PATIENCE, &error) == AMQ_ERROR);
    EXPECT(amq_error_kind(error) == AMQ_KIND_CLOSED);
    EXPECT(amq_error_fate(error) == AMQ_FATE_NOT_SENT);
    amq_error_free(error);
    error = NULL;
    amq_client_free(client);
}

static void the_getters_take_null(void) {
    size_t len = 7;
    EXPECT(amq_error_kind(NULL) == AMQ_KIND_OTHER);
    EXPECT(amq_error_fate(NULL) == AMQ_FATE_NONE);
    EXPECT(amq_error_stage(NULL) == AMQ_STAGE_NONE);
    EXPECT(amq_error_code(NULL) == -1);
    EXPECT(amq_error_text(NULL, &len) == NULL && len == 0);
    EXPECT(amq_error_message(NULL, NULL) == NULL);
    EXPECT(amq_error_hint(NULL, NULL) == NULL);
    EXPECT(amq_error_hint_key(NULL, NULL) == NULL);
    EXPECT(amq_error_missing_setting(NULL, NULL) == NULL);
    EXPECT(amq_error_causes(NULL, NULL) == NULL);
    EXPECT(!amq_error_is_retryable(NULL));
    EXPECT(amq_error_undelivered(NULL) == 0);
    EXPECT(amq_error_api_status(NULL) == 0);
    EXPECT(amq_error_api_code(NULL, NULL) == NULL);
    EXPECT(amq_error_request_id(NULL, NULL) == NULL);
    amq_error_free(NULL);
}

/* A call without a place for its error still gives its status. */
static void the_error_may_be_left_out(void) {
    EXPECT(amq_client_disconnect(NULL, 0, NULL) == AMQ_ERROR_MISUSE);
    amq_config *config = amq_config_new();
    amq_client *client;
    EXPECT(amq_client_connect(config, &client, NULL) == AMQ_ERROR);
    amq_config_free(config);
}

const test errors_tests[] = {
    {"an error says what failed and why", an_error_says_what_failed_and_why},
    {"a copy outlives its original", a_copy_outlives_its_original},
    {"a missing setting is named", a_missing_setting_is_named},
    {"a refused login has code and hint", a_refused_login_has_code_and_hint},
    {"a message that was not sent says so", a_message_that_was_not_sent_says_so},
    {"the getters take NULL", the_getters_take_null},
    {"the error may be left out", the_error_may_be_left_out},
    END_OF_TESTS,
};
