//! The command line, the lists of plugins, the reference pages.

use std::path::Path;

use crate::{Answer, run};

fn here(args: &[&str]) -> Answer {
    run(Path::new("."), args)
}

#[test]
fn help_names_every_command_and_shows_examples() {
    let answer = here(&["--help"]);
    assert_eq!(answer.code, 0);
    for word in
        ["standalone", "explain", "dlq", "plugins", "docs", "Examples:", "offset.storage.file.filename="]
    {
        assert!(answer.stdout.contains(word), "{word}: {answer:?}");
    }
}

#[test]
fn standalone_without_arguments_or_asked_for_help_ends_with_1_as_kafkas_script_does() {
    for args in
        [&[][..], &["standalone"], &["standalone", "--help"], &["standalone", "a.properties", "--help"]]
    {
        let answer = here(args);
        assert_eq!(answer.code, 1, "{args:?}");
        assert!(format!("{}{}", answer.stdout, answer.stderr).contains("Usage:"), "{answer:?}");
    }
}

#[test]
fn an_unknown_option_or_log_level_ends_with_1_and_is_named() {
    let answer = here(&["standalone", "a.properties", "--loud"]);
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("--loud"), "{answer:?}");
    let answer = here(&["standalone", "a.properties", "--log-level", "a=loud"]);
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.starts_with("--log-level: `a=loud` is no log level"), "{answer:?}");
}

#[test]
fn plugins_are_listed_with_their_java_classes() {
    let answer = here(&["plugins"]);
    assert_eq!(answer.code, 0);
    let line = answer.stdout.lines().find(|line| line.contains(" FileStreamSource ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    assert_eq!(words, ["source", "FileStreamSource", env!("CARGO_PKG_VERSION"), class]);
    for name in ["FileStreamSink", "DatagenSource", "JsonConverter", "MaskField$Value", "RecordIsTombstone"] {
        assert!(answer.stdout.contains(&format!(" {name} ")), "{name}");
    }
}

#[test]
fn a_plugin_is_found_under_its_java_class_and_shows_its_keys() {
    let answer = here(&["plugins", "org.apache.kafka.connect.file.FileStreamSourceConnector"]);
    assert_eq!(answer.code, 0);
    let line = answer.stdout.lines().find(|line| line.starts_with("topic ")).unwrap();
    assert!(line.contains("(must be set)"), "{line}");
    assert!(answer.stdout.contains("    The topic to publish data to.\n"), "{}", answer.stdout);
}

#[test]
fn a_converter_of_everything_is_described_once() {
    let answer = here(&["plugins", "JsonConverter"]);
    assert_eq!(answer.stdout.matches("schemas.cache.size").count(), 1, "{}", answer.stdout);
    assert!(answer.stdout.starts_with("JsonConverter (converter for keys, values and headers, version "));
}

#[test]
fn the_worker_has_a_page_of_its_own() {
    let answer = here(&["plugins", "worker"]);
    assert_eq!(answer.code, 0);
    assert!(answer.stdout.contains("offset.storage.file.filename"), "{}", answer.stdout);
}

#[test]
fn an_unknown_plugin_ends_with_1_and_a_suggestion() {
    let answer = here(&["plugins", "FileStreamSorce"]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.stderr, "There is no plugin FileStreamSorce. Did you mean FileStreamSource?\n");
}

#[test]
fn the_reference_is_written_as_pages() {
    let directory = tempfile::tempdir().unwrap();
    let answer = run(directory.path(), &["docs", "reference"]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let read = |page: &str| std::fs::read_to_string(directory.path().join("reference").join(page)).unwrap();
    assert!(read("worker.md").contains("## `offset.flush.interval.ms`"));
    assert!(read("sink-connectors.md").contains("## `errors.deadletterqueue.topic.name`"));
    assert!(read("sources.md").contains("## `FileStreamSource`"));
}

#[test]
fn a_replay_of_everything_has_to_be_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("worker.properties"), "bootstrap.servers=127.0.0.1:1\n").unwrap();
    let answer = run(directory.path(), &["dlq", "replay", "worker.properties", "dead"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains("or --all"), "{answer:?}");
    let answer = run(directory.path(), &["dlq", "show", "worker.properties", "dead", "--at", "17"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    assert!(answer.stderr.contains("`17` is no partition and offset such as 0:17"), "{answer:?}");
    let answer = run(directory.path(), &["dlq", "list", "no-such.properties", "dead"]);
    assert_eq!(answer.code, 2, "{answer:?}");
}

#[test]
fn a_reader_who_has_enough_ends_the_program_without_complaint() {
    use std::process::{Command, Stdio};

    let mut child = Command::new(env!("CARGO_BIN_EXE_connect-worker"))
        .arg("plugins")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(0));
}
