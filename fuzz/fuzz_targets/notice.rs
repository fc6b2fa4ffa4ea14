//! See `aliyun_mqtt::fuzzing::notice`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aliyun_mqtt::fuzzing::notice(data));
