#!/bin/sh
# A test of a client in a shell against the emulator: a topic is forbidden, the client notices, and it is allowed again.
#
# Needs curl, openssl and mosquitto_pub. Runs with the variables of an emulator that has a control API:
#
#     aliyun-mqtt emulator --control-port 0 -- sh emulator/examples/forbid_a_topic.sh
#
# Nothing here sleeps: the test waits for what the client sees, and for what the emulator saw.
set -eu

# control METHOD PATH [BODY]: calls the control API and prints its answer. The token is not among the arguments, which
# others can see.
control() {
    curl --fail-with-body --silent --show-error --max-time 40 --request "$1" --config - \
        --header 'Content-Type: application/json' --data "${3:-}" "$ALIYUN_MQTT_EMULATOR_CONTROL_URL$2" <<END
header = "Authorization: Bearer $ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN"
END
}

# seen SINCE WHAT TEXT: waits until the emulator has seen this about the client, and checks that it contains TEXT.
seen() {
    entries=$(control GET "/log?since=$1&what=$2&client_id=$id&wait=20&max=1")
    case $entries in
        *"$3"*) ;;
        *) echo "not seen: $2 with $3, but $entries" >&2; exit 1 ;;
    esac
}

# position: the number of the next entry of the emulator's log.
position() {
    control GET /settings | sed -n 's/.*"log":{[^}]*"next":\([0-9]*\).*/\1/p'
}

id="$ALIYUN_MQTT_GROUP_ID@@@shell"
topic="$ALIYUN_MQTT_TOPIC/orders"
endpoint=${ALIYUN_MQTT_ENDPOINT#mqtt://}
password=$(printf %s "$id" | openssl dgst -sha1 -hmac "$ALIBABA_CLOUD_ACCESS_KEY_SECRET" -binary | openssl base64)

# The secrets are the emulator's own, made up for tests: elsewhere they do not belong into arguments.
publish() {
    mosquitto_pub -h "${endpoint%:*}" -p "${endpoint##*:}" -i "$id" -q 1 -t "$topic" -m Hello -P "$password" \
        -u "Signature|$ALIBABA_CLOUD_ACCESS_KEY_ID|$ALIYUN_MQTT_INSTANCE_ID" "$@"
}

trap 'control POST /allow "{\"filter\":\"$topic\"}" >/dev/null || true' EXIT

since=$(position)
control POST /forbid "{\"filter\":\"$topic\"}" >/dev/null
# All that the client learns, as with the service: its connection is closed.
if error=$(publish 2>&1); then
    echo "published to a forbidden topic" >&2
    exit 1
fi
case $error in
    *"connection was lost"*) ;;
    *) echo "another error: $error" >&2; exit 1 ;;
esac
# The emulator tells why.
seen "$since" violation forbidden

since=$(position)
control POST /allow "{\"filter\":\"$topic\"}" >/dev/null
publish
seen "$since" published '"text":"Hello"'
echo "test result: ok. 1 passed; 0 failed; 0 ignored"
