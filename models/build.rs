//! Says to the library's sources that they are being modelled.

fn main() {
    println!("cargo::rustc-cfg=aliyun_mqtt_model");
    println!("cargo::rerun-if-changed=build.rs");
}
