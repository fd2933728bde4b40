//! The script of REST calls in `calls.jsonl`, which a genuine Java worker answered as `java.jsonl` says, against a
//! worker of ours, field by field. `known.json` lists the differences that are on purpose.
//!
//! In `java.jsonl`, what depends on the time, the place or the program reads `~`: versions, worker ids, traces,
//! documentation texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use connect_runtime::{Connect, Loggers, rest};
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CALLS: &str = include_str!("calls.jsonl");
const JAVA: &str = include_str!("java.jsonl");
const KNOWN: &str = include_str!("known.json");

struct Answer {
    status: u64,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Calls the worker as the script that recorded Java's answers did.
struct Client {
    address: String,
    directory: String,
}

impl Client {
    async fn call(&self, call: &Json) -> Answer {
        let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
        let (body, mut ty) = match (&call["body"], &call["text"]) {
            (Json::Null, Json::Null) => (None, None),
            (Json::Null, text) => (text.as_str().map(str::to_owned), Some("application/json".to_owned())),
            (body, _) => (Some(body.to_string()), Some("application/json".to_owned())),
        };
        let mut headers = String::new();
        for (name, value) in call["headers"].as_object().into_iter().flatten() {
            match (name.as_str(), value.as_str()) {
                ("Content-Type", value) => ty = value.map(str::to_owned),
                (name, Some(value)) => headers.push_str(&format!("{name}: {value}\r\n")),
                (_, None) => {}
            }
        }
        if let Some(ty) = ty {
            headers.push_str(&format!("Content-Type: {ty}\r\n"));
        }
        let body = body.map(|body| body.replace("$DIR", &self.directory));
        if body.is_some() || ["POST", "PUT", "PATCH"].contains(&text("method").as_str()) {
            headers.push_str(&format!("Content-Length: {}\r\n", body.as_ref().map_or(0, String::len)));
        }
        let request = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n{}",
            text("method"),
            text("path"),
            self.address,
            body.unwrap_or_default()
        );
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        let answer = String::from_utf8_lossy(&bytes);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.replace(&self.address, "$HOST")))
        };
        Answer {
            status,
            headers: lines.filter_map(header).collect(),
            body: body.replace(&self.directory, "$DIR"),
        }
    }

    /// Waits for what the call says. `true`: this was to be waited for before the call.
    async fn wait(&self, wait: &Json, before: bool) {
        if wait.is_null() || before != (wait.get("topics").is_some() || wait.get("offsets").is_some()) {
            return;
        }
        let get = |path: String| serde_json::json!({"method": "GET", "path": path});
        for _ in 0..400 {
            let there = if let Some(name) = wait.get("topics").and_then(Json::as_str) {
                let answer = self.call(&get(format!("/connectors/{name}/topics"))).await;
                answer.body.contains(wait["topic"].as_str().unwrap())
            } else if let Some(name) = wait.get("offsets").and_then(Json::as_str) {
                self.call(&get(format!("/connectors/{name}/offsets"))).await.body.contains("partition")
            } else {
                let name: String =
                    wait["connector"].as_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect();
                let answer = self.call(&get(format!("/connectors/{name}/status"))).await;
                let status: Json = serde_json::from_str(&answer.body).unwrap_or_default();
                let tasks: Vec<&str> = status["tasks"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|task| task["state"].as_str())
                    .collect();
                let wanted = match wait.get("task") {
                    Some(state) => vec![state.as_str().unwrap()],
                    None => vec![wait["state"].as_str().unwrap(); wait["tasks"].as_u64().unwrap() as usize],
                };
                status["connector"]["state"] == wait["state"] && tasks == wanted
            };
            if there {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{wait} did not come");
    }
}

/// Takes out what differs between any two workers; a list of keys becomes a map by name.
fn normal(json: &Json) -> Json {
    const ANY: [&str; 7] =
        ["version", "trace", "worker_id", "last_modified", "kafka_cluster_id", "commit", "documentation"];
    match json {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| match name.as_str() {
                "configs" => {
                    let keys = value.as_array().into_iter().flatten();
                    let by_name =
                        keys.map(|key| (key["value"]["name"].as_str().unwrap().to_owned(), normal(key)));
                    (name.clone(), Json::Object(by_name.collect()))
                }
                any if ANY.contains(&any) && !value.is_null() => (name.clone(), Json::from("~")),
                _ => (name.clone(), normal(value)),
            })
            .collect(),
        // Lists of keys and of plugins are compared by what their members are called.
        Json::Array(items) => {
            let called = |item: &Json| match (item["class"].as_str(), item["order_in_group"].as_i64()) {
                (Some(class), _) => Some(format!("{} {class}", item["type"].as_str()?)),
                (None, Some(_)) => item["name"].as_str().map(str::to_owned),
                (None, None) => None,
            };
            let by_name: Option<serde_json::Map<_, _>> =
                items.iter().map(|item| Some((called(item)?, normal(item)))).collect();
            match by_name {
                Some(members) if members.len() == items.len() && !items.is_empty() => Json::Object(members),
                _ => items.iter().map(normal).collect(),
            }
        }
        // The version of a plugin.
        Json::String(text) if text == "4.3.1" || text == env!("CARGO_PKG_VERSION") => Json::from("~"),
        // Jackson says where in the body it was.
        Json::String(text) => Json::from(text.split("\n at [Source").next().unwrap()),
        other => other.clone(),
    }
}

