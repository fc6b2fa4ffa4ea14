//! See `aliyun_mqtt::fuzzing::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aliyun_mqtt::fuzzing::session(data));
