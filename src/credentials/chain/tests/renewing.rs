//! The renewal of temporary keys, with a clock of the test's own.

use super::*;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A chain that finds the role of an emulator, whose keys live for six hours.
fn of_machine(home: &Home, emulator: &Emulator) -> AccessKeyChain {
    home.chain(&[("ALIYUN_MQTT_METADATA_ENDPOINT", &emulator.api_endpoint())])
}

#[test]
fn a_key_is_renewed_a_quarter_of_an_hour_before_it_ends() {
    let (home, emulator) = (Home::new(), emulator());
    let chain = of_machine(&home, &emulator);
    let first = chain.find().expect("a key");
    let end = first.expires().expect("it ends");
    let same = at(&chain, end - secs(901)).expect("a key");
    assert_eq!(same.access_key_id(), first.access_key_id());
    // The clock of the service is where that of the client is said to be.
    let skew = (end - secs(900)).duration_since(SystemTime::now()).expect("later").as_secs();
    emulator.set_clock_skew(i64::try_from(skew).expect("small"));
    let second = at(&chain, end - secs(900)).expect("a key");
    assert_ne!(second.access_key_id(), first.access_key_id());
    assert!(second.expires().is_some_and(|end| end > first.expires().expect("it ends") + secs(5 * 3600)));
}

#[test]
fn a_short_key_is_renewed_after_three_quarters_of_its_life() {
    let home = Home::new();
    let (now, text) = (SystemTime::now(), |end| humantime::format_rfc3339_seconds(end).to_string());
    let (url, requests) = scripted::serve(vec![
        scripted::answer("200 OK", &scripted::key("STS.1", &text(now + secs(400)))),
        scripted::answer("200 OK", &scripted::key("STS.2", &text(now + secs(800)))),
    ]);
    let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &url)]);
    let id = |seconds| at(&chain, now + secs(seconds)).expect("a key").access_key_id().to_string();
    assert_eq!((id(0), id(290), id(305)), ("STS.1".to_string(), "STS.1".to_string(), "STS.2".to_string()));
    assert_eq!(requests.join().expect("answered").len(), 2);
}

#[test]
fn a_renewal_that_fails_is_no_error_until_the_key_ends_and_no_other_place_is_asked() {
    let (home, emulator) = (Home::new(), emulator());
    let chain = of_machine(&home, &emulator);
    let first = chain.find().expect("a key");
    let end = first.expires().expect("it ends");
    emulator.stop().expect("stopped");
    // The official SDKs stay with the place that has given a key, too.
    home.write(".alibabacloud/credentials", "[default]\ntype=access_key\naccess_key_id=a\naccess_key_secret=geheim\n");
    for before in [900, 600, 1] {
        let kept = at(&chain, end - secs(before)).expect("the old key");
        assert_eq!(kept.access_key_id(), first.access_key_id());
    }
    let error = at(&chain, end + secs(RETRY.as_secs())).expect_err("it has ended");
    assert!(error.to_string().contains("the RAM role of the ECS instance has no AccessKey any more"), "{error}");
    emulator.restart().expect("started");
    assert!(at(&chain, SystemTime::now()).is_ok());
}

#[test]
fn a_key_that_a_service_refuses_is_replaced_at_the_next_use() {
    let (home, emulator) = (Home::new(), emulator());
    let chain = of_machine(&home, &emulator);
    let first = chain.find().expect("a key");
    assert!(chain.refused(first.key()) && !chain.refused(&AccessKey { id: "other".into(), ..first.key().clone() }));
    let second = chain.find().expect("a key");
    assert_ne!(second.access_key_id(), first.access_key_id());
    assert!(!chain.refused(first.key()), "another thread was faster");
    let given = home.chain(&[("ALIBABA_CLOUD_ACCESS_KEY_ID", "a"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "geheim")]);
    assert!(!given.refused(given.find().expect("a key").key()), "there is no other");
}

#[test]
fn threads_that_need_a_key_at_once_share_one_search() {
    let (home, emulator) = (Home::new(), emulator());
    let chain = of_machine(&home, &emulator);
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (chain, start) = (chain.clone(), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                chain.find().expect("a key").access_key_id().to_string()
            })
        })
        .collect();
    let mut ids: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[test]
fn a_thread_does_not_wait_past_its_deadline_for_the_search_of_another() {
    let home = Home::new();
    let chain = home.chain(&[]);
    lock(&chain.0.state).busy = true;
    let error = chain.find_at(Instant::now(), SystemTime::now()).expect_err("busy");
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Credentials));
}
