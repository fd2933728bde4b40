//! Requests that are wrong: in their path, headers, encoding, size and body, and as HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Answer, Server, answer};

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

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get"];

const SEGMENTS: [&str; 37] = [
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
    "%",
    "%2F",
    "%252F",
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
    "a;b=c",
    "a\\b",
    "{name}",
];

const QUERIES: [&str; 9] = [
    "",
    "?",
    "?expand=status",
    "?expand=%ff",
    "?expand=nope&expand=info",
    "?forward=maybe",
    "?&&==",
    "?scope=cluster",
    "?includeTasks=2&onlyFailed=%00",
];

const HEADERS: [&str; 18] = [
    "Content-Type: application/json\r\n",
    "Content-Type: application/json\r\n",
    "Content-Type: application/json; charset=\u{1}\r\n",
    "Content-Type: application/json; charset=utf-16\r\n",
    "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
    "Content-Type: text/plain\r\n",
    "Content-Type: multipart/form-data; boundary=\r\n",
    "Content-Type: \r\n",
    "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    "",
    "Accept: text/html\r\n",
    "Accept: ;;;,\r\n",
    "Accept-Encoding: \u{7f}\r\n",
    "X-Connect-Authorization: %%%\r\nX-Connect-Request-Signature-Algorithm: HmacSHA256\r\n",
    "X-Connect-Authorization: AAAA\r\nX-Connect-Request-Signature-Algorithm: nope\r\n",
    "Authorization: Basic ????\r\n",
    "Origin: \u{80}\r\nHost: other\r\n",
    "Expect: the unexpected\r\n",
];

fn body(random: &mut Random) -> Vec<u8> {
    match random.below(18) {
        0 => Vec::new(),
        1 => b"{".to_vec(),
        2 => b"null".to_vec(),
        3 => b"[[[[[[[[[[[[[[[[[[[[[[[[[[".to_vec(),
        4 => br#"{"name":"x","config":{"connector.class":"Nope","tasks.max":"-1"}}"#.to_vec(),
        5 => br#"{"name":{},"config":[]}"#.to_vec(),
        6 => vec![0xff, 0xfe, 0x00, 0x7b],
        7 => br#"{"offsets":[{"partition":1,"offset":"x"},null,[]]}"#.to_vec(),
        8 => br#"{"level":{"a":[1e999]}}"#.to_vec(),
        9 => format!("{}1{}", "[".repeat(5000), "]".repeat(5000)).into_bytes(),
        10 => br#"{"name":"\ud800","config":{"connector.class":"\u0000"}}"#.to_vec(),
        11 => b"{\"name\":\"\xff\xfe\",\"config\":{}}".to_vec(),
        12 => "\u{feff}{\"name\":\"x\",\"config\":{}}".as_bytes().to_vec(),
        13 => "{\"name\":\"x\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        14 => br#"{"level":1e400}"#.to_vec(),
        15 => {
            format!(r#"{{"name":"x","config":{{"connector.class":"{}"}}}}"#, "x".repeat(100_000)).into_bytes()
        }
        16 => br#"{"connector.class":"Source","name":["x"],"tasks.max":99999999999999999999}"#.to_vec(),
        _ => (0..random.below(300)).map(|_| random.next() as u8).collect(),
    }
}

/// Requests that are wrong in some way, or in none.
fn malformed(random: &mut Random) -> Vec<u8> {
    let method = random.pick(&METHODS);
    let mut path = String::new();
    for _ in 0..1 + random.below(5) {
        path.push('/');
        path.push_str(random.pick(&SEGMENTS));
    }
    if random.below(200) == 0 {
        path.push_str(&"x".repeat(1 << random.below(20)));
    }
    path.push_str(random.pick(&QUERIES));
    let mut body = body(random);
    let mut headers = random.pick(&HEADERS).to_owned();
    match random.below(16) {
        0 => headers.push_str("Content-Length: -5\r\n"),
        1 => headers.push_str("Transfer-Encoding: chunked\r\n"),
        2 => {
            headers.push_str("Transfer-Encoding: chunked\r\n");
            let mut chunks = format!("{:x}\r\n", body.len()).into_bytes();
            chunks.extend_from_slice(&body);
            chunks.extend_from_slice(
                random.pick(&["\r\n0\r\n\r\n", "\r\nzz\r\n", "\r\nffffffffffffffffff\r\n", ""]).as_bytes(),
            );
            body = chunks;
        }
        3 => headers.push_str(&format!("Content-Length: {}\r\nContent-Length: 3\r\n", body.len())),
        4 => headers.push_str(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len())),
        5 => headers.push_str(&format!("Content-Length: {}\r\n", body.len() + 7)),
        _ => headers.push_str(&format!("Content-Length: {}\r\n", body.len())),
    }
    if random.below(200) == 0 {
        headers.push_str(&"X-Many: 1\r\n".repeat(1 << random.below(12)));
    }
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n").into_bytes();
    request.extend_from_slice(&body);
    if random.below(20) == 0 {
        let at = random.below(request.len());
        request[at] = random.next() as u8;
    }
    if random.below(50) == 0 {
        request.truncate(random.below(request.len()));
    }
    request
}

