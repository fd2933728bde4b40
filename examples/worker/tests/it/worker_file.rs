//! Worker files that are wrong: exit code 2, and a message that names file and key.

use std::fs;

use crate::{Answer, run};

fn with(worker: &str) -> Answer {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("worker.properties"), worker).unwrap();
    run(directory.path(), &["standalone", "worker.properties", "--log-level", "off"])
}

#[test]
fn a_file_that_is_missing_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let answer = run(directory.path(), &["standalone", "nowhere.properties"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("Could not read configuration file 'nowhere.properties'"), "{answer:?}");
    assert!(answer.stderr.contains("No such file"), "{answer:?}");
}

#[test]
fn a_malformed_file_is_named_with_the_line() {
    let answer = with("a=b\nkey=\\uzzzz\n");
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("Configuration file 'worker.properties': Line 2"), "{answer:?}");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let answer = with(
        "bootstrap.servers=localhost:1\nkey.converter=org.example.Nope\nvalue.converter=JsonConverter\n\
         value.converter.schemas.enable=maybe\noffset.flush.interval.ms=soon\n",
    );
    assert_eq!(answer.code, 2);
    for problem in [
        "from 'worker.properties'",
        "Invalid value soon for configuration offset.flush.interval.ms",
        "Missing required configuration \"offset.storage.file.filename\"",
        "Invalid value org.example.Nope for configuration key.converter",
        "value.converter.schemas.enable",
    ] {
        assert!(answer.stderr.contains(problem), "{problem}: {}", answer.stderr);
    }
}

#[test]
fn an_empty_first_argument_means_no_worker_properties() {
    let directory = tempfile::tempdir().unwrap();
    let answer = run(directory.path(), &["standalone", ""]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("\"bootstrap.servers\""), "{answer:?}");
}

#[test]
fn kafka_that_cannot_be_reached_is_named_with_its_address() {
    let answer = with(
        "bootstrap.servers=localhost:1\nkey.converter=StringConverter\nvalue.converter=StringConverter\n\
         offset.storage.file.filename=x.offsets\n",
    );
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("could not reach Kafka"), "{answer:?}");
    assert!(answer.stderr.contains("localhost:1"), "{answer:?}");
    assert_eq!(answer.stderr.matches("Connection refused").count(), 1, "{answer:?}");
}

#[test]
fn a_config_provider_that_does_not_exist_is_named() {
    let answer = with(
        "bootstrap.servers=localhost:1\nkey.converter=StringConverter\nvalue.converter=StringConverter\n\
         offset.storage.file.filename=x.offsets\nconfig.providers=vault\n\
         config.providers.vault.class=org.example.Vault\n",
    );
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("vault") && answer.stderr.contains("org.example.Vault"), "{answer:?}");
}

#[test]
fn worker_values_may_come_from_a_config_provider() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("secrets.properties"), "servers=localhost:1\n").unwrap();
    let worker = format!(
        "bootstrap.servers=${{file:{}:servers}}\nkey.converter=StringConverter\nvalue.converter=StringConverter\n\
         offset.storage.file.filename=x.offsets\nconfig.providers=file\n\
         config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n",
        at("secrets.properties").display()
    );
    fs::write(at("worker.properties"), worker).unwrap();
    let answer = run(directory.path(), &["standalone", "worker.properties", "--log-level", "off"]);
    assert_eq!(answer.code, 2);
    assert!(answer.stderr.contains("could not reach Kafka"), "{answer:?}");
}
