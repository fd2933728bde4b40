//! The REST API in process: what hangs delays nobody, garbage gets a proper answer, settings have their effect.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_runtime::{State, rest};
use connect_testkit::TestConnect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scripted::{Call, Step, connect, sink, source, world};

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
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
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

/// Everything but `hung` answers at once, and another connector works.
async fn others_go_on(server: &Server) {
    let quick = Duration::from_secs(5);
    for path in
        ["/", "/connectors", "/connectors?expand=status&expand=info", "/connector-plugins", "/metrics"]
    {
        let answer = tokio::time::timeout(quick, server.call("GET", path, "")).await;
        assert_eq!(answer.unwrap_or_else(|_| panic!("{path} hangs")).status, 200, "{path}");
    }
    let answer = tokio::time::timeout(quick, server.call("GET", "/connectors/hung/status", "")).await;
    assert_eq!(answer.expect("its own status hangs").status, 200);
    let body = serde_json::json!({"name": "other", "config": config(&source())}).to_string();
    let answer =
        tokio::time::timeout(quick, server.call("POST", "/connectors", &body)).await.expect("create hangs");
    assert_eq!(answer.status, 201, "{}", answer.body);
    server.connect.expect_state("other", State::Running).await;
    let answer = tokio::time::timeout(quick, server.call("DELETE", "/connectors/other", "")).await;
    assert_eq!(answer.expect("delete hangs").status, 204);
}