/// What Kafka's server answers with 500 although the request is at fault: bodies that it cannot read, and a class that
/// a validation does not know.
const KAFKAS_500: [&str; 9] = [
    "The request body is not JSON",
    "The request has no body",
    "The request has no member",
    "No content to map due to end-of-input",
    "Cannot deserialize value of type",
    "Cannot construct instance of",
    "Unrecognized field",
    "org.apache.kafka.connect.runtime.rest.errors.BadRequestException: ",
    // A request between workers, which a standalone worker does not take.
    "Kafka Connect in standalone mode does not support",
];

/// Checks an answer to a request that is wrong in some way.
fn check(answer: &Answer, request: &[u8]) {
    let shown = || String::from_utf8_lossy(&request[..request.len().min(600)]).into_owned();
    let known = [0, 200, 202, 204, 400, 404, 405, 406, 409, 413, 414, 415, 417, 431, 500];
    assert!(known.contains(&answer.status), "{}: {}", answer.status, shown());
    if answer.status >= 400 && !answer.body.is_empty() {
        let body = answer.json();
        assert_eq!(body["error_code"], answer.status, "{}", shown());
        let message = body["message"].as_str().unwrap_or_default();
        assert!(
            answer.status != 500 || KAFKAS_500.iter().any(|known| message.starts_with(known)),
            "{message}: {}",
            shown()
        );
    }
}

async fn server() -> Server {
    let connect = connect_testkit::connect().property("listeners", "http://127.0.0.1:0");
    Server::of(connect.start().await).await
}

/// Sends a request and says that nothing follows: what is cut in the middle does not wait for its rest.
async fn cut(server: &Server, request: &[u8]) -> Answer {
    let exchange = async {
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let mut bytes = Vec::new();
        let write = async {
            let _ = writer.write_all(request).await;
            let _ = writer.shutdown().await;
        };
        let read = reader.read_to_end(&mut bytes);
        let _ = tokio::join!(write, read);
        answer(&bytes)
    };
    let answered = tokio::time::timeout(Duration::from_secs(20), exchange).await;
    answered.unwrap_or_else(|_| panic!("no answer to {}", String::from_utf8_lossy(request)))
}

