//! Things that break while the worker runs: the task fails with a message, the worker stays, nothing is lost.

use crate::broker;
use crate::process::{Place, lines, missing};

const CONNECTORS: [&str; 2] = ["source.properties", "sink.properties"];

/// A sink that cannot write `target` fails; a worker with a sane target then writes everything.
fn fails_and_loses_nothing(name: &str, target: &str, why: &str) {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, name);
    let text = lines(2_000);
    place.write("input.txt", &text);
    place.source();
    place.sink(target, "");
    let mut worker = place.start(&CONNECTORS);
    worker.until_logged("the task failed and stays so until it is restarted");
    let log = worker.log();
    assert!(log.contains(target) && log.contains(why), "{log}");
    assert!(worker.runs());
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");

    place.sink("output.txt", "");
    let mut worker = place.start(&CONNECTORS);
    worker.until("all lines", |_| missing(&text, &place.read("output.txt")).is_empty());
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(place.read("output.txt") == text, "the output is not the input: {log}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_the_task_and_loses_nothing() {
    fails_and_loses_nothing("full", "/dev/full", "No space left on device");
}

#[cfg(target_os = "linux")]
#[test]
fn a_target_that_cannot_be_written_fails_the_task_and_loses_nothing() {
    fails_and_loses_nothing("readonly", "/proc/version", "/proc/version'");
}

#[test]
fn a_target_that_cannot_be_opened_fails_the_task_and_loses_nothing() {
    fails_and_loses_nothing("directory", "missing/output.txt", "No such file or directory");
}

#[test]
fn broken_json_is_named_with_topic_partition_and_offset() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "json");
    place.write("input.txt", "{\"good\": 1}\n{\"good\": 2}\n{\"broken\": \n{\"good\": 3}\n");
    place.source();
    let json = "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
                value.converter.schemas.enable=false\n";
    place.sink("output.txt", json);
    let mut worker = place.start(&CONNECTORS);
    worker.until_logged("the task failed and stays so until it is restarted");
    let log = worker.log();
    let failure = log.split("the task failed").nth(1).unwrap();
    for part in [place.name.as_str(), "partition", "offset"] {
        assert!(failure.contains(part), "{part}: {log}");
    }
    assert!(worker.runs());
    assert_eq!(worker.terminate().0, 0);

    // Tolerated, the broken one is skipped and counted, and the others arrive.
    place.sink("output.txt", &format!("{json}errors.tolerance=all\nerrors.log.enable=true\n"));
    let mut worker = place.start(&CONNECTORS);
    worker.until("the good ones", |_| place.read("output.txt").ends_with("{good=3}\n"));
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("failed=1"), "{log}");
    assert_eq!(missing("{good=1}\n{good=2}\n{good=3}\n", &place.read("output.txt")), [""; 0]);
}
