//! See `aliyun_mqtt::fuzzing::environment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aliyun_mqtt::fuzzing::environment(data));