#[tokio::test]
async fn ten_thousand_malformed_requests_get_proper_answers() {
    let server = server().await;
    let mut random = Random(0x5eed_0007);
    let mut codes = BTreeMap::new();
    for _ in 0..10_000 {
        let request = malformed(&mut random);
        let answer = cut(&server, &request).await;
        *codes.entry(answer.status).or_insert(0_u32) += 1;
        check(&answer, &request);
    }
    assert!(codes.len() > 8, "the requests are all alike: {codes:?}");
    assert!(codes.get(&0).is_none_or(|none| *none < 1000), "most requests get an answer: {codes:?}");
    assert_eq!(server.call("GET", "/health", "").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn what_is_no_http_harms_nobody() {
    let server = server().await;
    let head = "Host: test\r\nConnection: close\r\n";
    let requests: Vec<Vec<u8>> = [
        String::new(),
        "\r\n\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /\r\n\r\n".to_owned(),
        format!("GET / HTTP/9.9\r\n{head}\r\n"),
        format!("GET / HTTP/1.1\n{}\n", head.replace("\r\n", "\n")),
        format!("GET / HTTP/1.1\r\n{head}No colon\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{head}Sp ace: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{head}: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{head}X: \0\r\n\r\n"),
        format!("GET  / HTTP/1.1\r\n{head}\r\n"),
        format!("GET /a b HTTP/1.1\r\n{head}\r\n"),
        format!("GET http://other/connectors HTTP/1.1\r\n{head}\r\n"),
        format!("GET * HTTP/1.1\r\n{head}\r\n"),
        format!("OPTIONS * HTTP/1.1\r\n{head}\r\n"),
        format!("CONNECT a:1 HTTP/1.1\r\n{head}\r\n"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\n{head}\r\n", "x".repeat(2_000_000)),
        format!("GET / HTTP/1.1\r\n{head}X: {}\r\n\r\n", "x".repeat(2_000_000)),
        format!("GET / HTTP/1.1\r\n{head}{}\r\n", "X: 1\r\n".repeat(100_000)),
        format!("POST /connectors HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: 18446744073709551616\r\n\r\n{{}}"),
        format!("POST /connectors HTTP/1.1\r\n{head}Content-Type: application/json\r\nTransfer-Encoding: gzip, nope\r\n\r\n{{}}"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(),
        "SSH-2.0-nobody\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".to_owned(),
    ]
    .map(String::into_bytes)
    .into();
    for request in &requests {
        let answer = cut(&server, request).await;
        check(&answer, request);
        assert_ne!(answer.status, 500, "{}", String::from_utf8_lossy(&request[..request.len().min(200)]));
    }
    assert_eq!(server.call("GET", "/health", "").await.status, 200);
    server.end().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused_before_it_fills_the_memory() {
    let server = server().await;
    for length in ["Transfer-Encoding: chunked", "Content-Length: 1000000000000"] {
        let head = format!(
            "POST /connectors HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        );
        let stream = TcpStream::connect(&server.address).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        let mut bytes = Vec::new();
        let write = async {
            writer.write_all(head.as_bytes()).await.unwrap();
            let mut sent = 0_usize;
            while writer.write_all(&chunk).await.is_ok() {
                sent += chunk.len();
                assert!(sent < 100_000_000, "it takes everything");
            }
        };
        let read = reader.read_to_end(&mut bytes);
        tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(write, read) })
            .await
            .unwrap()
            .1
            .ok();
        // The answer may be lost when the connection is closed while we write.
        assert!([0, 413].contains(&answer(&bytes).status), "{}", String::from_utf8_lossy(&bytes));
    }
    let large = format!(r#"{{"name":"x","config":{{"a":"{}"}}}}"#, "x".repeat(9_000_000));
    assert!([0, 413].contains(&server.call("POST", "/connectors", &large).await.status));
    let fits = format!(r#"{{"name":"x","config":{{"a":"{}"}}}}"#, "x".repeat(7_000_000));
    assert_eq!(server.call("POST", "/connectors", &fits).await.status, 400, "it has no class");
    server.end().await;
}

#[tokio::test]
async fn requests_that_do_not_go_on_delay_nobody() {
    let server = server().await;
    let mut open = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        let part: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /connectors HTTP/1.1\r\nHos",
            _ => b"POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
        };
        stream.write_all(part).await.unwrap();
        open.push(stream);
    }
    let answer = tokio::time::timeout(Duration::from_secs(10), server.call("GET", "/connectors", "")).await;
    assert_eq!(answer.expect("others wait").status, 200);
    drop(open);
    server.end().await;
}
