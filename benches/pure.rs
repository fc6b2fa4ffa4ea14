//! The parts that need no connection: logins, names, checks and parsing. `cargo bench --bench pure`.

use std::hint::black_box;

use aliyun_mqtt::{
    ClientId, Config, ConfigBuilder, Credentials, Outgoing, QoS, Token, Tokens, p2p_topic, printable, topic_matches,
};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    logins(&mut criterion);
    names(&mut criterion);
    messages(&mut criterion);
    criterion.final_summary();
}

fn builder() -> ConfigBuilder {
    Config::builder()
        .endpoint("mqtt://127.0.0.1:1883")
        .instance_id("post-cn-bench")
        .group_id("GID_bench")
        .credentials(Credentials::signature("access-key-id", "access-key-secret"))
}

fn logins(criterion: &mut Criterion) {
    let client_id = ClientId::new("GID_bench", "0001").expect("valid");
    let signature = Credentials::signature("access-key-id", "access-key-secret");
    criterion.bench_function("login by signature", |bencher| {
        bencher.iter(|| signature.login(black_box(&client_id), "post-cn-bench").expect("a login"));
    });
    let tokens = Credentials::token("access-key-id", "RW|LzMT+XLFl5s/YWJ/MlDz4t/Lq5HC1iGU1P28HAMaxYxn8aQbALNtml7QKl");
    criterion.bench_function("login by token", |bencher| {
        bencher.iter(|| tokens.login(black_box(&client_id), "post-cn-bench").expect("a login"));
    });
    criterion.bench_function("parse a token", |bencher| {
        bencher.iter(|| black_box("RW|LzMT+XLFl5s/YWJ/MlDz4t").parse::<Token>().expect("a token"));
    });
    criterion.bench_function("parse three tokens", |bencher| {
        bencher.iter(|| black_box("R|LzMT+XLFl5s|W|YWJ/MlDz4t|RW|Lq5HC1iGU1P28").parse::<Tokens>().expect("tokens"));
    });
    criterion.bench_function("a configuration with a generated client id", |bencher| {
        bencher.iter(|| builder().build().expect("valid"));
    });
}

fn names(criterion: &mut Criterion) {
    criterion.bench_function("build a client id", |bencher| {
        bencher.iter(|| ClientId::new(black_box("GID_bench"), black_box("device-0001")).expect("valid"));
    });
    criterion.bench_function("parse a client id", |bencher| {
        bencher.iter(|| ClientId::parse(black_box("GID_bench@@@device-0001")).expect("valid"));
    });
    criterion.bench_function("build a P2P topic", |bencher| {
        bencher.iter(|| p2p_topic(black_box("demo"), black_box("GID_bench@@@0001")).expect("valid"));
    });
    let topic = "demo/plant-7/line-3/sensor-42/temperature";
    for (name, filter) in [
        ("match a topic with itself", topic),
        ("match a topic with +", "demo/+/line-3/+/temperature"),
        ("match a topic with #", "demo/plant-7/#"),
        ("match a topic with another", "demo/plant-7/line-3/sensor-42/pressure"),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| topic_matches(black_box(filter), black_box(topic)));
        });
    }
    criterion.bench_function("make a text printable", |bencher| {
        bencher.iter(|| printable(black_box(topic)).to_string());
    });
}

fn messages(criterion: &mut Criterion) {
    let config = builder().build().expect("valid");
    let message = Outgoing::new("demo/plant-7/temperature", QoS::AtLeastOnce, [b'x'; 64]);
    criterion.bench_function("check the names and the packet size of a message", |bencher| {
        bencher.iter(|| config.check(black_box(&message)).expect("valid"));
    });
    criterion.bench_function("a message from bytes", |bencher| {
        bencher.iter(|| Outgoing::new(black_box("demo/plant-7/temperature"), QoS::AtLeastOnce, [b'x'; 64]));
    });
    let reading = serde_json::json!({ "sensor": 42, "celsius": 20.5, "at": "2024-05-01T12:00:00Z" });
    criterion.bench_function("a message from JSON", |bencher| {
        bencher.iter(|| Outgoing::json("demo/plant-7", QoS::AtLeastOnce, black_box(&reading)).expect("JSON"));
    });
}
