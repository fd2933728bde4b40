//! A topic into SQLite, offsets in the database: each record once, whatever is killed.

use rusqlite::Connection;

use crate::broker;
use crate::process::{Place, Worker};

/// `count`, how many different values, and whether the rows of each partition are in order.
fn rows(place: &Place) -> (i64, i64, bool) {
    let Ok(database) = Connection::open(place.path("rows.db")) else { return (0, 0, true) };
    let table = &place.name;
    let counts =
        database.query_row(&format!("SELECT count(*), count(DISTINCT value) FROM \"{table}\""), [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
    // Before the first record there is no table.
    let Ok((count, distinct)) = counts else { return (0, 0, true) };
    let disorder: i64 = database
        .query_row(
            &format!(
                "SELECT count(*) FROM (SELECT \"offset\" - lag(\"offset\") OVER \
                 (PARTITION BY partition ORDER BY rowid) AS step FROM \"{table}\") WHERE step <= 0"
            ),
            [],
            |row| row.get(0),
        )
        .unwrap();
    (count, distinct, disorder == 0)
}

fn sink(place: &Place) {
    let name = &place.name;
    place.write(
        "sink.properties",
        &format!(
            "name={name}-sink\nconnector.class=SqliteSink\ndatabase=rows.db\ntopics={name}\ntasks.max=2\n\
             retry.backoff.ms=200\nconsumer.override.session.timeout.ms=6000\nconsumer.override.max.poll.records=2000\n"
        ),
    );
}

fn start(place: &Place) -> Worker {
    place.start(&["source.properties", "sink.properties"])
}

/// `CONNECT_TEST_RECORDS` and `CONNECT_TEST_KILLS` make it larger. Kafka itself may be killed meanwhile: nothing here
/// notices more than a pause.
#[test]
fn each_record_is_one_row_whatever_is_killed() {
    let Some(broker) = broker() else { return };
    let setting = |name| std::env::var(name).ok().and_then(|text| text.parse::<i64>().ok());
    let records = setting("CONNECT_TEST_RECORDS").unwrap_or(60_000);
    let kills = setting("CONNECT_TEST_KILLS").unwrap_or(3);
    let place = Place::new(&broker, "once");
    place.write("input.txt", &(0..records).map(|number| format!("{number}\n")).collect::<String>());
    place.source();
    // The source alone first: what it repeats after a crash would be in the topic twice.
    let worker = place.start(&["source.properties"]);
    let (code, log) = read_all(&place, worker);
    assert_eq!(code, 0, "{log}");
    sink(&place);
    for kill in 1..=kills {
        let mut worker = start(&place);
        let enough = records * kill / (kills + 2);
        worker.until("a part of the rows", |_| rows(&place).0 >= enough);
        worker.kill();
    }
    let mut worker = start(&place);
    worker.until("all rows", |_| rows(&place).0 >= records);
    let (code, log) = worker.terminate();
    assert_eq!(code, 0, "{log}");
    assert_eq!(rows(&place), (records, records, true));

    // What the database has is not written again.
    let mut worker = start(&place);
    worker.until("both connectors", |worker| worker.log().matches("created connector=").count() == 2);
    let (code, _) = worker.terminate();
    assert_eq!(code, 0);
    assert_eq!(rows(&place), (records, records, true));
}

/// Ends the worker when the source has given all records.
fn read_all(place: &Place, mut worker: Worker) -> (i32, String) {
    let end = place.read("input.txt").len().to_string();
    worker.until("the source to be at the end", |_| {
        let offsets = std::fs::read(place.path("connect.offsets")).unwrap_or_default();
        String::from_utf8_lossy(&offsets).contains(&format!("\"position\":{end}"))
    });
    worker.terminate()
}
