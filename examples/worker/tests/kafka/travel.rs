//! File to topic to file: nothing is lost, whatever happens to the worker.

use std::fs::File;
use std::io::Write as _;

use crate::broker;
use crate::process::{Place, lines, missing};

const CONNECTORS: [&str; 2] = ["source.properties", "sink.properties"];

#[test]
fn a_file_comes_out_byte_for_byte_and_sigterm_ends_cleanly() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "travel");
    let text = lines(30_000);
    place.write("input.txt", &text);
    place.source();
    place.sink("output.txt", "");
    let mut worker = place.start(&CONNECTORS);
    worker.until("all lines", |_| place.read("output.txt").len() >= text.len());
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(place.read("output.txt") == text, "the output is not the input");
    assert_eq!(log.matches("read=30000 delivered=30000 dropped=0 failed=0").count(), 2, "{log}");
    assert!(!log.contains("ERROR"), "{log}");

    // What was committed does not come again.
    let mut worker = place.start(&CONNECTORS);
    File::options().append(true).open(place.path("input.txt")).unwrap().write_all(b"one more\n").unwrap();
    worker.until("one more line", |_| place.read("output.txt").ends_with("one more\n"));
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert!(place.read("output.txt") == text + "one more\n", "lines came again");
}

#[test]
fn nothing_is_lost_when_the_worker_is_killed_on_the_way() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "killed");
    let text = lines(100_000);
    place.write("input.txt", &text);
    place.source();
    // The group waits so long for a member that was killed; it is the shortest time that Kafka allows.
    place.sink("output.txt", "consumer.override.session.timeout.ms=6000\n");
    for share in [0.05, 0.3, 0.6] {
        let mut worker = place.start(&CONNECTORS);
        let size = (text.len() as f64 * share) as usize;
        worker.until("a part of the lines", |_| place.read("output.txt").len() >= size);
        worker.kill();
    }
    let mut worker = place.start(&CONNECTORS);
    worker.until("all lines", |_| missing(&text, &place.read("output.txt")).is_empty());
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    let output = place.read("output.txt");
    println!("{} lines came more than once", output.lines().count() - text.lines().count());
    let foreign = missing(&output, &text);
    // A line that was being written when the worker was killed stays cut off.
    assert!(foreign.len() <= 3, "{foreign:?}");
}

#[test]
fn a_source_file_may_come_later() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "later");
    place.source();
    place.sink("output.txt", "");
    let mut worker = place.start(&CONNECTORS);
    worker.until_logged("input.txt");
    worker.until("the sink is created", |worker| worker.log().matches("created connector=").count() == 2);
    place.write("input.txt", "at last\n");
    worker.until("the line", |_| place.read("output.txt") == "at last\n");
    assert_eq!(worker.terminate().0, 0);
}
