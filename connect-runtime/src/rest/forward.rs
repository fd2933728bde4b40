//! Requests that another worker of the group has to answer.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::Failure;
use super::operation::encode;
use super::{MAX_BODY, render_failure, response};
use crate::wire::request_signature::{ALGORITHM_HEADER, SIGNATURE_HEADER};

/// Kafka's words for a request that was sent on before, or that nobody can take.
const CONFLICT: &str = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)";
const NO_LEADER: &str = "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.";

/// Sends requests to other workers.
#[derive(Default)]
pub(super) struct Forwarder {
    /// For workers whose address is `https`.
    pub(super) tls: Option<TlsConnector>,
}

impl Forwarder {
    /// Sends a request on, unless it went its way twice already: `forward` is missing at first, then `true`, then
    /// `false`.
    pub(super) async fn forward(
        &self,
        url: Option<String>,
        path: &str,
        parameters: &[(String, String)],
        method: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Response<Body> {
        let forward = parameters.iter().find(|(name, _)| name == "forward").map(|(_, value)| value.as_str());
        let next = match forward {
            None => true,
            Some(value) if value.eq_ignore_ascii_case("true") => false,
            Some(_) => return render_failure(&Failure::new(StatusCode::CONFLICT, CONFLICT)),
        };
        let Some(url) = url else { return render_failure(&Failure::new(StatusCode::CONFLICT, NO_LEADER)) };
        let query = parameters
            .iter()
            .filter(|(name, _)| name != "forward")
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .chain([format!("forward={next}")])
            .collect::<Vec<_>>()
            .join("&");
        let target = format!("{}{path}?{query}", url.trim_end_matches('/'));
        tracing::debug!(%target, method, "sending a request on to another worker");
        match self.send(&target, method, headers, body).await {
            Ok(answer) => answer,
            Err(error) => render_failure(&Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("IO Error trying to forward REST request: {error}"),
            )),
        }
    }

    async fn send(
        &self,
        target: &str,
        method: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let uri: Uri = target.parse()?;
        let host = uri.host().unwrap_or_default().to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let mut request = Request::builder()
            .method(method)
            .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::USER_AGENT, "kafka-connect")
            .header(header::ACCEPT, "application/json");
        for name in [header::AUTHORIZATION.as_str(), SIGNATURE_HEADER, ALGORITHM_HEADER] {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body))?;
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let answer = if secure {
            let tls = self.tls.as_ref().ok_or("this worker has no TLS settings below listeners.https.")?;
            let name = rustls::pki_types::ServerName::try_from(host.clone())?;
            exchange(tls.connect(name, stream).await?, request).await?
        } else {
            exchange(stream, request).await?
        };
        Ok(answer)
    }
}

async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
    // Errors are relayed with their code and message, as everything else.
    let text = String::from_utf8_lossy(&body).into_owned();
    let mut answer = response(parts.status, "application/json", (!text.is_empty()).then_some(text));
    if let Some(location) = parts.headers.get(header::LOCATION) {
        answer.headers_mut().insert(header::LOCATION, location.clone());
    }
    driver.shutdown().await;
    Ok(answer)
}

/// A text as it may stand in a query.
fn escape(text: &str) -> String {
    encode(text).replace('&', "%26").replace('=', "%3D").replace('+', "%2B")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn code(forward: Option<&str>, url: Option<&str>) -> u16 {
        let parameters: Vec<_> =
            forward.map(|value| ("forward".to_owned(), value.to_owned())).into_iter().collect();
        let headers = HeaderMap::new();
        let url = url.map(str::to_owned);
        let forwarder = Forwarder::default();
        forwarder
            .forward(url, "/connectors", &parameters, "GET", &headers, Bytes::new())
            .await
            .status()
            .as_u16()
    }

    #[tokio::test]
    async fn a_request_that_was_sent_on_twice_is_a_conflict() {
        assert_eq!(code(Some("false"), Some("http://127.0.0.1:1/")).await, 409);
        assert_eq!(code(None, None).await, 409, "nobody knows the leader");
        assert_eq!(code(Some("true"), Some("http://127.0.0.1:1/")).await, 500, "nobody listens there");
    }

    #[test]
    fn parameters_are_escaped() {
        assert_eq!(escape("a=b&c d+e_f"), "a%3Db%26c%20d%2Be_f");
    }
}