fn differences(at: &str, java: &Json, ours: &Json, found: &mut BTreeMap<String, String>) {
    match (java, ours) {
        (Json::Object(java), Json::Object(ours)) => {
            for name in java.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
                let absent = Json::from("(absent)");
                let (java, ours) = (java.get(name).unwrap_or(&absent), ours.get(name).unwrap_or(&absent));
                differences(&format!("{at}/{name}"), java, ours, found);
            }
        }
        (Json::Array(java), Json::Array(ours)) if java.len() == ours.len() => {
            for (index, (java, ours)) in java.iter().zip(ours).enumerate() {
                differences(&format!("{at}/{index}"), java, ours, found);
            }
        }
        (java, ours) if java != ours => {
            found.insert(at.to_owned(), format!("Java: {java}, ours: {ours}"));
        }
        _ => {}
    }
}

fn compare(java: &Json, ours: &Answer) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    differences("status", &java["status"], &ours.status.into(), &mut found);
    let header = |name: &str| {
        (
            java["headers"][name].clone(),
            ours.headers.get(name).map_or(Json::Null, |text| text.as_str().into()),
        )
    };
    let (theirs, own) = header("location");
    differences("location", &theirs, &own, &mut found);
    if ours.status < 300 {
        let (theirs, own) = header("content-type");
        differences("content-type", &theirs, &own, &mut found);
    }
    if ours.status == 200 {
        let set = |json: Json| -> BTreeSet<String> {
            json.as_str().unwrap_or_default().split(',').map(str::to_owned).collect()
        };
        let (theirs, own) = header("allow");
        if set(theirs.clone()) != set(own.clone()) {
            found.insert("allow".to_owned(), format!("Java: {theirs}, ours: {own}"));
        }
    }
    let body = serde_json::from_str(&ours.body).unwrap_or_else(|_| match java["text"].as_str() {
        // The order of methods is nobody's business.
        Some(text) if java["headers"]["allow"].is_string() && ours.body.len() == text.len() => text.into(),
        _ => Json::from(ours.body.as_str()),
    });
    let theirs = if java["body"].is_null() { &java["text"] } else { &java["body"] };
    differences("", &normal(theirs), &normal(&body), &mut found);
    found
}

fn lines(text: &str) -> impl Iterator<Item = Json> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_answered_as_by_a_java_worker() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("in.txt"), "one\ntwo\nthree\n").unwrap();
    let connect = worker(directory.path()).await;
    let server = rest::serve(connect.herder()).await.unwrap();
    let client = Client {
        address: server.addresses()[0].strip_prefix("http://").unwrap().to_owned(),
        directory: directory.path().to_string_lossy().into_owned(),
    };
    let java: BTreeMap<String, Json> =
        lines(JAVA).map(|answer| (answer["id"].as_str().unwrap().to_owned(), answer)).collect();
    let known: Json = serde_json::from_str(KNOWN).unwrap();
    let mut report = Vec::new();
    let mut calls = 0;
    for call in lines(CALLS) {
        calls += 1;
        let id = call["id"].as_str().unwrap();
        client.wait(&call["wait"], true).await;
        let answer = client.call(&call).await;
        let found = compare(&java[id], &answer);
        client.wait(&call["wait"], false).await;
        let listed: BTreeSet<&str> =
            known[id]["differs"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let under = |path: &str| listed.iter().any(|known| path.starts_with(known));
        for (path, what) in found.iter().filter(|(path, _)| !under(path)) {
            report.push(format!("{id} {path}: {what}"));
        }
        for gone in listed.iter().filter(|known| !found.keys().any(|path| path.starts_with(**known))) {
            report.push(format!("{id} {gone}: listed in known.json, and is no difference any more"));
        }
    }
    assert!(calls >= 150);
    for id in known.as_object().unwrap().keys().filter(|id| !java.contains_key(*id)) {
        report.push(format!("{id}: listed in known.json, and is no call"));
    }
    assert!(report.is_empty(), "{} differences:\n{}", report.len(), report.join("\n"));
    server.shutdown().await;
    connect.shutdown().await.unwrap();
}

async fn worker(directory: &Path) -> Connect {
    let offsets = directory.join("offsets");
    Connect::builder()
        .in_memory()
        .standalone()
        .property("bootstrap.servers", "memory:1")
        .property("listeners", "http://127.0.0.1:0")
        .property("key.converter", "org.apache.kafka.connect.json.JsonConverter")
        .property("value.converter", "org.apache.kafka.connect.json.JsonConverter")
        .property("offset.storage.file.filename", offsets.to_string_lossy())
        .property("offset.flush.interval.ms", "50")
        .plugins(connect_file::register)
        .plugins(connect_transforms::register)
        .loggers(Loggers::new("INFO", [("connect_runtime", "INFO")], |_| {}))
        .start()
        .await
        .unwrap()
}

#[test]
fn the_checked_in_openapi_document_is_the_one_that_the_code_makes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = format!("{:#}\n", rest::openapi());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == made, "docs/openapi.json is old: run this test with UPDATE_EXPECT=1");
}
