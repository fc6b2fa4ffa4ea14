//! Failures of the API and of the output.

use super::*;

#[test]
fn a_wrong_secret_is_told_from_an_unknown_key() {
    let emulator = emulator();
    let mut command = settings(&emulator);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "not-the-secret");
    let wrong = run(command, ["group", "list"]).expect(4);
    for word in ["SignatureDoesNotMatch", "the AccessKey secret is wrong", "request id"] {
        assert!(wrong.stderr.contains(word), "{wrong:?}");
    }
    let unknown = call(&emulator, &["group", "list", "--access-key-id", "nobody"]).expect(4);
    assert!(unknown.stderr.contains("does not know this AccessKey id"), "{unknown:?}");
}

#[test]
fn what_is_throttled_is_asked_for_again() {
    let emulator = emulator();
    emulator.throttle_api(1);
    call(&emulator, &["token", "apply"]).expect(0);
    emulator.throttle_api(100);
    let failed = call(&emulator, &["group", "list", "--timeout", "1"]).expect(4);
    assert!(failed.stderr.contains("Throttling.User") && failed.stderr.contains("too many calls"), "{failed:?}");
}

#[test]
fn an_api_that_fails_is_asked_again_unless_a_message_could_go_twice() {
    let emulator = emulator();
    emulator.fail_api(1, 500, "InternalError");
    call(&emulator, &["group", "list"]).expect(0);
    emulator.fail_api(1, 500, "InternalError");
    let sent = call(&emulator, &["send", "-t", &topic(&emulator, "a"), "-m", "x"]).expect(4);
    assert!(
        sent.stderr.contains("InternalError") && sent.stderr.contains("may have been sent nevertheless"),
        "{sent:?}"
    );
}

#[test]
fn an_api_that_is_not_there_or_does_not_answer_ends_in_time() {
    let emulator = emulator();
    emulator.delay_api(Duration::from_secs(600));
    let late = call(&emulator, &["send", "-t", &topic(&emulator, "a"), "-m", "x", "--timeout", "1"]).expect(5);
    assert!(late.stderr.contains("stage: api") && late.stderr.contains("may have been sent"), "{late:?}");
    let late = call(&emulator, &["session", "GID_emulator@@@1", "--timeout", "1"]).expect(5);
    assert!(late.stderr.contains("stage: api"), "{late:?}");
    emulator.delay_api(Duration::ZERO);
    emulator.stop().unwrap();
    let down = call(&emulator, &["session", "GID_emulator@@@1", "--timeout", "10"]).expect(3);
    assert!(down.stderr.contains("cannot connect"), "{down:?}");
    let nowhere =
        call(&emulator, &["group", "list", "--timeout", "1", "--api-endpoint", "http://example.invalid"]).expect(2);
    assert!(nowhere.stderr.contains("http"), "plain HTTP is for loopback only: {nowhere:?}");
}

#[test]
fn what_is_missing_for_the_api_is_named() {
    let emulator = emulator();
    for (variable, flag) in [
        ("ALIYUN_MQTT_INSTANCE_ID", "--instance-id"),
        ("ALIYUN_MQTT_API_ENDPOINT", "--region-id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "--access-key-id"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "--access-key-secret-file"),
    ] {
        let mut command = with(&emulator);
        command.env_remove(variable);
        let failed = run(command, ["group", "list"]).expect(2);
        assert!(failed.stderr.contains(flag), "{failed:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_told() {
    let emulator = emulator();
    let mut command = settings(&emulator);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(Stdio::from(writer));
    let closed = run(command, ["group", "list"]).expect(0);
    assert!(closed.stderr.is_empty(), "{closed:?}");
    for arguments in [&["group", "list"][..], &["token", "apply"], &["session", "GID_emulator@@@1", "--json"]] {
        let mut command = settings(&emulator);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let full = run(command, arguments).expect(1);
        assert!(full.stderr.contains("cannot write the output"), "{full:?}");
    }
}
