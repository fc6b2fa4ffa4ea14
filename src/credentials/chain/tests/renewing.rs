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
    // At once, not only when the next attempt is due.
    let error = at(&chain, end).expect_err("it has ended");
    assert!(error.to_string().contains("the RAM role of the ECS instance has no AccessKey any more"), "{error}");
    // The cause is that of the renewal, though nobody there would be nothing wrong in a search.
    assert!(error.is_retryable() && error.hint_key() == Some("api-nothing-listens"), "{error:?}");
    emulator.restart().expect("started");
    assert!(at(&chain, SystemTime::now()).is_ok());
}

#[test]
fn a_renewal_that_nobody_answers_is_a_timeout() {
    let home = Home::new();
    let now = SystemTime::now();
    let text = humantime::format_rfc3339_seconds(now + secs(400)).to_string();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        for body in ["token", "role", &scripted::key("STS.1", &text)] {
            let mut stream = listener.accept().expect("a connection").0;
            scripted::request(&mut stream);
            std::io::Write::write_all(&mut stream, scripted::answer("200 OK", body).as_bytes()).expect("written");
        }
        listener
    });
    let chain = home.chain(&[("ALIYUN_MQTT_METADATA_ENDPOINT", &url)]);
    assert_eq!(at(&chain, now).expect("a key").access_key_id(), "STS.1");
    let _silent = server.join().expect("answered");
    let error = at(&chain, now + secs(400)).expect_err("it has ended");
    assert!(error.is_timeout() && error.is_retryable(), "{error:?}");
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
fn one_who_cannot_wait_is_told_who_has_not_answered() {
    let home = Home::new();
    // The system accepts the connection, and nobody reads from it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &url)]);
    let (_asked, _) = first_accept(&chain, &listener);
    let error = chain.find_within(Duration::ZERO).expect_err("no time");
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout(Stage::Credentials), Some(Fate::NotSent)));
    assert!(error.to_string().contains("the credentials URI has not answered yet"), "{error}");
}

/// Starts a search, and waits for its request.
fn first_accept(chain: &AccessKeyChain, listener: &std::net::TcpListener) -> (std::net::TcpStream, Result<ChainKey>) {
    let first = chain.find_within(Duration::ZERO);
    (listener.accept().expect("a connection").0, first)
}

#[test]
fn a_renewal_that_hangs_leaves_its_caller_most_of_the_time_and_the_others_all_of_it() {
    let home = Home::new();
    let now = SystemTime::now();
    let text = humantime::format_rfc3339_seconds(now + secs(400)).to_string();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let chain = home.chain(&[("ALIBABA_CLOUD_CREDENTIALS_URI", &url)]);
    let asking = thread::spawn({
        let chain = chain.clone();
        move || at(&chain, now).expect("a key")
    });
    let mut stream = listener.accept().expect("a connection").0;
    scripted::request(&mut stream);
    let answer = scripted::answer("200 OK", &scripted::key("STS.1", &text));
    std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("written");
    assert_eq!(asking.join().expect("no panic").access_key_id(), "STS.1");
    drop(stream);
    // From here on, nobody answers.
    set_clock(&chain, now + secs(399));
    let start = Instant::now();
    assert_eq!(chain.find_within(Duration::from_millis(300)).expect("the old key").access_key_id(), "STS.1");
    assert!(start.elapsed() >= Duration::from_millis(100), "the renewal has its share");
    let search = lock(&chain.0.state).search.clone().expect("it goes on");
    assert_eq!(chain.find().expect("the old key").access_key_id(), "STS.1");
    assert!(search.wait(Instant::now()).is_none(), "nobody has waited for its end");
    // Once the key has ended, there is none, however the renewal fares.
    set_clock(&chain, now + secs(400));
    let error = chain.find_within(Duration::ZERO).expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Timeout(Stage::Credentials));
}

#[test]
fn all_who_wait_for_a_search_get_its_failure() {
    let home = Home::new();
    let chain = home.chain(&[]);
    let search = Arc::clone(lock(&chain.0.state).search.insert(Arc::default()));
    let before = Arc::strong_count(&search);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let chain = chain.clone();
            thread::spawn(move || chain.find().expect_err("no key"))
        })
        .collect();
    let end = Instant::now() + secs(60);
    while Arc::strong_count(&search) < before + 4 {
        assert!(Instant::now() < end, "nobody waits");
        thread::yield_now();
    }
    // In place of a search, which would fail in another way.
    drop(Searcher { inner: Arc::clone(&chain.0), network: Network::new(), search });
    for thread in threads {
        let error = thread.join().expect("no panic");
        assert!(error.to_string().contains("has ended early"), "{error}");
    }
    assert_eq!(refusal(&chain).missing_setting(), Some("access_key_id"), "the next one searches");
}

#[test]
fn a_corrected_file_is_read_again_once_its_key_is_in_doubt() {
    let home = Home::new();
    let ini = |secret: &str| format!("[default]\ntype=access_key\naccess_key_id=a\naccess_key_secret={secret}\n");
    home.write(".alibabacloud/credentials", &ini("geheim-1"));
    let chain = home.chain(&[]);
    chain.find().expect("a key");
    home.write(".alibabacloud/credentials", &ini("geheim-2"));
    assert_eq!(secret(&chain.find().expect("a key")).0, "geheim-1");
    assert!(chain.doubted());
    assert_eq!(secret(&chain.find().expect("a key")).0, "geheim-2");
    // A doubt alone takes nothing away.
    home.remove(".alibabacloud/credentials");
    assert!(chain.doubted());
    assert_eq!(secret(&chain.find().expect("a key")).0, "geheim-2");
}

#[test]
fn after_a_failure_of_the_network_the_next_renewal_asks_all_places() {
    let (home, emulator) = (Home::new(), emulator());
    let token = home.write("oidc-token", "geheim-oidc\n");
    let now = SystemTime::now();
    let text = humantime::format_rfc3339_seconds(now + secs(400)).to_string();
    let (uri, requests) = scripted::serve(vec![scripted::answer("200 OK", &scripted::key("STS.uri", &text))]);
    let sts = emulator.api_endpoint();
    emulator.stop().expect("stopped");
    let chain = home.chain(&[
        ("ALIBABA_CLOUD_ROLE_ARN", ARN),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER_ARN),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token),
        ("ALIYUN_MQTT_STS_ENDPOINT", &sts),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", &uri),
    ]);
    assert_eq!(at(&chain, now).expect("a key").provider(), "credential_uri");
    requests.join().expect("answered");
    emulator.restart().expect("started");
    assert_eq!(at(&chain, now + secs(390)).expect("a key").provider(), "oidc_role_arn");
}
