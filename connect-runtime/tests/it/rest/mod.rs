//! The REST API in process: what hangs delays nobody, garbage gets a proper answer, settings have their effect.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_runtime::{State, rest};
use connect_testkit::TestConnect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scripted::{connect, source, world};

mod hung;
mod malformed;
mod tls;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Takes an answer apart; status 0 where there is none.
fn answer(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

struct Server {
    connect: TestConnect,
    server: rest::RestServer,
    address: String,
}

impl Server {
    async fn of(connect: TestConnect) -> Self {
        let server = rest::serve(connect.herder()).await.unwrap();
        let address = server.addresses()[0].strip_prefix("http://").unwrap().to_owned();
        Self { connect, server, address }
    }

    async fn new() -> Self {
        Self::of(connect().property("listeners", "http://127.0.0.1:0").start().await).await
    }

    async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        self::answer(&answer)
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        self.with(method, path, "", body).await
    }

    async fn with(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let ty = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{ty}{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.raw(request.as_bytes()).await
    }

    async fn end(self) {
        self.server.shutdown().await;
        let _ = self.connect.shutdown().await;
    }
}

#[tokio::test]
async fn settings_of_the_server_have_their_effect() {
    let directory = tempfile::tempdir().unwrap();
    let users = directory.path().join("users.properties");
    std::fs::write(&users, "ann=secret\n").unwrap();
    let connect = connect()
        .property("listeners", "http://127.0.0.1:0")
        .property("admin.listeners", "http://127.0.0.1:0")
        .property("response.http.headers.config", "set X-Answer: 42")
        .property("access.control.allow.origin", "http://ui")
        .property(
            "rest.extension.classes",
            "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension",
        )
        .property("rest.basic.auth.file", users.to_string_lossy())
        .start()
        .await;
    let mut server = Server::of(connect).await;
    let refused = server.call("GET", "/connectors", "").await;
    assert_eq!((refused.status, refused.body.as_str()), (401, "User cannot access the resource."));
    let user = "Authorization: Basic YW5uOnNlY3JldA==\r\nOrigin: http://ui\r\n";
    let answer = server.with("GET", "/connectors", user, "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("x-answer: 42"), "{}", answer.head);
    assert!(answer.head.contains("access-control-allow-origin: http://ui"), "{}", answer.head);
    assert_eq!(server.with("GET", "/admin/loggers", user, "").await.status, 404, "it has a port of its own");
    // Between workers a signature proves who asks.
    assert_eq!(server.call("PUT", "/connectors/x/fence", "").await.status, 500);
    server.address = server.server.addresses()[1].strip_prefix("http://").unwrap().to_owned();
    assert_eq!(server.with("GET", "/admin/loggers", user, "").await.status, 200);
    assert_eq!(server.with("GET", "/connectors", user, "").await.status, 404);
    server.end().await;
}

#[tokio::test]
async fn metrics_have_kafkas_names_and_the_ledgers_numbers() {
    world().limit.store(5, SeqCst);
    let server = Server::new().await;
    server.connect.create("numbers", source()).await.unwrap();
    server.connect.expect_state("numbers", State::Running).await;
    let wanted = "kafka_connect_source_task_source_record_write_total{connector=\"numbers\",task=\"0\"} 5";
    let mut text = String::new();
    for _ in 0..200 {
        text = server.call("GET", "/metrics", "").await.body;
        if text.contains(wanted) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for line in [
        wanted,
        "kafka_connect_source_task_source_record_poll_total{connector=\"numbers\",task=\"0\"} 5",
        "kafka_connect_worker_connector_count 1",
        "kafka_connect_worker_task_startup_success_total 1",
        "kafka_connect_worker_connector_running_task_count{connector=\"numbers\"} 1",
        "kafka_connect_connector_status{connector=\"numbers\",status=\"running\"} 1",
        "kafka_connect_connector_task_status{connector=\"numbers\",task=\"0\",status=\"running\"} 1",
        "kafka_connect_task_error_total_record_errors{connector=\"numbers\",task=\"0\"} 0",
        "connect_ledger_delivered_records_total{connector=\"numbers\",task=\"0\"} 5",
        "connect_poll_seconds_bucket{connector=\"numbers\",task=\"0\",le=\"+Inf\"}",
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
    server.end().await;
}
