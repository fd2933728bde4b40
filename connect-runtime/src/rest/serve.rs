//! [`serve`]: the ports that the worker's configuration names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::auth::BasicAuth;
use super::forward::Forwarder;
use super::headers::ResponseHeaders;
use super::listener::{Address, Secure};
use super::{Api, Parts};
use crate::error::Result;
use crate::herder::Herder;
use crate::tls;

/// How long requests under way may take when the server stops: Kafka's time for it.
const GRACE: Duration = Duration::from_secs(60);

/// A running server of the API. Dropping it closes its ports at once.
#[derive(Debug)]
pub struct RestServer {
    addresses: Vec<String>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
}

impl RestServer {
    /// Where the API is, `http://127.0.0.1:8083` for instance; the administrative part last, if it has its own ports.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Accepts no further requests and waits for those under way, for at most a minute.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let all = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("requests to the REST API did not end within {GRACE:?} and were cut off");
        }
    }
}

/// Opens the ports that `listeners` and `admin.listeners` of the worker name, and serves the API there: with TLS after
/// `listeners.https.*`, with the headers of `response.http.headers.config` and `access.control.*`, and for users only
/// when `rest.extension.classes` names Kafka's basic-auth extension.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) for settings that cannot be used,
/// [`Error::Unavailable`](crate::Error::Unavailable) for a port that cannot be opened.
///
/// ```
/// use connect_runtime::{Connect, rest};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = Connect::builder().in_memory().property("listeners", "http://127.0.0.1:0").start().await?;
/// let server = rest::serve(connect.herder()).await?;
/// println!("listening on {}", server.addresses()[0]);
/// server.shutdown().await;
/// connect.shutdown().await?;
/// # Ok(())
/// # }
/// ```
pub async fn serve(herder: Arc<dyn Herder>) -> Result<RestServer> {
    let config = herder.worker_config().clone();
    let rest = &config.rest;
    let auth = BasicAuth::read(&config).await?.map(Arc::new);
    let api = Api {
        auth,
        headers: Arc::new(ResponseHeaders::new(rest)),
        forwarder: Arc::new(Forwarder { tls: tls::of_peers(&config).await? }),
        ..Api::new(Arc::clone(&herder), Parts::Both)
    };
    let mut ports = Vec::new();
    let public = if rest.admin_listeners.is_none() { Parts::Both } else { Parts::Public };
    for listener in &rest.listeners {
        ports.push((Address::parse(listener)?, public, "listeners.https."));
    }
    for listener in rest.admin_listeners.iter().flatten().filter(|listener| !listener.trim().is_empty()) {
        ports.push((Address::parse(listener)?, Parts::Admin, "admin.listeners.https."));
    }
    let (stop, stopped) = watch::channel(false);
    let mut server = RestServer { addresses: Vec::new(), stop, servers: JoinSet::new() };
    for (address, parts, prefix) in ports {
        let acceptor = match address.secure {
            true => Some(tls::acceptor(&tls::settings(config.properties(), prefix)).await?),
            false => None,
        };
        let listener = address.open().await?;
        let local = listener.local_addr().map_err(|error| {
            crate::Error::Unavailable(format!("the port of the REST API is gone: {error}"))
        })?;
        server.addresses.push(format!("{}://{}", address.scheme(), shown(local)));
        let router = Api { parts, scheme: address.scheme(), ..api.clone() }.server();
        match acceptor {
            Some(acceptor) => {
                server.servers.spawn(run(Secure::new(listener, acceptor), router, stopped.clone()))
            }
            None => server.servers.spawn(run(listener, router, stopped.clone())),
        };
    }
    Ok(server)
}

/// All interfaces are `localhost` to whoever reads the log here.
fn shown(local: SocketAddr) -> String {
    match local.ip().is_unspecified() {
        true => format!("localhost:{}", local.port()),
        false => local.to_string(),
    }
}

async fn run<L>(listener: L, router: Router, mut stopped: watch::Receiver<bool>)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stop = async move {
        // A server that was dropped is stopped, too.
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::error!(%error, "the REST server ended");
    }
}
