# shellcheck shell=bash
# For scripts that run programs against an emulator in another process: `source .ci/emulator.sh` in the root folder.
#
# build_emulator: builds it, if that is needed.
# start_emulator TRANSPORT FOLDER: starts one, and exports the environment that clients over this transport need. Its
#     files are kept in FOLDER. It hands out temporary keys, too. Sets `emulator`, its process id.
# stop_emulator: ends it, if it runs, and waits for its end.

emulator=""

build_emulator() {
    cargo build --quiet --locked -p aliyun-mqtt-emulator
}

start_emulator() {
    local transport=$1 folder=$2
    mkdir -p "$folder"
    rm -f "$folder/stdin" "$folder/env"
    mkfifo "$folder/stdin"
    "${CARGO_TARGET_DIR:-target}/debug/aliyun-mqtt-emulator" --transport "$transport" --ca-file "$folder/ca.pem" \
        --ram-role test-role <"$folder/stdin" >"$folder/env" &
    emulator=$!
    # Kept open: the emulator ends when its standard input does.
    exec 9>"$folder/stdin"
    # The last line that it prints.
    wait_for grep -q ALIYUN_MQTT_REGION_ID= "$folder/env"
    # shellcheck disable=SC1091
    source "$folder/env"
}

stop_emulator() {
    [ -n "$emulator" ] || return 0
    exec 9>&-
    # A program that still runs may have its standard input open, too.
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" 2>/dev/null || true
    emulator=""
}

# Waits for a condition that will hold.
wait_for() {
    for _ in $(seq 1 200); do
        if "$@"; then return 0; fi
        sleep 0.05
    done
    echo "not ready in time: $*"
    return 1
}
