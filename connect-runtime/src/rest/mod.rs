//! Kafka Connect's REST API over a [`Herder`]: an `axum::Router` to mount in a server of your own, or [`serve`], which
//! opens the ports that the worker's `listeners` name.
//!
//! Paths, bodies and status codes are Kafka's, so tools for Kafka Connect manage the connectors inside any process.
//!
//! ```
//! use connect_runtime::{Connect, rest};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let connect = Connect::builder().in_memory().start().await?;
//! // A server of your own, with the API beside your routes.
//! let app = axum::Router::new()
//!     .route("/hello", axum::routing::get(async || "hello"))
//!     .merge(rest::router(connect.herder()));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! println!("the API is at http://{}/connectors", listener.local_addr()?);
//! let mut server = tokio::task::JoinSet::new();
//! server.spawn(async move { axum::serve(listener, app).await });
//! # server.shutdown().await;
//! connect.shutdown().await?;
//! # Ok(())
//! # }
//! ```

mod auth;
mod body;
mod calls;
mod entities;
mod error;
mod forward;
mod headers;
mod listener;
mod openapi;
mod operation;
mod plugins;
mod serve;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::any;
use futures::FutureExt as _;
use http_body_util::{BodyExt as _, Limited};

use self::auth::BasicAuth;
use self::calls::{Answer, Call};
use self::error::{Failure, Refusal};
use self::forward::Forwarder;
use self::headers::ResponseHeaders;
pub use self::openapi::openapi;
use self::operation::{Part, Resource, parameters, segments};
pub use self::serve::{RestServer, serve};
use crate::herder::Herder;

/// Kafka's limit for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// Larger bodies are refused. A configuration of a megabyte is far from it.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The whole API as routes to mount. It opens no port and applies none of the worker's `listeners`,
/// `access.control.*` and `response.http.headers.config`: that is for the server that mounts it, or for [`serve`].
///
/// The routes are those of Kafka Connect, and `/metrics` for Prometheus. They may be nested below a path.
pub fn router(herder: Arc<dyn Herder>) -> Router {
    Api::new(herder, Parts::Both).routes()
}

/// Which parts a port offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    Both,
    Public,
    Admin,
}

/// What all requests share.
#[derive(Clone)]
struct Api {
    herder: Arc<dyn Herder>,
    parts: Parts,
    scheme: &'static str,
    auth: Option<Arc<BasicAuth>>,
    headers: Arc<ResponseHeaders>,
    forwarder: Arc<Forwarder>,
}

impl Api {
    fn new(herder: Arc<dyn Herder>, parts: Parts) -> Self {
        Self { herder, parts, scheme: "http", auth: None, headers: Arc::default(), forwarder: Arc::default() }
    }

    /// The routes; every other path is left to whoever mounts them.
    fn routes(self) -> Router {
        let handler = move |request: Request| {
            let api = self.clone();
            async move { api.answer(request).await }
        };
        let mut router = Router::new();
        for path in [
            "/",
            "/health",
            "/metrics",
            "/connectors",
            "/connectors/",
            "/connectors/{*rest}",
            "/connector-plugins",
            "/connector-plugins/",
            "/connector-plugins/{*rest}",
            "/admin/loggers",
            "/admin/loggers/",
            "/admin/loggers/{*rest}",
        ] {
            router = router.route(path, any(handler.clone()));
        }
        router
    }

    /// The routes with Kafka's answer to every other path.
    fn server(self) -> Router {
        let api = self.clone();
        self.routes().fallback(move |request: Request| {
            let api = api.clone();
            async move { api.answer(request).await }
        })
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let method = request.method().as_str().to_owned();
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut response = match AssertUnwindSafe(self.dispatch(request)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => render_failure(&Failure::of_server(StatusCode::INTERNAL_SERVER_ERROR)),
        };
        self.headers.apply(response.headers_mut(), &method, origin.as_ref());
        response
    }

