//! The contract that the runtime builds on.

use connect_api::Properties;
use connect_sqlite::SqliteSink;
use connect_testkit::{Clock, SinkFixture};
use rusqlite::Connection;
use tempfile::TempDir;

connect_testkit::config_contract!(connect_sqlite::register);

/// A directory with a database.
struct Database {
    dir: TempDir,
    /// Somebody who holds the database locked.
    lock: std::cell::RefCell<Option<Connection>>,
}

impl SinkFixture for Database {
    type Connector = SqliteSink;

    fn config(&self) -> Properties {
        let file = self.dir.path().join("rows.db");
        Properties::from([("database", file.to_str().unwrap()), ("busy.timeout.ms", "0")])
    }

    async fn read(&self) -> Vec<String> {
        let database = Connection::open(self.dir.path().join("rows.db")).unwrap();
        let mut rows = database.prepare("SELECT value FROM contract").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    async fn outage(&self, begins: bool) -> bool {
        let lock = begins.then(|| {
            let lock = Connection::open(self.dir.path().join("rows.db")).unwrap();
            lock.execute_batch("BEGIN IMMEDIATE").unwrap();
            lock
        });
        self.lock.replace(lock);
        true
    }

    fn clock(&self) -> Clock {
        Clock::Real
    }
}

connect_testkit::sink_contract!(
    Database { dir: tempfile::tempdir().unwrap(), lock: None.into() },
    skip { bad_record_is_reported_when_a_reporter_exists: "a column takes every value" }
);
