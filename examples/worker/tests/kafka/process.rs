//! A directory with configuration files, and workers that run in it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// One test's files, with a name that makes its topics and groups its own.
pub(crate) struct Place {
    directory: TempDir,
    pub(crate) name: String,
}

impl Place {
    /// A directory with a `worker.properties`.
    pub(crate) fn new(broker: &str, name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let unique = directory.path().file_name().unwrap().to_string_lossy().replace('.', "");
        let place = Self { name: format!("{name}-{unique}"), directory };
        place.write(
            "worker.properties",
            &format!(
                "bootstrap.servers={broker}\n\
                 listeners=http://127.0.0.1:0\n\
                 key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                 value.converter=org.apache.kafka.connect.storage.StringConverter\n\
                 offset.storage.file.filename=connect.offsets\n\
                 offset.flush.interval.ms=200\n\
                 consumer.metadata.max.age.ms=500\n"
            ),
        );
        place
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// The text of a file; empty while it is not there.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }

    /// `source.properties`: `input.txt` into the topic of this place.
    pub(crate) fn source(&self) {
        let name = &self.name;
        self.write(
            "source.properties",
            &format!(
                "name={name}-source\n\
                 connector.class=org.apache.kafka.connect.file.FileStreamSourceConnector\n\
                 file=input.txt\ntopic={name}\n\
                 topic.creation.default.partitions=1\ntopic.creation.default.replication.factor=1\n"
            ),
        );
    }

    /// `sink.properties`: the topic of this place into a file.
    pub(crate) fn sink(&self, file: &str, more: &str) {
        let name = &self.name;
        self.write(
            "sink.properties",
            &format!(
                "name={name}-sink\n\
                 connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector\n\
                 file={file}\ntopics={name}\n{more}"
            ),
        );
    }

    /// Starts a worker with these connector files.
    pub(crate) fn start(&self, connectors: &[&str]) -> Worker {
        // Another program in our place, to see what it does: a Java worker.
        let mut command = match std::env::var_os("CONNECT_TEST_WORKER") {
            Some(other) => Command::new(other),
            None => {
                let mut own = Command::new(env!("CARGO_BIN_EXE_connect-worker"));
                own.arg("standalone");
                own
            }
        };
        let mut child = command
            .arg("worker.properties")
            .args(connectors)
            .current_dir(self.directory.path())
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&log);
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = seen.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Worker { child, log, reader: Some(reader) }
    }
}

/// A worker process; killed at the end of its test if it still runs.
pub(crate) struct Worker {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Worker {
    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the condition holds; a worker that ends before is a failure.
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let held = wait(|| {
            assert!(self.child.try_wait().unwrap().is_none(), "ended before {what}:\n{}", self.log());
            condition(self)
        });
        assert!(held, "not within {PATIENCE:?}: {what}\n{}", self.log());
    }

    /// Waits until the log has the text.
    pub(crate) fn until_logged(&mut self, text: &str) {
        self.until(text, |worker| worker.log().contains(text));
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn terminate(self) -> (i32, String) {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
        self.end()
    }

    /// Waits for the end by itself: exit code and log.
    pub(crate) fn end(mut self) -> (i32, String) {
        assert!(wait(|| self.child.try_wait().unwrap().is_some()), "still runs:\n{}", self.log());
        let code = self.child.wait().unwrap().code().unwrap();
        self.reader.take().unwrap().join().unwrap();
        (code, self.log())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again: another process cannot be awaited otherwise.
#[expect(clippy::disallowed_methods, reason = "the other side is a process with a real clock")]
fn wait(mut condition: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    while start.elapsed() < PATIENCE {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Distinct lines, some of them not ASCII, some long.
pub(crate) fn lines(count: usize) -> String {
    let line = |at: usize| match at % 4 {
        0 => format!("{at} plain\n"),
        1 => format!("{at} Grüße 日本語 🎉\n"),
        2 => format!("{at} \"quoted\" back\\slash\t{}\n", "long ".repeat(at % 50)),
        _ => format!("{at}\n"),
    };
    (0..count).map(line).collect()
}

/// The lines that are in one text and not in the other.
pub(crate) fn missing<'a>(wanted: &'a str, found: &str) -> Vec<&'a str> {
    let found: BTreeSet<&str> = found.lines().collect();
    wanted.lines().filter(|line| !found.contains(line)).collect()
}
