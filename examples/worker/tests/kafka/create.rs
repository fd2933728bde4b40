//! Connector files that are wrong: exit code 3, and a message that names file, connector and key.

use crate::broker;
use crate::process::Place;

/// What the worker answers to one connector file.
fn answer(place: &Place, file: &str, text: &str) -> String {
    place.write(file, text);
    let (code, log) = place.start(&[file]).end();
    assert_eq!(code, 3, "{log}");
    log
}

#[test]
fn all_problems_of_a_connector_are_said_together() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "problems");
    let log = answer(
        &place,
        "c.properties",
        "name=bad\nconnector.class=FileStreamSource\nfile=x\nbatch.size=-3\ntransforms=m\n\
         transforms.m.type=Nope\nerrors.tolerance=some\ntasks.max=many\n",
    );
    for problem in [
        "Connector bad, from 'c.properties'",
        "Missing required configuration \"topic\"",
        "Invalid value -3 for configuration batch.size",
        "Invalid value Nope for configuration transforms.m.type",
        "Invalid value some for configuration errors.tolerance",
        "Invalid value many for configuration tasks.max",
    ] {
        assert!(log.contains(problem), "{problem}: {log}");
    }
    assert!(!log.contains("/connector-plugins/"), "{log}");
}

#[test]
fn an_unknown_class_gets_a_suggestion() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "unknown");
    let log = answer(&place, "c.properties", "name=bad\nconnector.class=FileStreamSorce\n");
    assert!(log.contains("FileStreamSorce") && log.contains("Did you mean FileStreamSource?"), "{log}");
}

#[test]
fn a_sink_without_topics_is_told_which_keys_to_set() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "topicless");
    let log = answer(&place, "c.properties", "name=bad\nconnector.class=FileStreamSink\nfile=x\n");
    assert!(log.contains("Must configure one of topics or topics.regex"), "{log}");
}

#[test]
fn a_file_without_name_or_with_broken_json_is_named() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "nameless");
    let log = answer(&place, "c.properties", "connector.class=FileStreamSink\n");
    let text = "Connector configuration at 'c.properties' is missing the mandatory 'name' configuration";
    assert!(log.contains(text), "{log}");
    let log = answer(&place, "c.json", "{\"name\": ");
    assert!(log.contains("Configuration file 'c.json': not valid JSON"), "{log}");
}

#[test]
fn a_connector_that_fails_stops_those_before_it_too() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "second");
    place.write("input.txt", "");
    place.source();
    place.write("bad.properties", "name=bad\nconnector.class=FileStreamSink\n");
    let (code, log) = place.start(&["source.properties", "bad.properties"]).end();
    assert_eq!(code, 3, "{log}");
    assert!(log.contains("created connector="), "{log}");
    assert!(log.contains("Connector bad, from 'bad.properties'"), "{log}");
}

#[test]
fn an_offset_file_that_cannot_be_made_is_a_failed_start() {
    let Some(broker) = broker() else { return };
    let place = Place::new(&broker, "offsets");
    let worker = place.read("worker.properties").replace("connect.offsets", "missing/connect.offsets");
    place.write("worker.properties", &worker);
    let (code, log) = place.start(&[]).end();
    assert_eq!(code, 3, "{log}");
    assert!(log.contains("missing/connect.offsets"), "{log}");
}
