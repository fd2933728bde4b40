//! As much of HTTP as it takes to talk to a worker's REST API.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a worker may take to answer; a call that is forwarded to a leader that is gone takes as long as it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer: its status, and its body as JSON where it is JSON.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or(Json::Null)
    }

    pub(super) fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// One request; `Err` when there is no answer.
pub(super) async fn call(port: u16, method: &str, path: &str, body: Option<&Json>) -> Result<Answer, String> {
    let answered = tokio::time::timeout(PATIENCE, exchange(port, method, path, body)).await;
    answered.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

async fn exchange(port: u16, method: &str, path: &str, body: Option<&Json>) -> Result<Answer, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(failed)?;
    let body = body.map(Json::to_string).unwrap_or_default();
    // Version 1.0: the answer ends with the connection and has no chunks.
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, text) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
    Ok(Answer { status, text: text.to_owned() })
}
