#!/bin/sh
# memory.sh PROGRAM [COUNT]: the memory of the emulator after COUNT messages (1,000,000) of 100 bytes with QoS 1. PROGRAM
# is a release build of aliyun-mqtt-emulator. Needs Linux, curl, openssl and mosquitto_pub.
set -eu
program=$1 count=${2:-1000000}
folder=$(mktemp -d)
mkfifo "$folder/input"
"$program" --control-port 0 --env-file "$folder/env" <"$folder/input" >/dev/null 2>"$folder/messages" &
emulator=$!
# Its standard input stays open as long as this script runs.
exec 9>"$folder/input"
trap 'exec 9>&-; wait "$emulator"; rm -rf "$folder"' EXIT
until grep -q '^ready$' "$folder/messages"; do kill -0 "$emulator"; done
. "$folder/env"

memory() { sed -n "s/^$1: *//p" "/proc/$emulator/status"; }
echo "before: $(memory VmRSS)"
id="$ALIYUN_MQTT_GROUP_ID@@@memory"
endpoint=${ALIYUN_MQTT_ENDPOINT#mqtt://}
password=$(printf %s "$id" | openssl dgst -sha1 -hmac "$ALIBABA_CLOUD_ACCESS_KEY_SECRET" -binary | openssl base64)
line=$(printf '%0100d' 7)
# mosquitto_pub counts in 16 bits when it has sent its last line.
left=$count
while [ "$left" -gt 0 ]; do
    batch=$((left < 50000 ? left : 50000))
    yes "$line" | head -n "$batch" | mosquitto_pub -l -q 1 -h "${endpoint%:*}" -p "${endpoint##*:}" -i "$id" \
        -u "Signature|$ALIBABA_CLOUD_ACCESS_KEY_ID|$ALIYUN_MQTT_INSTANCE_ID" -P "$password" -t "$ALIYUN_MQTT_TOPIC/memory"
    left=$((left - batch))
done
echo "after $count messages: $(memory VmRSS), at most $(memory VmHWM)"
curl --silent --max-time 60 --config - "$ALIYUN_MQTT_EMULATOR_CONTROL_URL/settings" <<END | sed -n 's/.*"log":\({[^}]*}\).*/log: \1/p'
header = "Authorization: Bearer $ALIYUN_MQTT_EMULATOR_CONTROL_TOKEN"
END
