//! `--output-dir`.

use super::*;

#[test]
fn each_payload_becomes_a_file_of_its_own() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "files");
    let into = folder.path("in");
    waiting(&emulator, &topic, &[b"\0\xff", b"", b"\0\xff"]);
    let arguments = ["--output-dir", into.to_str().unwrap(), "--fsync", "-C", "2"];
    let output = run_keeper(&emulator, &topic, &arguments).expect(0);
    let mut paths: Vec<String> = output.lines().into_iter().map(str::to_string).collect();
    let last = run_keeper(&emulator, &topic, &[&arguments[..3], &["-C", "1", "--json"]].concat()).expect(0);
    let object: Value = serde_json::from_str(last.text()).unwrap();
    assert!(object.get("payload").is_none() && object.get("payload_b64").is_none());
    paths.push(object["path"].as_str().unwrap().to_string());
    let contents: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(contents, [&b"\0\xff"[..], b"", b"\0\xff"]);
    let mut there: Vec<_> = std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().path()).collect();
    there.sort();
    assert_eq!(there, paths.iter().map(Into::into).collect::<Vec<std::path::PathBuf>>(), "nothing else; in order");
    assert!(paths[0].ends_with("-emulator_files"), "{paths:?}");
}

#[test]
fn a_file_that_cannot_be_written_leaves_its_message_unacknowledged() {
    let emulator = emulator();
    let folder = Folder::new();
    let topic = topic(&emulator, "files");
    waiting(&emulator, &topic, &[b"1"]);
    let file = folder.write("file", "");
    let output = run_keeper(&emulator, &topic, &["--output-dir", file.to_str().unwrap()]).expect(1);
    assert!(output.stderr.contains("cannot create the directory"), "{}", output.stderr);
    expect_left(&emulator, &topic, &["1"]);
}

#[test]
fn no_topic_leads_out_of_the_folder() {
    let Some(mosquitto) = support::mosquitto::Mosquitto::start() else { return };
    let folder = Folder::new();
    let into = folder.path("in");
    let topics = ["demo/../../../up", "demo//abs", "demo/$(touch x)", "demo/a b;*?", "demo/é", "demo/.hidden"];
    let keep = ["sub", "-c", "--device-id", DEVICE, "-t", "demo/#"];
    run(mosquitto.with(), [&keep[..], &["-E"]].concat()).expect(0);
    for topic in topics {
        mosquitto.publish(&["-q", "1", "-t", topic, "-m", topic]);
    }
    let count = topics.len().to_string();
    let arguments = [&keep[..], &["-C", &count, "--output-dir", into.to_str().unwrap()]].concat();
    let output = run(mosquitto.with(), arguments).expect(0);
    for (path, topic) in output.lines().into_iter().zip(topics) {
        assert_eq!(std::path::Path::new(path).parent(), Some(into.as_path()), "{path}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), topic);
    }
    assert_eq!(std::fs::read_dir(&into).unwrap().count(), topics.len());
    assert_eq!(std::fs::read_dir(folder.as_path()).unwrap().count(), 1);
}
