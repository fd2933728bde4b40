//! The program from outside, as far as it needs no Kafka: what it answers and with which exit code.

#![allow(clippy::unwrap_used, reason = "test code")]

mod explain;
mod rest;
mod usage;
mod worker_file;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program to its end.
fn run(directory: &Path, args: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_connect-worker"))
        .args(args)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let Output { status, stdout, stderr } = output;
    Answer {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[derive(Debug)]
struct Answer {
    code: i32,
    stdout: String,
    stderr: String,
}
