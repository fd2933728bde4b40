//! The database: rows and offsets, in one transaction. These calls block.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use connect_api::{Error, Result, TopicPartition};
use rusqlite::types::Value as Cell;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

/// A record as it is written.
pub(crate) struct Row {
    pub(crate) table: String,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Cell,
    pub(crate) value: Cell,
}

/// What a partition's offset is kept under. The table belongs to it: a connector with other tables reads for itself.
pub(crate) type Place = (String, TopicPartition);

/// A database, opened when it is needed.
pub(crate) struct Store {
    path: PathBuf,
    offsets_table: String,
    busy_timeout: Duration,
    connection: Option<Connection>,
    /// The tables that are known to exist.
    tables: HashSet<String>,
}

impl Store {
    pub(crate) fn new(path: PathBuf, offsets_table: &str, busy_timeout: Duration) -> Self {
        Self {
            path,
            offsets_table: quoted(offsets_table),
            busy_timeout,
            connection: None,
            tables: HashSet::new(),
        }
    }

    /// Opens the database and makes sure that it can be written.
    pub(crate) fn open(&mut self) -> Result<()> {
        self.run("open the database", |_| Ok(()))
    }

    /// Writes the rows that are not there yet, and how far their partitions are. Either all of it happened when this
    /// returns, or nothing.
    ///
    /// Whether a row is there is decided by the stored offset, inside the transaction: a batch that comes again, and
    /// a task that does not know yet that its partition went to another one, write nothing twice.
    pub(crate) fn write(&mut self, rows: &[Row]) -> Result<()> {
        self.run("write records", |write| {
            let mut next: BTreeMap<(&str, &TopicPartition), i64> = BTreeMap::new();
            for row in rows {
                let place = (row.table.as_str(), &row.partition);
                let next = match next.entry(place) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(write.stored(place.0, place.1)?.unwrap_or(i64::MIN))
                    }
                };
                if row.offset < *next {
                    continue;
                }
                write.insert(row)?;
                *next = row.offset + 1;
            }
            for ((table, partition), next) in next {
                write.store(table, partition, next)?;
            }
            Ok(())
        })
    }

    /// Where these partitions continue, of those that have a stored offset.
    pub(crate) fn stored(&mut self, places: &[Place]) -> Result<BTreeMap<TopicPartition, i64>> {
        self.run("read offsets", |write| {
            let mut offsets = BTreeMap::new();
            for (table, partition) in places {
                if let Some(offset) = write.stored(table, partition)? {
                    offsets.insert(partition.clone(), offset);
                }
            }
            Ok(offsets)
        })
    }

    /// Sets stored offsets, or forgets them.
    pub(crate) fn alter(&mut self, offsets: &[(Place, Option<i64>)]) -> Result<()> {
        self.run("alter offsets", |write| {
            for ((table, partition), offset) in offsets {
                match offset {
                    Some(offset) => write.store(table, partition, *offset)?,
                    None => write.forget(table, partition)?,
                }
            }
            Ok(())
        })
    }

    /// Runs a transaction that holds the database's write lock. After a failure the database is opened anew.
    fn run<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&mut Write<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let result = self.transaction(work);
        if result.is_err() {
            self.connection = None;
            self.tables.clear();
        }
        result.map_err(|error| {
            let code = error.sqlite_error_code();
            let passes = matches!(
                code,
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::CannotOpen
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::ReadOnly
                        | ErrorCode::OutOfMemory
                        | ErrorCode::FileLockingProtocolFailed
                )
            );
            let failed = if passes { Error::retriable(doing) } else { Error::connect(doing) };
            failed.with("database", self.path.display()).with_source(error)
        })
    }

    fn transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Write<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(&self.path, &self.offsets_table, self.busy_timeout)?),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut write =
            Write { transaction: &transaction, offsets_table: &self.offsets_table, tables: &mut self.tables };
        let done = work(&mut write)?;
        transaction.commit()?;
        Ok(done)
    }
}

fn connect(path: &PathBuf, offsets_table: &str, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(busy_timeout)?;
    // Readers go on while records are written; and what is committed survives a power failure.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {offsets_table} (
             target TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
             PRIMARY KEY (target, topic, partition)
         ) WITHOUT ROWID"
    ))?;
    Ok(connection)
}

/// One transaction.
struct Write<'a> {
    transaction: &'a Transaction<'a>,
    offsets_table: &'a str,
    tables: &'a mut HashSet<String>,
}

impl Write<'_> {
    fn insert(&mut self, row: &Row) -> rusqlite::Result<()> {
        let table = quoted(&row.table);
        if !self.tables.contains(&row.table) {
            self.transaction.execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {table} (
                     topic TEXT NOT NULL, partition INTEGER NOT NULL, \"offset\" INTEGER NOT NULL,
                     timestamp INTEGER, \"key\", value
                 )"
            ))?;
            self.tables.insert(row.table.clone());
        }
        let mut insert = self.transaction.prepare_cached(&format!(
            "INSERT INTO {table} (topic, partition, \"offset\", timestamp, \"key\", value) VALUES (?, ?, ?, ?, ?, ?)"
        ))?;
        let partition = &row.partition;
        insert.execute(params![
            partition.topic.as_str(),
            partition.partition,
            row.offset,
            row.timestamp,
            row.key,
            row.value
        ])?;
        Ok(())
    }

    fn stored(&self, table: &str, partition: &TopicPartition) -> rusqlite::Result<Option<i64>> {
        let mut select = self.transaction.prepare_cached(&format!(
            "SELECT next_offset FROM {} WHERE target = ? AND topic = ? AND partition = ?",
            self.offsets_table
        ))?;
        let place = params![table, partition.topic.as_str(), partition.partition];
        select.query_row(place, |row| row.get(0)).optional()
    }

    fn store(&self, table: &str, partition: &TopicPartition, next: i64) -> rusqlite::Result<()> {
        let mut store = self.transaction.prepare_cached(&format!(
            "INSERT INTO {} (target, topic, partition, next_offset) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset",
            self.offsets_table
        ))?;
        store.execute(params![table, partition.topic.as_str(), partition.partition, next])?;
        Ok(())
    }

    fn forget(&self, table: &str, partition: &TopicPartition) -> rusqlite::Result<()> {
        let mut delete = self.transaction.prepare_cached(&format!(
            "DELETE FROM {} WHERE target = ? AND topic = ? AND partition = ?",
            self.offsets_table
        ))?;
        delete.execute(params![table, partition.topic.as_str(), partition.partition])?;
        Ok(())
    }
}

/// A name in a statement, whatever characters it has.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
