//! Ports that speak HTTP or HTTPS: an address out of `listeners`, opened.

use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::error::{Error, Result};

/// How long a peer may take for a TLS handshake.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);
/// How many handshakes may be under way.
const HANDSHAKES: usize = 128;

/// `protocol://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) secure: bool,
    /// Empty for all interfaces.
    host: String,
    port: u16,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::Config(format!(
                "Listener doesn't have the right format (protocol://hostname:port). The listener is {text}"
            ))
        };
        let (protocol, address) = text.trim().split_once("://").ok_or_else(bad)?;
        let (host, port) = address.trim_end_matches('/').rsplit_once(':').ok_or_else(bad)?;
        let secure = match protocol.to_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => {
                return Err(Error::Config(format!(
                    "Listener protocol must be one of the following: http,https. It is {protocol}"
                )));
            }
        };
        Ok(Self {
            secure,
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port.parse().map_err(|_| bad())?,
        })
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    pub(super) async fn open(&self) -> Result<TcpListener> {
        let opened = match self.host.as_str() {
            // Both families where the system has both.
            "" => match TcpListener::bind(("::", self.port)).await {
                Ok(listener) => Ok(listener),
                Err(_) => TcpListener::bind(("0.0.0.0", self.port)).await,
            },
            host => TcpListener::bind((host, self.port)).await,
        };
        opened.map_err(|error| {
            let host = if self.host.is_empty() { "all interfaces" } else { &self.host };
            Error::Unavailable(format!(
                "Unable to initialize REST server: port {} of {host} cannot be opened ({error}). Is another worker \
                 running? Set listeners to another address.",
                self.port
            ))
        })
    }
}

/// Accepts TLS connections. Handshakes go on beside each other, so that one that hangs holds up nobody.
pub(super) struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl Secure {
    pub(super) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }
}

impl Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                (stream, peer) = Listener::accept(&mut self.listener), if self.handshakes.len() < HANDSHAKES => {
                    let acceptor = self.acceptor.clone();
                    self.handshakes.spawn(async move {
                        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                            Ok(Ok(stream)) => Some((stream, peer)),
                            Ok(Err(error)) => {
                                tracing::debug!(%peer, %error, "a TLS handshake failed");
                                None
                            }
                            Err(_) => None,
                        }
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_as_kafka_writes_them() {
        let address = |secure, host: &str, port| Address { secure, host: host.to_owned(), port };
        assert_eq!(Address::parse("http://:8083").unwrap(), address(false, "", 8083));
        assert_eq!(Address::parse("HTTPS://node1:8443").unwrap(), address(true, "node1", 8443));
        assert_eq!(Address::parse("http://[::1]:1").unwrap(), address(false, "::1", 1));
        for bad in ["8083", "http://node1", "ftp://a:1", "http://a:99999"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
