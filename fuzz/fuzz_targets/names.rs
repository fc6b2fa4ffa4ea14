//! See `aliyun_mqtt::fuzzing::names`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| aliyun_mqtt::fuzzing::names(data));
