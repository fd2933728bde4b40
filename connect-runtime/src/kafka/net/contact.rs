//! A way to ask whichever broker answers.

use std::sync::Arc;

use super::connection::Connection;
use super::connector::Connector;
use super::messages::Broker;
use super::request::Request;
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// Asks one broker after the other until one answers, and stays with that one. It begins with the addresses of
/// `bootstrap.servers`, learns those of the cluster, and falls back to the first ones when none of the others answers.
#[derive(Debug)]
pub(in crate::kafka) struct Contact {
    connector: Arc<Connector>,
    bootstrap: Vec<String>,
    known: Vec<String>,
    connection: Option<Connection>,
}

impl Contact {
    pub(in crate::kafka) fn new(connector: Arc<Connector>, bootstrap: Vec<String>) -> Self {
        Self { connector, bootstrap, known: Vec::new(), connection: None }
    }

    /// Remembers the brokers of the cluster.
    pub(in crate::kafka) fn learn(&mut self, brokers: &[Broker]) {
        if !brokers.is_empty() {
            self.known = brokers.iter().map(|broker| broker.address.clone()).collect();
        }
    }

    /// The connection of the last call, where it is still there.
    pub(in crate::kafka) fn connection(&self) -> Option<&Connection> {
        self.connection.as_ref()
    }

    /// Asks. An error means that no broker answered; what they said is that of the last one.
    pub(in crate::kafka) async fn call<R: Request>(&mut self, request: &R) -> Result<R::Response> {
        let patience = self.connector.request_timeout;
        if let Some(mut connection) = self.connection.take()
            && !connection.is_stale(tokio::time::Instant::now())
            && let Ok(answer) = connection.call(request, patience).await
        {
            self.connection = Some(connection);
            return Ok(answer);
        }
        let mut last = None;
        let addresses: Vec<_> = self.known.iter().chain(&self.bootstrap).cloned().collect();
        for (at, address) in addresses.iter().enumerate() {
            if addresses[..at].contains(address) {
                continue;
            }
            match ask(&self.connector, address, request).await {
                Ok((connection, answer)) => {
                    self.connection = Some(connection);
                    return Ok(answer);
                }
                // Other brokers know the same users and speak the same versions.
                Err(error) if !error.is_retriable() => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| KafkaError::new(KafkaErrorKind::Unavailable, "no broker is known")))
    }
}

async fn ask<R: Request>(
    connector: &Connector,
    address: &str,
    request: &R,
) -> Result<(Connection, R::Response)> {
    let mut connection = connector.connect(address).await?;
    let answer = connection.call(request, connector.request_timeout).await?;
    Ok((connection, answer))
}
