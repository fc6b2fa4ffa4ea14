/* The service's API over HTTP. */
#include <string.h>
#include <time.h>

#include "test.h"

static amq_api *api_from_env(void) {
    amq_api_config *config = amq_api_config_from_env();
    amq_api *api;
    OK(amq_api_new(config, &api, &error));
    amq_api_config_free(config);
    return api;
}

/* "GROUP@@@NAME", with a name that nothing else has. */
static const char *client_id(void) {
    static char text[128];
    strcpy(text, variable("ALIYUN_MQTT_GROUP_ID"));
    strcat(text, "@@@");
    return strcat(text, unique("device"));
}

static void every_setting_reaches_the_api(void) {
    amq_api_config *config = amq_api_config_new();
    amq_api *api;
    FAILS(AMQ_KIND_CONFIG, "", amq_api_new(config, &api, &error));
    EXPECT(api == NULL);
    OK(amq_api_config_set_region(config, AMQ_TEXT("cn-test"), &error));
    OK(amq_api_config_set_vpc(config, false, &error));
    OK(amq_api_config_set_endpoint(config, variable("ALIYUN_MQTT_API_ENDPOINT"), AMQ_NTS, &error));
    OK(amq_api_config_set_instance_id(config, variable("ALIYUN_MQTT_INSTANCE_ID"), AMQ_NTS, &error));
    OK(amq_api_config_set_access_key(config, variable("ALIBABA_CLOUD_ACCESS_KEY_ID"), AMQ_NTS,
                                     variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), AMQ_NTS, &error));
    OK(amq_api_config_set_signing(config, AMQ_SIGNING_V2, &error));
    OK(amq_api_config_set_timeout(config, PATIENCE, &error));
    OK(amq_api_config_set_backoff(config, 10, 100, &error));
    OK(amq_api_config_set_ca_file(config, variable("ALIYUN_MQTT_CA_FILE"), AMQ_NTS, &error));
    OK(amq_api_config_set_system_roots(config, false, &error));
    OK(amq_api_config_set_proxy_from_env(config, &error));
    OK(amq_api_new(config, &api, &error));
    size_t len;
    EXPECT_TEXT(amq_api_instance_id(api, &len), variable("ALIYUN_MQTT_INSTANCE_ID"));
    EXPECT(strlen(amq_api_instance_id(api, NULL)) == len);
    EXPECT_TEXT(amq_api_access_key_id(api, NULL), variable("ALIBABA_CLOUD_ACCESS_KEY_ID"));
    EXPECT_TEXT(amq_api_endpoint(api, NULL), variable("ALIYUN_MQTT_API_ENDPOINT"));
    EXPECT_TEXT(amq_api_region(api, NULL), "cn-test");
    bool online = true;
    OK(amq_api_query_session(api, client_id(), AMQ_NTS, AMQ_TIMEOUT_DEFAULT, &online, &error));
    EXPECT(!online);
    amq_api_free(api);
    /* What cannot work here is told when the API is made or used. */
    OK(amq_api_config_set_proxy(config, AMQ_TEXT("http://127.0.0.1:1"), &error));
    OK(amq_api_config_set_proxy_credentials(config, AMQ_TEXT("user"), AMQ_TEXT("no secret"), &error));
    OK(amq_api_config_set_backoff(config, 10, 20, &error));
    OK(amq_api_new(config, &api, &error));
    EXPECT(amq_api_query_session(api, client_id(), AMQ_NTS, PATIENCE, &online, &error) < 0);
    EXPECT(strstr(amq_error_text(error, NULL), "no secret") == NULL);
    amq_error_free(error);
    error = NULL;
    amq_api_free(api);
    OK(amq_api_config_set_endpoint(config, AMQ_TEXT("https://127.0.0.1:1"), &error));
    OK(amq_api_config_set_ca_pem(config, AMQ_TEXT("no certificate"), &error));
    FAILS(AMQ_KIND_CONFIG, "", amq_api_new(config, &api, &error));
    amq_api_config_free(config);
}

static void a_wrong_key_is_an_error_of_the_api(void) {
    amq_api_config *config = amq_api_config_from_env();
    OK(amq_api_config_set_sts_key(config, AMQ_TEXT("nobody"), AMQ_TEXT("not-a-secret"), AMQ_TEXT("no-token"), &error));
    amq_api *api;
    OK(amq_api_new(config, &api, &error));
    amq_api_config_free(config);
    bool online;
    EXPECT(amq_api_query_session(api, client_id(), AMQ_NTS, PATIENCE, &online, &error) == AMQ_ERROR);
    EXPECT(amq_error_kind(error) == AMQ_KIND_API);
    EXPECT(amq_error_api_status(error) >= 400);
    size_t len;
    EXPECT(strlen(amq_error_api_code(error, &len)) == len && len > 0);
    EXPECT(strlen(amq_error_request_id(error, &len)) == len && len > 0);
    amq_error_free(error);
    error = NULL;
    amq_api_free(api);
}

