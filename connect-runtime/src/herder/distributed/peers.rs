//! Requests from one worker to another: the tasks of a connector to the leader, and what producers are to be fenced.

use async_trait::async_trait;
use base64::Engine as _;
use bytes::Bytes;
use connect_api::{Error, Properties, Result};

use crate::config::WorkerConfig;
use crate::storage::cluster::ClusterConfig;
use crate::wire::request_signature::RequestSignature;

/// A signature, as it stands in two headers.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `X-Connect-Authorization`.
    pub mac: String,
    /// `X-Connect-Request-Signature-Algorithm`.
    pub algorithm: &'static str,
}

/// A request to the REST API of another worker.
#[derive(Clone, Debug)]
pub struct PeerRequest {
    /// `POST` or `PUT`.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// JSON, or nothing.
    pub body: Bytes,
    /// What proves that it comes from a worker of the group.
    pub signature: Option<Signature>,
}

/// The way to the other workers.
#[async_trait]
pub trait Peers: Send + Sync {
    /// Sends a request; answers the status and the body of the answer.
    ///
    /// # Errors
    ///
    /// A retriable error when the worker cannot be reached.
    async fn send(&self, request: PeerRequest) -> Result<(u16, Bytes)>;
}

/// The usual way.
#[cfg(feature = "rest")]
pub(crate) async fn http(worker: &WorkerConfig) -> crate::error::Result<std::sync::Arc<dyn Peers>> {
    Ok(std::sync::Arc::new(super::http::Http { tls: crate::tls::of_peers(worker).await? }))
}

/// There is none: a worker of a cluster needs a REST API.
#[cfg(not(feature = "rest"))]
#[expect(clippy::unused_async, reason = "with the feature it reads files")]
pub(crate) async fn http(_: &WorkerConfig) -> crate::error::Result<std::sync::Arc<dyn Peers>> {
    Err(crate::Error::Config(
        "a distributed worker talks to the others over their REST APIs: enable the feature rest of connect-runtime"
            .to_owned(),
    ))
}

/// The request that brings a connector's tasks to the leader.
pub(super) fn put_tasks(leader: &str, connector: &str, configs: &[Properties]) -> Result<PeerRequest> {
    let configs: Vec<_> = configs
        .iter()
        .map(|config| {
            let members = config.iter().map(|(key, value)| (key.to_owned(), value.into()));
            serde_json::Value::Object(members.collect())
        })
        .collect();
    let body = serde_json::to_vec(&configs)
        .map_err(|error| Error::connect("write the tasks of a connector as JSON").with_source(error))?;
    let url =
        format!("{}/connectors/{}/tasks?forward=false", leader.trim_end_matches('/'), escaped(connector));
    Ok(PeerRequest { method: "POST", url, body: Bytes::from(body), signature: None })
}

/// The request that has the producers of a connector's former tasks fenced.
pub(super) fn fence(leader: &str, connector: &str) -> PeerRequest {
    let url =
        format!("{}/connectors/{}/fence?forward=false", leader.trim_end_matches('/'), escaped(connector));
    PeerRequest { method: "PUT", url, body: Bytes::new(), signature: None }
}

/// Signs with the key of the group.
pub(super) fn sign(mut request: PeerRequest, config: &ClusterConfig, algorithm: &str) -> Result<PeerRequest> {
    let key =
        session_key(config).ok_or_else(|| Error::retriable("the leader has not shared a session key yet"))?;
    let (mac, algorithm) = RequestSignature::sign(&key, algorithm, &request.body).ok_or_else(|| {
        Error::config("inter.worker.signature.algorithm", format!("there is no {algorithm}"))
    })?;
    request.signature = Some(Signature { mac, algorithm });
    Ok(request)
}

/// The bytes of the key that the group has now.
pub(super) fn session_key(config: &ClusterConfig) -> Option<Vec<u8>> {
    let key = config.session_key.as_ref()?;
    base64::engine::general_purpose::STANDARD.decode(&key.key).ok()
}

/// A name as a segment of a URL.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_the_url() {
        let request = put_tasks("http://a:1/", "a b/c", &[Properties::from([("k", "v")])]).unwrap();
        assert_eq!(request.url, "http://a:1/connectors/a%20b%2Fc/tasks?forward=false");
        assert_eq!(request.body, r#"[{"k":"v"}]"#);
        assert_eq!(fence("http://a:1", "c").url, "http://a:1/connectors/c/fence?forward=false");
    }
}
