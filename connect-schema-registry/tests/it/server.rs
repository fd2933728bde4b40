//! The strict registry in memory behind HTTP, with doors that a test opens and closes.

use std::sync::{Arc, Mutex};

use connect_schema_registry::registry::{
    MemoryRegistry, Registered, RegistryError, RegistryResult, RegistrySchema, SchemaReference,
    SchemaRegistry, SchemaType, Version,
};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// It is answered.
    Open,
    /// The connection is closed at once, as where a registry is down.
    Shut,
    /// It waits until the door is another one.
    Slow,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The lines after the first.
    pub(crate) headers: String,
    pub(crate) body: String,
}

type Guard = dyn Fn(&Request) -> Option<(u16, Value)> + Send + Sync;

/// A registry behind a port of this machine.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) door: watch::Sender<Door>,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

/// Serves a registry to everybody.
pub(crate) async fn serve() -> Server {
    guarded(|_| None).await
}

/// Serves a registry. What the guard answers is the answer; it sees each request first.
pub(crate) async fn guarded(
    guard: impl Fn(&Request) -> Option<(u16, Value)> + Send + Sync + 'static,
) -> Server {
    start(Arc::new(guard), None).await
}

/// Serves a registry over TLS.
pub(crate) async fn with_tls(config: rustls::ServerConfig) -> Server {
    start(Arc::new(|_: &Request| None), Some(TlsAcceptor::from(Arc::new(config)))).await
}

impl Server {
    /// Waits until so many requests came.
    pub(crate) async fn requested(&self, count: usize) {
        while self.requests.lock().unwrap().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

async fn start(guard: Arc<Guard>, tls: Option<TlsAcceptor>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://localhost:{}", listener.local_addr().unwrap().port());
    let registry = Arc::new(MemoryRegistry::new());
    let (door, watched) = watch::channel(Door::Open);
    let requests = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    let (kept, log) = (Arc::clone(&registry), Arc::clone(&requests));
    tasks.spawn(async move {
        let mut talks = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (registry, log, door) = (Arc::clone(&kept), Arc::clone(&log), watched.clone());
            let (guard, tls) = (Arc::clone(&guard), tls.clone());
            talks.spawn(async move {
                match tls {
                    None => talk(stream, &registry, &log, door, &*guard).await,
                    // A handshake that fails is the client's to tell.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => talk(stream, &registry, &log, door, &*guard).await,
                        Err(_) => None,
                    },
                }
            });
            while talks.try_join_next().is_some() {}
        }
    });
    Server { url, registry, door, requests, _tasks: tasks }
}

/// One request and its answer; the connection ends with it. `None` where the other side went away.
async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    registry: &MemoryRegistry,
    log: &Mutex<Vec<Request>>,
    mut door: watch::Receiver<Door>,
    guard: &Guard,
) -> Option<()> {
    if *door.borrow() == Door::Shut {
        return None;
    }
    let request = read(&mut stream).await?;
    log.lock().unwrap().push(request.clone());
    door.wait_for(|door| *door != Door::Slow).await.ok()?;
    let (status, answer) = match guard(&request) {
        Some(answer) => answer,
        None => match answer(registry, &request).await {
            Ok(answer) => (200, answer),
            Err(error) => (error.status, json!({"error_code": error.code, "message": error.message})),
        },
    };
    let body = answer.to_string();
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}", body.len());
    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let headers = headers.to_ascii_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            let mut words = first.split(' ').map(str::to_owned);
            let (method, path) = (words.next()?, words.next()?);
            // Credentials keep their case.
            let headers = head.split_once("\r\n").map(|(_, headers)| headers.to_owned()).unwrap_or_default();
            return Some(Request { method, path, headers, body: body.to_owned() });
        }
    }
}

async fn answer(registry: &MemoryRegistry, request: &Request) -> RegistryResult<Value> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let parts: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let has = |parameter: &str| query.split('&').any(|other| other == parameter);
    let (normalize, deleted) = (has("normalize=true"), has("deleted=true"));
    match (request.method.as_str(), &parts[..]) {
        ("POST", ["subjects", subject, "versions"]) => {
            let id = registry.register(subject, &schema(&request.body)?, normalize).await?;
            Ok(json!({ "id": id }))
        }
        ("POST", ["subjects", subject]) => registry
            .lookup(subject, &schema(&request.body)?, normalize, deleted)
            .await
            .map(|found| told(&found)),
        ("GET", ["schemas", "ids", id]) => {
            let schema = registry.by_id(id.parse().unwrap(), None).await?;
            let mut json = described(&schema);
            json["maxId"] = json!(1);
            Ok(json)
        }
        ("GET", ["subjects", subject, "versions", version]) => {
            let version = version.parse().map_or(Version::Latest, Version::Number);
            registry.by_version(subject, version, deleted).await.map(|found| told(&found))
        }
        _ => Err(RegistryError::new(404, 404, "HTTP 404 Not Found")),
    }
}

fn schema(body: &str) -> RegistryResult<RegistrySchema> {
    let json: Value = serde_json::from_str(body).unwrap();
    let ty = json["schemaType"].as_str().map_or(Ok(SchemaType::Avro), str::parse)?;
    let reference = |json: &Value| SchemaReference {
        name: json["name"].as_str().unwrap().to_owned(),
        subject: json["subject"].as_str().unwrap().to_owned(),
        version: json["version"].as_i64().unwrap().try_into().unwrap(),
    };
    let references = json["references"].as_array().into_iter().flatten().map(reference).collect();
    Ok(RegistrySchema::new(ty, json["schema"].as_str().unwrap()).with_references(references))
}

fn described(schema: &RegistrySchema) -> Value {
    let reference = |reference: &SchemaReference| json!({"name": reference.name, "subject": reference.subject, "version": reference.version});
    let references: Vec<Value> = schema.references.iter().map(reference).collect();
    json!({"schema": &*schema.text, "schemaType": schema.ty.as_str(), "references": references})
}

fn told(registered: &Registered) -> Value {
    let mut json = described(&registered.schema);
    json["subject"] = json!(registered.subject);
    json["version"] = json!(registered.version);
    json["id"] = json!(registered.id);
    json
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = (*first == b'%').then(|| std::str::from_utf8(&tail[..2]).unwrap());
        rest = if hex.is_some() { &tail[2..] } else { tail };
        bytes.push(hex.map_or(*first, |hex| u8::from_str_radix(hex, 16).unwrap()));
    }
    String::from_utf8(bytes).unwrap()
}