static void a_message_is_sent_without_a_connection(void) {
    amq_api *api = api_from_env();
    amq_client *client = connected();
    const char *topic = topic_of("api");
    subscribe(client, topic);
    amq_text *id;
    OK(amq_api_send_message(api, topic, AMQ_NTS, AMQ_TEXT("by the API"), PATIENCE, &id, &error));
    size_t len;
    EXPECT(strlen(amq_text_data(id, &len)) == len && len > 0);
    amq_text_free(id);
    EXPECT_NEXT(client, "by the API");
    OK(amq_api_send_message(api, topic, AMQ_NTS, AMQ_TEXT("again"), PATIENCE, NULL, &error));
    EXPECT_NEXT(client, "again");
    bool online;
    OK(amq_api_query_session(api, amq_client_id(client, NULL), AMQ_NTS, PATIENCE, &online, &error));
    EXPECT(online);
    finish(client);
    amq_api_free(api);
}

static void a_token_is_applied_for_used_and_revoked(void) {
    amq_api *api = api_from_env();
    amq_token_request *request;
    OK(amq_token_request_new(AMQ_TOKEN_KIND_READ_WRITE, &request, &error));
    OK(amq_token_request_add_topic(request, topic_of("#"), AMQ_NTS, &error));
    OK(amq_token_request_set_lifetime(request, 600000, &error));
    amq_token *token;
    OK(amq_api_apply_token(api, request, PATIENCE, &token, &error));
    EXPECT(amq_token_get_kind(token) == AMQ_TOKEN_KIND_READ_WRITE);
    int64_t now = (int64_t)time(NULL) * 1000;
    EXPECT(amq_token_expiry(token) > now + 500000 && amq_token_expiry(token) < now + 700000);

    /* A fixed end, too. */
    amq_token *other;
    amq_token_request *until;
    OK(amq_token_request_new(AMQ_TOKEN_KIND_READ, &until, &error));
    OK(amq_token_request_add_topic(until, topic_of("#"), AMQ_NTS, &error));
    OK(amq_token_request_set_expiry(until, now + 3600000, &error));
    OK(amq_api_apply_token(api, until, PATIENCE, &other, &error));
    EXPECT(amq_token_expiry(other) == now + 3600000);
    amq_token_request_free(until);
    amq_token_free(other);

    bool valid = false;
    const char *text = amq_token_text(token, NULL);
    OK(amq_api_query_token(api, text, AMQ_NTS, PATIENCE, &valid, &error));
    EXPECT(valid);
    OK(amq_api_revoke_token(api, text, AMQ_NTS, PATIENCE, &error));
    OK(amq_api_query_token(api, text, AMQ_NTS, PATIENCE, &valid, &error));
    EXPECT(!valid);
    amq_token_free(token);

    const amq_token_request *requests[] = {request};
    amq_credentials *credentials;
    OK(amq_credentials_apply_tokens(api, requests, 1, &credentials, &error));
    amq_token_request_free(request);
    amq_api_free(api);
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_credentials(config, credentials, &error));
    amq_credentials_free(credentials);
    amq_client *client = connected_with(config);
    publish(client, topic_of("applied"), "with a token that the library applied for");
    finish(client);
}

static void the_key_of_a_device(void) {
    amq_api *api = api_from_env();
    const char *id = client_id();
    amq_device_credential *device, *again;
    OK(amq_api_register_device_credential(api, id, AMQ_NTS, PATIENCE, &device, &error));
    EXPECT_TEXT(amq_device_credential_client_id(device, NULL), id);
    EXPECT(amq_device_credential_created(device) >= -1);
    EXPECT(amq_device_credential_updated(device) >= -1);
    OK(amq_api_get_device_credential(api, id, AMQ_NTS, PATIENCE, &again, &error));
    EXPECT_TEXT(amq_device_credential_access_key_secret(again, NULL),
                amq_device_credential_access_key_secret(device, NULL));
    amq_device_credential_free(again);
    OK(amq_api_refresh_device_credential(api, id, AMQ_NTS, PATIENCE, &again, &error));
    amq_device_credential_free(device);
    device = again;

    amq_credentials *credentials, *same;
    OK(amq_device_credential_credentials(device, &credentials, &error));
    OK(amq_credentials_device(amq_device_credential_access_key_id(device, NULL), AMQ_NTS,
                              amq_device_credential_access_key_secret(device, NULL), AMQ_NTS, &same, &error));
    amq_credentials_free(same);
    amq_config *config = amq_config_from_env();
    OK(amq_config_set_credentials(config, credentials, &error));
    OK(amq_config_set_device_id(config, strstr(id, "@@@") + 3, AMQ_NTS, &error));
    amq_credentials_free(credentials);
    finish(connected_with(config));
    amq_device_credential_free(device);

    OK(amq_api_unregister_device_credential(api, id, AMQ_NTS, PATIENCE, &error));
    FAILS(AMQ_KIND_API, "", amq_api_get_device_credential(api, id, AMQ_NTS, PATIENCE, &device, &error));
    EXPECT(device == NULL);
    amq_api_free(api);
}