fn config(properties: &connect_api::Properties) -> serde_json::Value {
    properties
        .iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Creates `hung` through the API, without waiting for the answer, which may never come.
async fn create_hung(server: &Server, properties: &connect_api::Properties) {
    let body = serde_json::json!({"name": "hung", "config": config(properties)}).to_string();
    let _ = tokio::time::timeout(Duration::from_secs(2), server.call("POST", "/connectors", &body)).await;
}

#[tokio::test]
async fn a_connector_whose_start_hangs_or_panics_delays_nobody() {
    let server = Server::new().await;
    world().start_connector.lock().unwrap().push_back(Step::Hang);
    create_hung(&server, &source()).await;
    others_go_on(&server).await;
    assert_eq!(server.call("DELETE", "/connectors/hung", "").await.status, 204);
    world().start_connector.lock().unwrap().push_back(Step::Panic);
    create_hung(&server, &source()).await;
    let status = server.call("GET", "/connectors/hung/status", "").await.json();
    assert_eq!(status["connector"]["state"], "FAILED");
    others_go_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_poll_hangs_or_panics_delays_nobody() {
    let server = Server::new().await;
    world().poll.lock().unwrap().entry(0).or_default().push_back(Step::Hang);
    create_hung(&server, &source()).await;
    others_go_on(&server).await;
    assert_eq!(server.call("DELETE", "/connectors/hung", "").await.status, 204);
    world().poll.lock().unwrap().entry(0).or_default().push_back(Step::Panic);
    create_hung(&server, &source()).await;
    others_go_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_put_hangs_or_panics_delays_nobody() {
    let server = Server::new().await;
    server.connect.kafka().produce("t", None::<&str>, "x");
    world().put.lock().unwrap().entry(0).or_default().push_back(Step::Hang);
    create_hung(&server, &sink()).await;
    others_go_on(&server).await;
    let began = tokio::time::Instant::now();
    assert_eq!(server.call("DELETE", "/connectors/hung", "").await.status, 204);
    assert!(began.elapsed() < Duration::from_secs(12), "it is cut off after the graceful time");
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_stop_hangs_is_cut_off_and_delays_nobody() {
    let server = Server::new().await;
    world().stop.lock().unwrap().entry(0).or_default().push_back(Step::Hang);
    create_hung(&server, &source()).await;
    server.connect.expect_state("hung", State::Running).await;
    let others = async {
        world().wait_for(1, |call| *call == Call::Stop(0)).await;
        others_go_on(&server).await;
    };
    let (stopped, ()) = tokio::join!(server.call("PUT", "/connectors/hung/stop", ""), others);
    assert_eq!(stopped.status, 204);
    server.end().await;
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

/// A seeded generator: the same requests every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Requests that are wrong in some way, or in none.
fn malformed(random: &mut Random) -> Vec<u8> {
    let method =
        random.pick(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get"]);
    let mut path = String::new();
    for _ in 0..1 + random.below(5) {
        path.push('/');
        path.push_str(random.pick(&[
            "connectors",
            "connector-plugins",
            "admin",
            "loggers",
            "x",
            "config",
            "validate",
            "tasks",
            "0",
            "-1",
            "99999999999999999999",
            "restart",
            "offsets",
            "status",
            "topics",
            "reset",
            "fence",
            "%00",
            "%ff",
            "%zz",
            "%2F",
            "..",
            ".",
            "",
            "ä",
            "FileStreamSource",
            "root",
            "stop",
            "pause",
            "resume",
            "metrics",
            "health",
        ]));
    }
    path.push_str(random.pick(&[
        "",
        "?",
        "?expand=status",
        "?expand=%ff",
        "?forward=maybe",
        "?&&==",
        "?scope=cluster",
    ]));
    let long;
    let body: &[u8] = match random.below(10) {
        0 => b"",
        1 => b"{",
        2 => b"null",
        3 => b"[[[[[[[[[[[[[[[[[[[[[[[[[[",
        4 => br#"{"name":"x","config":{"connector.class":"Nope","tasks.max":"-1"}}"#,
        5 => br#"{"name":{},"config":[]}"#,
        6 => &[0xff, 0xfe, 0x00, 0x7b],
        7 => br#"{"offsets":[{"partition":1,"offset":"x"},null,[]]}"#,
        8 => br#"{"level":{"a":[1e999]}}"#,
        _ => {
            long = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
            long.as_bytes()
        }
    };
    let ty = random.pick(&[
        "Content-Type: application/json\r\n",
        "Content-Type: application/json; charset=\u{1}\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: \r\n",
        "",
        "Accept: text/html\r\n",
        "Accept: ;;;,\r\n",
        "X-Connect-Authorization: %%%\r\nX-Connect-Request-Signature-Algorithm: HmacSHA256\r\n",
        "Authorization: Basic ????\r\n",
    ]);
    let length = match random.below(12) {
        0 => "Content-Length: -5\r\n".to_owned(),
        1 => "Transfer-Encoding: chunked\r\n".to_owned(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{ty}{length}\r\n")
            .into_bytes();
    request.extend_from_slice(body);
    if random.below(20) == 0 {
        let at = random.below(request.len());
        request[at] = random.next() as u8;
    }
    request
}

#[tokio::test]
async fn ten_thousand_malformed_requests_get_proper_answers() {
    let connect = connect_testkit::connect().property("listeners", "http://127.0.0.1:0").start().await;
    let server = Server::of(connect).await;
    let mut random = Random(0x5eed_0007);
    let mut codes = std::collections::BTreeMap::new();
    for number in 0..10_000 {
        let request = malformed(&mut random);
        // What is cut in the middle waits for its rest: the peer goes away instead.
        let answer = tokio::time::timeout(Duration::from_secs(5), cut(&server, &request)).await;
        let answer = answer
            .unwrap_or_else(|_| panic!("request {number} hangs: {}", String::from_utf8_lossy(&request)));
        *codes.entry(answer.status).or_insert(0_u32) += 1;
        let known = [0, 200, 202, 204, 400, 404, 405, 406, 409, 413, 414, 415, 431, 500];
        assert!(known.contains(&answer.status), "{}: {}", answer.status, String::from_utf8_lossy(&request));
        if answer.status == 500 {
            assert!(!answer.body.contains("Internal Server Error"), "{}", String::from_utf8_lossy(&request));
        }
        if answer.status >= 400 && !answer.body.is_empty() {
            assert_eq!(answer.json()["error_code"], answer.status, "{}", String::from_utf8_lossy(&request));
        }
    }
    assert!(codes.len() > 6, "the requests are all alike: {codes:?}");
    assert_eq!(server.call("GET", "/health", "").await.status, 200);
    server.end().await;
}

/// Sends a request and says that nothing follows.
async fn cut(server: &Server, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
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
