//! Making connections: name look-up, TLS, versions, login.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tokio_rustls::TlsConnector;

use super::connection::{Connection, Stream};
use super::error::{Code, broken, timed_out};
use super::messages::ApiVersions;
use super::request::Request;
use super::sasl;
use crate::kafka::properties::Reader;
use crate::kafka::security::{self, Sasl};
use crate::kafka::tls;
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// What every connection of a client has in common.
pub(in crate::kafka) struct Connector {
    client_id: Arc<str>,
    tls: Option<TlsConnector>,
    sasl: Option<Sasl>,
    /// How long making a connection may take, login included.
    patience: Duration,
    /// How long a broker may take for an answer.
    pub(in crate::kafka) request_timeout: Duration,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl Connector {
    /// Reads `client.id`, `security.protocol`, `sasl.*`, `ssl.*` and the time for making connections.
    pub(in crate::kafka) async fn read(reader: &mut Reader<'_>, request_timeout: Duration) -> Result<Self> {
        let client_id = reader.text("client.id").unwrap_or("connect").into();
        let setup = reader.millis("socket.connection.setup.timeout.ms")?.unwrap_or(Duration::from_secs(10));
        let security = security::read(reader).await?;
        Ok(Self {
            client_id,
            tls: security.tls.as_ref().map(tls::config).transpose()?.map(TlsConnector::from),
            sasl: security.sasl,
            patience: setup.min(request_timeout).max(Duration::from_millis(1)),
            request_timeout,
        })
    }

    /// Connects and logs in.
    pub(in crate::kafka) async fn connect(&self, address: &str) -> Result<Connection> {
        match timeout(self.patience, Box::pin(self.open(address))).await {
            Ok(connection) => connection,
            Err(_) => Err(timed_out(format_args!("connecting to the broker {address}"))),
        }
    }

    async fn open(&self, address: &str) -> Result<Connection> {
        let tried = || format!("connecting to the broker {address}");
        let plain = TcpStream::connect(address).await.map_err(|error| broken(tried(), error))?;
        // Requests are whole when they are written: waiting for more only delays them.
        plain.set_nodelay(true).map_err(|error| broken(tried(), error))?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(plain),
            Some(tls) => {
                let name = server_name(address)?;
                let stream = tls.connect(name, plain).await.map_err(|error| refused_tls(address, error))?;
                Box::new(stream)
            }
        };
        let mut connection = Connection::new(stream, address.into(), Arc::clone(&self.client_id));
        let mut versions = connection.call(&ApiVersions, self.patience).await?;
        if Code(versions.code) == Code::UNSUPPORTED_VERSION {
            // Older than Kafka 2.4.
            versions = connection.call_version(&ApiVersions, ApiVersions::OLDEST, self.patience).await?;
        }
        if !Code(versions.code).is_ok() {
            return Err(Code(versions.code).failed(tried(), None));
        }
        connection.learn(&versions);
        if let Some(sasl) = &self.sasl {
            sasl::log_in(&mut connection, sasl, self.patience).await?;
        }
        Ok(connection)
    }
}

fn server_name(address: &str) -> Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|error| {
        let message = format!("TLS needs a name or an address, which `{host}` is not");
        KafkaError::new(KafkaErrorKind::Config, message).with_source(error)
    })
}

/// A certificate that is not trusted stays so; a connection that broke meanwhile is another matter.
fn refused_tls(address: &str, error: std::io::Error) -> KafkaError {
    let is_about_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    if !is_about_tls {
        return broken(format_args!("connecting to the broker {address}"), error);
    }
    let message = format!("agreeing on TLS with the broker {address}");
    KafkaError::new(KafkaErrorKind::Authentication, message).with_source(error)
}
