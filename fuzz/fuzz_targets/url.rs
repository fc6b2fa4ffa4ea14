//! See `aliyun_mqtt::fuzzing::url`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aliyun_mqtt::fuzzing::url(data));
