//! Requests between workers over HTTP/1.1, with TLS where the address says `https`.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Result, ResultExt};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::peers::{PeerRequest, Peers};
use crate::wire::request_signature::{ALGORITHM_HEADER, SIGNATURE_HEADER};

/// How long another worker may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest answer that is read.
const LONGEST: usize = 1 << 20;

/// See the module.
pub(super) struct Http {
    /// For workers whose address is `https`.
    pub(super) tls: Option<TlsConnector>,
}

#[async_trait]
impl Peers for Http {
    async fn send(&self, request: PeerRequest) -> Result<(u16, Bytes)> {
        let url = request.url.clone();
        let sent = tokio::time::timeout(PATIENCE, send(request, self.tls.as_ref())).await;
        sent.unwrap_or_else(|_| Err(Error::retriable("another worker did not answer in time")))
            .map_err(|error| error.with("url", url))
    }
}

async fn send(request: PeerRequest, tls: Option<&TlsConnector>) -> Result<(u16, Bytes)> {
    let uri: Uri = request.url.parse().data_err("read the address of another worker")?;
    let secure = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default().to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut builder = Request::builder()
        .method(request.method)
        .uri(path)
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::USER_AGENT, "kafka-connect")
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(signature) = &request.signature {
        builder =
            builder.header(SIGNATURE_HEADER, &signature.mac).header(ALGORITHM_HEADER, signature.algorithm);
    }
    let message = builder.body(Full::new(request.body)).data_err("write a request to another worker")?;
    let address = (host.trim_matches(['[', ']']), port);
    let stream = TcpStream::connect(address).await.retriable("connect to another worker")?;
    if !secure {
        return exchange(stream, message).await;
    }
    let tls = tls.ok_or_else(|| {
        Error::config(
            "listeners.https.ssl.truststore.location",
            "another worker is reached over https: set a truststore in PEM that vouches for its certificate",
        )
    })?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        .data_err("read the host of another worker")?;
    exchange(tls.connect(name, stream).await.retriable("agree on TLS with another worker")?, message).await
}

async fn exchange<S>(stream: S, message: Request<Full<Bytes>>) -> Result<(u16, Bytes)>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .retriable("talk to another worker")?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (parts, body) =
        sender.send_request(message).await.retriable("send a request to another worker")?.into_parts();
    let body = Limited::new(body, LONGEST).collect().await;
    let body =
        body.map_err(|error| Error::retriable("read the answer of another worker").with_source(error))?;
    Ok((parts.status.as_u16(), body.to_bytes()))
}
