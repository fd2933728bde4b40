//! A program that answers cases: a line in, a line out, with no more than a window under way.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// How many cases may be under way. Both channels hold that many, so nothing waits for anything in a circle.
pub(crate) const WINDOW: usize = 256;

/// Longer than any case takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// One side of the comparison.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    cases: SyncSender<String>,
    answers: Receiver<String>,
}

impl Program {
    /// Starts the command, which is split at spaces.
    pub(crate) fn start(name: &'static str, command: &str) -> Result<Self, String> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| format!("the command for {name} is empty"))?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}, `{command}`: {error}"))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{name} has no standard input and output"));
        };
        let (cases, to_write) = sync_channel::<String>(WINDOW);
        let (read, answers) = sync_channel::<String>(WINDOW);
        thread::spawn(move || {
            let mut stdin = BufWriter::new(stdin);
            while let Ok(line) = to_write.recv() {
                let mut failed = writeln!(stdin, "{line}").is_err();
                for line in to_write.try_iter() {
                    failed |= writeln!(stdin, "{line}").is_err();
                }
                if failed || stdin.flush().is_err() {
                    return;
                }
            }
        });
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if read.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { name, child, cases, answers })
    }

    /// Hands it a case. At most `WINDOW` may be unanswered.
    pub(crate) fn send(&self, case: &str) -> Result<(), String> {
        self.cases.send(case.to_owned()).map_err(|_| format!("{} has ended and takes no case", self.name))
    }

    /// The next answer. `case` is the one that it is for, to be named if there is none.
    pub(crate) fn receive(&self, case: &Value) -> Result<Value, String> {
        let line = self.answers.recv_timeout(PATIENCE).map_err(|why| match why {
            RecvTimeoutError::Timeout => {
                format!("{} does not answer within {} s: {case}", self.name, PATIENCE.as_secs())
            }
            RecvTimeoutError::Disconnected => format!("{} ended without an answer to {case}", self.name),
        })?;
        Ok(serde_json::from_str(&line).unwrap_or(Value::String(line)))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
