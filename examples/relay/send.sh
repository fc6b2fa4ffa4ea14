#!/bin/sh
# Sends a message, receives it, and acknowledges it: with curl.
#
#     RELAY_SOCKET=/run/aliyun-mqtt/relay.sock RELAY_TOPIC=demo/hello sh send.sh
set -eu
call() { curl --silent --show-error --fail-with-body --unix-socket "$RELAY_SOCKET" "$@"; }

# The key makes it safe for curl to repeat the call.
key=$(cat /proc/sys/kernel/random/uuid)
call --retry 3 --header "Idempotency-Key: $key" --data-binary 'Hello from curl' \
    "http://relay/v1/messages?topic=$RELAY_TOPIC"
echo

messages=$(call "http://relay/v1/messages?filter=$RELAY_TOPIC&max=1&wait=10")
echo "$messages"
id=$(printf '%s' "$messages" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
[ -n "$id" ] || { echo "no message came" >&2; exit 1; }
call --request DELETE "http://relay/v1/messages/$id"
echo "acknowledged $id"
