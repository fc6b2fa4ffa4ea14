//! The file: its restored messages, and the handling of a damaged, foreign or locked one.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadableDatabase, TableDefinition};

use super::format::Record;
use super::*;
use crate::error::ErrorKind;
use crate::{Config, Credentials, QoS};

/// A temporary directory, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("aliyun-mqtt-spool-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // In memory where the system has such a place: a thousand openings would be a thousand fsyncs.
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = parent.join(name);
        fs::create_dir(&path).expect("a new directory");
        Dir(path)
    }

    fn spool(&self) -> Spool {
        Spool::at(self.0.join("spool"))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn config_for(instance: &str, endpoint: &str) -> Config {
    Config::builder()
        .endpoint(endpoint)
        .instance_id(instance)
        .group_id("GID_test")
        .credentials(Credentials::signature("key", "secret"))
        .build()
        .expect("a good configuration")
}

fn config() -> Config {
    config_for("post-cn-test", "mqtt://127.0.0.1:1883")
}

fn try_open(spool: &Spool) -> Result<Opened> {
    open(spool, &config(), std::time::Instant::now() + Duration::from_secs(60))
}

fn record(key: u64, payload: &str) -> (u64, Vec<u8>) {
    let payload = payload.as_bytes();
    let record =
        Record { qos: QoS::AtLeastOnce, accepted: wall_clock(), limit: 0, topic: "demo/t", properties: &[], payload };
    (key, record.encode(key))
}

fn payloads(restored: &[Restored]) -> Vec<String> {
    restored.iter().map(|restored| String::from_utf8_lossy(&restored.message.payload).into_owned()).collect()
}

/// A spool with three records of these payloads, cleanly closed.
fn filled(spool: &Spool) {
    let mut store = try_open(spool).expect("a new spool").store;
    store.commit(&[], &[record(1, "gone"), record(2, "one"), record(3, "two")]).expect("written");
    store.commit(&[1], &[record(4, "three")]).expect("written");
    store.close().expect("closed");
}

const KEPT: [&str; 3] = ["one", "two", "three"];

#[test]
fn what_was_committed_comes_back_in_order_whether_closed_or_not() {
    for close in [true, false] {
        let dir = Dir::new();
        filled(&dir.spool());
        let mut store = try_open(&dir.spool()).expect("again").store;
        store.commit(&[3], &[record(9, "four")]).expect("written");
        let copy = dir.0.join("copy");
        if close {
            store.close().expect("closed");
        }
        // Without a close, like the file of a killed process.
        fs::copy(dir.spool().path(), &copy).expect("copied");
        drop(store);
        let opened = try_open(&Spool::at(&copy)).expect("good");
        assert_eq!(payloads(&opened.restored), ["one", "three", "four"]);
        assert_eq!(opened.restored.iter().map(|restored| restored.key).collect::<Vec<_>>(), [2, 4, 9]);
        assert!(opened.restored.iter().all(|restored| restored.limit.is_none() && restored.message.topic == "demo/t"));
    }
}

#[test]
fn lazy_policies_write_all_the_same() {
    for policy in [SyncPolicy::System, SyncPolicy::Interval(Duration::from_secs(3600))] {
        let dir = Dir::new();
        let spool = dir.spool().sync(policy);
        let mut store = try_open(&spool).expect("new").store;
        store.commit(&[], &[record(1, "x")]).expect("written");
        let copy = dir.0.join("copy");
        fs::copy(spool.path(), &copy).expect("copied");
        assert_eq!(payloads(&try_open(&Spool::at(copy)).expect("good").restored), ["x"], "{policy:?}");
        store.sync().expect("synced");
    }
}

#[test]
fn one_at_a_time() {
    let dir = Dir::new();
    let first = try_open(&dir.spool()).expect("new");
    let second = try_open(&dir.spool()).err().expect("in use");
    assert_eq!((second.kind(), second.stage()), (ErrorKind::Spool, Some(crate::Stage::Spool)));
    assert!(second.to_string().contains("in use by another"), "{second}");
    drop(first);
    try_open(&dir.spool()).expect("free again");
}

#[test]
fn another_instance_or_endpoint_is_refused_and_both_are_named() {
    let dir = Dir::new();
    filled(&dir.spool());
    let far = std::time::Instant::now() + Duration::from_secs(60);
    for (instance, endpoint) in [("post-cn-other", "mqtt://127.0.0.1:1883"), ("post-cn-test", "mqtt://127.0.0.1:1884")]
    {
        let spool = dir.spool().set_aside_damaged(true);
        let error = open(&spool, &config_for(instance, endpoint), far).err().expect("another's");
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        for part in ["\"post-cn-test\" at mqtt://127.0.0.1:1883,", &format!("\"{instance}\" at {endpoint}")] {
            assert!(text.contains(part), "{text}");
        }
    }
    assert_eq!(payloads(&try_open(&dir.spool()).expect("its own").restored), KEPT);
    assert_eq!(dir.names(), ["spool", "spool.lock"], "it is not damaged");
}

/// Opens a damaged file, first without permission to set it aside, then with it.
fn assert_damaged(what: &str, bytes: &[u8]) {
    let dir = Dir::new();
    fs::write(dir.spool().path(), bytes).expect("written");
    let Err(error) = try_open(&dir.spool()) else { panic!("{what}: opened") };
    assert_eq!(error.kind(), ErrorKind::Spool, "{what}: {error}");
    let text = error.to_string();
    assert!(
        text.contains("damaged") && text.contains("set_aside_damaged") && text.contains("/spool"),
        "{what}: {text}"
    );
    assert_eq!(dir.names(), ["spool", "spool.lock"], "{what}");

    let opened = try_open(&dir.spool().set_aside_damaged(true)).expect("set aside");
    assert!(opened.restored.is_empty());
    let Opened { store, set_aside, .. } = opened;
    let (path, reason) = set_aside.expect("reported");
    assert_eq!(reason.kind(), ErrorKind::Spool);
    assert!(path.to_string_lossy().contains("/spool.damaged-"), "{}", path.display());
    assert!(fs::metadata(&path).is_ok_and(|kept| kept.len() > 0 || bytes.is_empty()), "{what}: it is kept");
    drop(store);
    assert!(try_open(&dir.spool()).expect("a new one").set_aside.is_none());
}

#[test]
fn foreign_files_are_reported_and_left_alone_or_set_aside() {
    assert_damaged("empty", b"");
    assert_damaged("text", b"These are somebody's notes.\n");
    assert_damaged("long text", &b"notes ".repeat(10_000));
    let dir = Dir::new();
    let other = dir.0.join("other");
    let database = Database::create(&other).expect("somebody else's database");
    let change = database.begin_write().expect("begun");
    change.open_table(TableDefinition::<&str, u64>::new("header")).expect("a table").insert("x", 1).expect("put");
    change.commit().expect("committed");
    drop(database);
    assert_damaged("a foreign database", &fs::read(&other).expect("read"));
}

#[test]
fn a_cut_file_is_noticed_at_every_length() {
    let dir = Dir::new();
    filled(&dir.spool());
    let good = fs::read(dir.spool().path()).expect("read");
    let step = good.len() / 40;
    for length in (0..good.len()).step_by(step).chain([1, 4095, 4096, 8192, good.len() - 1]) {
        assert_damaged(&format!("cut to {length} of {}", good.len()), &good[..length]);
    }
}

/// Opens this file: returns `None` if damage was found, else its messages.
fn outcome(dir: &Dir, bytes: &[u8]) -> Option<Vec<String>> {
    let spool = dir.spool();
    fs::write(spool.path(), bytes).expect("written");
    match try_open(&spool) {
        Ok(opened) => Some(payloads(&opened.restored)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Spool, "{error}");
            None
        }
    }
}