    async fn dispatch(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let segments = match segments(path) {
            Ok(segments) => segments,
            Err(why) => return render_failure(&Failure::new(StatusCode::BAD_REQUEST, why)),
        };
        let names: Vec<&str> = segments.iter().map(String::as_str).collect();
        let offered = |resource: &Resource| match self.parts {
            Parts::Both => true,
            Parts::Public => resource.part() == Part::Public,
            Parts::Admin => resource.part() == Part::Admin,
        };
        let Some(resource) = Resource::find(&names).filter(offered) else {
            return render_failure(&Failure::of_server(StatusCode::NOT_FOUND));
        };
        let method = match parts.method.as_str() {
            "HEAD" => "GET",
            "OPTIONS" => return options(&resource),
            method => method,
        };
        if let Some(auth) = &self.auth
            && !resource.is_internal(method)
            && !auth.admits(parts.headers.get(header::AUTHORIZATION))
        {
            let text = "User cannot access the resource.";
            return response(StatusCode::UNAUTHORIZED, "text/plain", Some(text.to_owned()));
        }
        if !resource.methods().contains(&method) {
            let mut answer = render_failure(&Failure::of_server(StatusCode::METHOD_NOT_ALLOWED));
            answer.headers_mut().extend(allow(&resource));
            return answer;
        }
        if resource != Resource::Metrics && !accepts_json(&parts.headers) {
            return render_failure(&Failure::of_server(StatusCode::NOT_ACCEPTABLE));
        }
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return render_failure(&Failure::of_server(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Err(_) => return render_failure(&Failure::of_server(StatusCode::BAD_REQUEST)),
        };
        if takes_body(&resource, method) && !is_json(&parts.headers, &body) {
            return render_failure(&Failure::of_server(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let query = parts.uri.query().unwrap_or_default();
        let parameters = parameters(query);
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let call = Call {
            herder: &*self.herder,
            resource: &resource,
            method,
            parameters: &parameters,
            headers: &parts.headers,
            body: body.clone(),
            base: host.map(|host| format!("{}://{host}", self.scheme)).unwrap_or_default(),
        };
        let performed = tokio::time::timeout(REQUEST_TIMEOUT, call.perform()).await;
        match performed {
            Ok(Ok(answer)) => render(answer),
            Ok(Err(Refusal::Failed(failure))) => render_failure(&failure),
            Ok(Err(Refusal::Elsewhere { url })) => {
                self.forwarder.forward(url, path, &parameters, method, &parts.headers, body).await
            }
            Err(_) => render_failure(&Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "Request timed out")),
        }
    }
}

fn options(resource: &Resource) -> Response<Body> {
    let headers = allow(resource);
    let text =
        headers.get(header::ALLOW).and_then(|value| value.to_str().ok()).map(|text| text.replace(',', ", "));
    let mut answer = response(StatusCode::OK, "text/plain", text);
    answer.headers_mut().extend(headers);
    answer
}

fn allow(resource: &Resource) -> HeaderMap {
    let mut methods = resource.methods().to_vec();
    if methods.contains(&"GET") {
        methods.insert(0, "HEAD");
    }
    methods.push("OPTIONS");
    let value = HeaderValue::from_str(&methods.join(",")).ok();
    value.map(|value| (header::ALLOW, value)).into_iter().collect()
}

/// Whether a request's body means something.
fn takes_body(resource: &Resource, method: &str) -> bool {
    matches!(
        (resource, method),
        (Resource::Connectors | Resource::Tasks(_), "POST")
            | (Resource::Config(_), "PUT" | "PATCH")
            | (Resource::Offsets(_), "PATCH")
            | (Resource::Validate(_) | Resource::Logger(_), "PUT")
    )
}

/// A body is JSON when it says so; one that is empty need not say anything.
fn is_json(headers: &HeaderMap, body: &Bytes) -> bool {
    match headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default()) {
        None => body.is_empty(),
        Some(ty) => essence(ty).eq_ignore_ascii_case("application/json"),
    }
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().peekable();
    accepted.peek().is_none()
        || accepted.any(|value| {
            value.to_str().unwrap_or_default().split(',').any(|range| {
                ["application/json", "application/*", "*/*"]
                    .iter()
                    .any(|known| essence(range).eq_ignore_ascii_case(known))
            })
        })
}

fn render(answer: Answer) -> Response<Body> {
    let Answer { status, body, content_type, location } = answer;
    let mut response = response(status, content_type, body);
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn render_failure(failure: &Failure) -> Response<Body> {
    response(failure.status, "application/json", Some(failure.body()))
}

fn response(status: StatusCode, content_type: &'static str, body: Option<String>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Some(body) = body {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        *response.body_mut() = Body::from(body);
    }
    response
}

/// A header from texts, if they may stand in one.
fn header_of(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
}