static void any_operation_by_its_name(void) {
    amq_api *api = api_from_env();
    amq_call *call;
    OK(amq_call_new(AMQ_TEXT("ListGroupId"), &call, &error));
    OK(amq_call_add_parameter(call, AMQ_TEXT("InstanceId"), variable("ALIYUN_MQTT_INSTANCE_ID"), AMQ_NTS, &error));
    OK(amq_call_set_repeatable(call, true, &error));
    OK(amq_call_hide(call, AMQ_TEXT("InstanceId"), &error));
    OK(amq_call_use_get(call, &error));
    amq_text *json;
    OK(amq_api_call(api, call, PATIENCE, &json, &error));
    EXPECT(strstr(amq_text_data(json, NULL), variable("ALIYUN_MQTT_GROUP_ID")) != NULL);
    amq_text_free(json);
    amq_call_free(call);

    OK(amq_call_new(AMQ_TEXT("NoSuchOperation"), &call, &error));
    OK(amq_call_add_form(call, AMQ_TEXT("Name"), AMQ_TEXT("value"), &error));
    FAILS(AMQ_KIND_API, "", amq_api_call(api, call, PATIENCE, &json, &error));
    EXPECT(json == NULL);
    amq_call_free(call);
    amq_api_free(api);
}

static void arguments_are_checked(void) {
    amq_api *api;
    amq_call *call;
    amq_token_request *request;
    bool answer;
    MISUSE("config is NULL", amq_api_new(NULL, &api, &error));
    EXPECT(api == NULL);
    MISUSE("config is NULL", amq_api_config_set_region(NULL, AMQ_TEXT("x"), &error));
    amq_api_config *config = amq_api_config_new();
    MISUSE("signing", amq_api_config_set_signing(config, 7, &error));
    MISUSE("is NULL", amq_api_config_set_instance_id(config, NULL, 0, &error));
    amq_api_config_free(config);
    api = api_from_env();
    MISUSE("AMQ_TIMEOUT_NONE",
           amq_api_query_session(api, AMQ_TEXT("GID_x@@@y"), AMQ_TIMEOUT_NONE, &answer, &error));
    MISUSE("online is NULL", amq_api_query_session(api, AMQ_TEXT("GID_x@@@y"), PATIENCE, NULL, &error));
    MISUSE("api is NULL", amq_api_query_session(NULL, AMQ_TEXT("GID_x@@@y"), PATIENCE, &answer, &error));
    amq_text *json;
    MISUSE("call is NULL", amq_api_call(api, NULL, PATIENCE, &json, &error));
    EXPECT(json == NULL);
    amq_api_free(api);
    MISUSE("action is NULL", amq_call_new(NULL, 0, &call, &error));
    EXPECT(call == NULL);
    MISUSE("kind", amq_token_request_new(0, &request, &error));
    EXPECT(request == NULL);
    amq_api_config_free(NULL);
    amq_api_free(NULL);
    amq_call_free(NULL);
    amq_token_request_free(NULL);
    amq_device_credential_free(NULL);
    amq_text_free(NULL);
    EXPECT(amq_text_data(NULL, NULL) == NULL);
    EXPECT(amq_api_endpoint(NULL, NULL) == NULL);
    EXPECT(amq_device_credential_client_id(NULL, NULL) == NULL);
    EXPECT(amq_device_credential_access_key_id(NULL, NULL) == NULL);
    EXPECT(amq_device_credential_access_key_secret(NULL, NULL) == NULL);
    EXPECT(amq_device_credential_created(NULL) == -1);
    EXPECT(amq_device_credential_updated(NULL) == -1);
}

const test api_tests[] = {
    {"every setting reaches the API", every_setting_reaches_the_api},
    {"a wrong key is an error of the API", a_wrong_key_is_an_error_of_the_api},
    {"a message is sent without a connection", a_message_is_sent_without_a_connection},
    {"a token is applied for, used and revoked", a_token_is_applied_for_used_and_revoked},
    {"the key of a device", the_key_of_a_device},
    {"any operation by its name", any_operation_by_its_name},
    {"arguments are checked", arguments_are_checked},
    END_OF_TESTS,
};