/// Flips bytes all over a file, and checks that no record is lost silently.
fn flip_everywhere(dir: &Dir) {
    let bytes = fs::read(dir.spool().path()).expect("read");
    let mark = fs::read(dir.0.join("spool.lock")).expect("read");
    // The header with its two commit slots; elsewhere, the used places and some unused ones.
    let header = (0..320).map(|at| (at, 0xff)).chain((0..8).map(|bit| (9, 1 << bit)));
    let used: Vec<usize> = (320..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let rest = used.iter().copied().step_by((used.len() / 100).max(1));
    let empty = (320..bytes.len()).step_by(bytes.len() / 20);
    let mut found = 0;
    let mut lost = Vec::new();
    for (at, mask) in header.chain(rest.chain(empty).map(|at| (at, 1))) {
        let mut bad = bytes.to_vec();
        bad[at] ^= mask;
        fs::write(dir.0.join("spool.lock"), &mark).expect("written");
        match outcome(dir, &bad) {
            None => found += 1,
            Some(held) if held == KEPT => {}
            Some(held) => lost.push((at, mask, held)),
        }
    }
    assert!(lost.is_empty(), "{} flips lost something: {lost:?}", lost.len());
    assert!(found > 50, "{found} found");
}

#[test]
fn flipped_bytes_of_a_closed_file_lose_nothing_unnoticed() {
    let dir = Dir::new();
    filled(&dir.spool());
    flip_everywhere(&dir);
}

#[test]
fn flipped_bytes_of_a_file_that_was_not_closed_lose_nothing_unnoticed() {
    let dir = Dir::new();
    filled(&dir.spool());
    let mut store = try_open(&dir.spool()).expect("again").store;
    store.commit(&[4], &[]).expect("written");
    store.commit(&[], &[record(4, "three")]).expect("written");
    // A killed process closes nothing.
    let killed = Dir::new();
    for name in ["spool", "spool.lock"] {
        fs::copy(dir.0.join(name), killed.0.join(name)).expect("copied");
    }
    drop(store);
    flip_everywhere(&killed);
}

#[test]
fn a_damaged_record_is_noticed_though_the_database_is_sound() {
    let dir = Dir::new();
    let mut store = try_open(&dir.spool()).expect("new").store;
    let (_, bytes) = record(1, "moved");
    store.commit(&[], &[(2, bytes)]).expect("written");
    store.close().expect("closed");
    drop(store);
    let error = try_open(&dir.spool()).err().expect("damaged");
    assert!(error.to_string().contains("record 2 does not match its checksum"), "{error}");
}

#[test]
fn a_directory_that_is_missing_is_named() {
    let dir = Dir::new();
    let error = try_open(&Spool::at(dir.0.join("missing/spool"))).err().expect("no directory");
    assert_eq!(error.kind(), ErrorKind::Spool);
    assert!(error.to_string().contains("its directory must exist"), "{error}");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let _opened = try_open(&dir.spool()).expect("new");
    assert_eq!(fs::metadata(dir.spool().path()).expect("there").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_size_of_the_file_stays_in_bounds() {
    let dir = Dir::new();
    let mut store = try_open(&dir.spool()).expect("new").store;
    let payload = "x".repeat(1000);
    for round in 0..60u64 {
        let added: Vec<_> = (0..30).map(|n| record(round * 30 + n, &payload)).collect();
        let removed: Vec<u64> = if round > 9 { ((round - 10) * 30..(round - 9) * 30).collect() } else { Vec::new() };
        store.commit(&removed, &added).expect("written");
    }
    // Three hundred records at a time, a third of a megabyte.
    let size = fs::metadata(dir.spool().path()).expect("there").len();
    assert!(size < 3_000_000, "{size}");
    drop(store);
    let database = Database::open(dir.spool().path()).expect("closed");
    database.begin_read().expect("sound");
}

#[test]
fn ranges_are_checked() {
    let build = |spool: Spool| {
        let builder = Config::builder().endpoint("mqtt://127.0.0.1:1883").instance_id("i").group_id("GID_test");
        builder.credentials(Credentials::signature("key", "secret")).spool(spool).build()
    };
    build(Spool::at("a/b").max_bytes(1).sync(SyncPolicy::Interval(Duration::from_millis(1)))).expect("good");
    for bad in [
        Spool::at("a").max_bytes(0),
        Spool::at(""),
        Spool::at("/"),
        Spool::at("a").sync(SyncPolicy::Interval(Duration::ZERO)),
        Spool::at("a").sync(SyncPolicy::Interval(Duration::from_secs(3601))),
    ] {
        assert_eq!(build(bad.clone()).expect_err("refused").kind(), ErrorKind::Config, "{bad:?}");
    }
}

#[cfg(unix)]
#[test]
fn the_lock_file_is_its_owners_only_and_no_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = Dir::new();
    drop(try_open(&dir.spool()).expect("opens"));
    let lock = dir.0.join("spool.lock");
    assert_eq!(fs::metadata(&lock).expect("it is there").permissions().mode() & 0o777, 0o600);
    let other = dir.0.join("other");
    for content in [Some("precious"), None] {
        fs::remove_file(&lock).expect("removed");
        match content {
            Some(content) => fs::write(&other, content).expect("written"),
            None => fs::remove_file(&other).expect("removed"),
        }
        symlink(&other, &lock).expect("a link");
        let error = try_open(&dir.spool()).err().expect("a link is refused");
        assert!(error.to_string().contains("spool.lock") && error.to_string().contains("symbolic link"), "{error}");
        assert_eq!(fs::read_to_string(&other).ok().as_deref(), content, "where it leads to");
    }
}

#[test]
fn a_spool_that_has_lost_its_lock_file_is_noticed_once() {
    let dir = Dir::new();
    let without_lock_file = |spool: &Spool| try_open(spool).expect("opens").without_lock_file;
    assert!(!without_lock_file(&dir.spool()), "it is new");
    // Killed before its commits were noted: the file was not moved.
    let lazy = dir.spool().sync(SyncPolicy::System);
    let mut store = try_open(&lazy).expect("opens").store;
    store.commit(&[], &[record(1, "one")]).expect("written");
    let killed = Dir::new();
    for name in ["spool", "spool.lock"] {
        fs::copy(dir.0.join(name), killed.0.join(name)).expect("copied");
    }
    drop(store);
    assert!(!without_lock_file(&killed.spool()));

    let moved = Dir::new();
    fs::copy(killed.0.join("spool"), moved.0.join("spool")).expect("copied");
    assert!(without_lock_file(&moved.spool()));
    assert!(!without_lock_file(&moved.spool()), "from then on it has one");
    // The lock file of another spool does not count.
    let other = Dir::new();
    drop(try_open(&other.spool()).expect("opens"));
    fs::copy(killed.0.join("spool"), other.0.join("spool")).expect("copied");
    assert!(without_lock_file(&other.spool()));
}
