//! Where the broker is, and how to start, kill and ask it from outside.

use std::collections::HashMap;
use std::env;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

/// A broker: the shared one, or one of this test's own.
pub(crate) struct Broker {
    address: String,
    script: Option<PathBuf>,
    /// The port of a broker that this test has started and will stop.
    own: Option<String>,
}

pub(crate) fn script() -> Option<PathBuf> {
    env::var_os("CONNECT_TEST_KAFKA_SCRIPT").map(PathBuf::from)
}

impl Broker {
    /// The broker that all tests share.
    pub(crate) fn shared() -> Option<Self> {
        let address = env::var("CONNECT_TEST_KAFKA").ok()?;
        Some(Self { address, script: script(), own: None })
    }

    /// A broker that may be killed.
    pub(crate) async fn own() -> Option<Self> {
        env::var_os("CONNECT_TEST_KAFKA")?;
        let port = free_port(2).to_string();
        let broker = Self { address: format!("127.0.0.1:{port}"), script: Some(script()?), own: Some(port) };
        broker.start().await;
        Some(broker)
    }

    /// A broker that creates no topic by itself.
    pub(crate) async fn strict() -> Option<Self> {
        env::var_os("CONNECT_TEST_KAFKA")?;
        let port = free_port(2).to_string();
        let broker = Self { address: format!("127.0.0.1:{port}"), script: Some(script()?), own: Some(port) };
        broker.tell("start", &["--set", "auto.create.topics.enable=false"]).await;
        Some(broker)
    }

    /// A broker with logins and TLS beside the plain address.
    pub(crate) async fn secure() -> Option<Self> {
        env::var_os("CONNECT_TEST_KAFKA")?;
        let port = free_port(5);
        let own = Some(port.to_string());
        let broker = Self { address: format!("127.0.0.1:{port}"), script: Some(script()?), own };
        broker.tell("start", &["--secure"]).await;
        Some(broker)
    }

    /// What the script says of the broker: addresses, credentials, where the certificates are.
    pub(crate) async fn facts(&self) -> HashMap<String, String> {
        let (Some(script), Some(port)) = (&self.script, &self.own) else {
            panic!("only a broker of the test's own has facts");
        };
        let output = Command::new(script).args(["env", "--port", port]).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let facts = text.lines().filter_map(|line| line.split_once('='));
        facts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Runs one of Kafka's own tools; `None` where there are none.
    pub(crate) async fn tool(&self, arguments: &[&str]) -> Option<()> {
        let tool = Command::new(self.script.as_ref()?)
            .arg(arguments[0])
            .args(["--bootstrap-server", &self.address])
            .args(&arguments[1..])
            .stdin(Stdio::null())
            .output();
        let output = tool.await.unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(())
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn start(&self) {
        self.tell("start", &[]).await;
    }

    pub(crate) async fn kill(&self) {
        self.tell("kill9", &[]).await;
    }

    async fn tell(&self, command: &str, more: &[&str]) {
        let (Some(script), Some(port)) = (&self.script, &self.own) else {
            panic!("the shared broker is not to be touched");
        };
        let status = Command::new(script)
            .args([command, "--port", port])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .await
            .unwrap();
        assert!(status.success(), "{} {command} --port {port}: {status}", script.display());
    }

    /// What Kafka's console consumer reads: a line of `Partition:0`, headers, key and value for each record.
    pub(crate) async fn console_consumer(&self, topic: &str, isolation: &str) -> Option<Vec<String>> {
        let output = Command::new(self.script.as_ref()?)
            .args([
                "console-consumer",
                "--bootstrap-server",
                &self.address,
                "--topic",
                topic,
                "--from-beginning",
            ])
            .args(["--isolation-level", isolation, "--timeout-ms", "5000"])
            .args([
                "--formatter-property",
                "print.partition=true",
                "--formatter-property",
                "print.headers=true",
            ])
            .args(["--formatter-property", "print.key=true", "--formatter-property", "null.literal=NULL"])
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        // Its time-out is the way out, with a status of 1 in some versions.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines: Vec<_> =
            text.lines().filter(|line| line.contains("Partition:")).map(str::to_owned).collect();
        assert!(!lines.is_empty(), "the console consumer: {}", String::from_utf8_lossy(&output.stderr));
        Some(lines)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let (Some(script), Some(port)) = (&self.script, &self.own) {
            let _ = std::process::Command::new(script).args(["stop", "--port", port]).status();
        }
    }
}

/// A port that is free together with those that follow it, `count` in all: a broker takes them.
///
/// It lies below the range from which the system gives ports to connections, where a port that was free a moment
/// ago is soon taken; and no two tests of this process are given the same one.
pub(crate) fn free_port(count: u16) -> u16 {
    const FIRST: u16 = 12_000;
    const PORTS: u32 = 18_000;
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let given = GIVEN.fetch_add(u32::from(count), Ordering::Relaxed);
        let at = (std::process::id().wrapping_mul(97).wrapping_add(given)) % (PORTS - u32::from(count));
        let port = FIRST + at as u16;
        if (port..port + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}
