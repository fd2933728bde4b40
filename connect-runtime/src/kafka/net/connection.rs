//! One connection to one broker: frames out, frames in, several requests under way.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout};

use super::codec::Chunks;
use super::error::{broken, timed_out};
use super::messages::Versions;
use super::request::{self, Request};
use crate::kafka::{KafkaError, KafkaErrorKind, Result};

/// The longest answer that is read. Brokers take requests of this size; nothing asked for here comes near it.
const LONGEST_ANSWER: usize = 100 << 20;
/// Room for answers, grown when a longer one comes.
const INCOMING: usize = 16 << 10;

/// A stream of bytes in both directions, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection. After an error it is of no use any more.
///
/// Brokers answer in the order of the requests. [`send`](Self::send) and [`read`](Self::read) keep several under way;
/// [`call`](Self::call) waits for one, with nothing else under way.
pub(in crate::kafka) struct Connection {
    stream: Box<dyn Stream>,
    address: Arc<str>,
    client_id: Arc<str>,
    incoming: BytesMut,
    next_correlation: i32,
    /// The newest and the oldest version by API.
    versions: HashMap<i16, (i16, i16)>,
    transaction_version: i16,
    /// When the login ends.
    pub(super) expires: Option<Instant>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Sent {
    pub(in crate::kafka) correlation: i32,
    pub(in crate::kafka) version: i16,
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Stream>, address: Arc<str>, client_id: Arc<str>) -> Self {
        Self {
            stream,
            address,
            client_id,
            incoming: BytesMut::with_capacity(INCOMING),
            next_correlation: 0,
            versions: HashMap::new(),
            transaction_version: 0,
            expires: None,
        }
    }

    pub(super) fn learn(&mut self, versions: &Versions) {
        self.versions =
            versions.apis.iter().map(|(key, oldest, newest)| (*key, (*oldest, *newest))).collect();
        self.transaction_version = versions.transaction_version;
    }

    /// `host:port` of the broker.
    pub(in crate::kafka) fn address(&self) -> &str {
        &self.address
    }

    /// The level of the cluster's feature `transaction.version`, as this broker knew it when the connection was made.
    pub(in crate::kafka) fn transaction_version(&self) -> i16 {
        self.transaction_version
    }

    /// Whether the login ends soon, so that a new connection should take over.
    pub(in crate::kafka) fn is_stale(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The version of a request that both sides speak.
    pub(in crate::kafka) fn version<R: Request>(&self) -> Result<i16> {
        let Some((oldest, newest)) = self.versions.get(&R::KEY).copied() else {
            // Before the versions are known only those requests are sent that have a single one.
            return if self.versions.is_empty() { Ok(R::NEWEST) } else { Err(self.unspoken::<R>(None)) };
        };
        let version = newest.min(R::NEWEST);
        if version < oldest.max(R::OLDEST) {
            return Err(self.unspoken::<R>(Some((oldest, newest))));
        }
        Ok(version)
    }

    fn unspoken<R: Request>(&self, theirs: Option<(i16, i16)>) -> KafkaError {
        let theirs = theirs
            .map_or("not at all".to_owned(), |(oldest, newest)| format!("in versions {oldest} to {newest}"));
        KafkaError::new(
            KafkaErrorKind::Unsupported,
            format!(
                "the broker {} speaks {} {theirs}, but versions {} to {} are needed here, which Kafka {} and later have",
                self.address,
                R::NAME,
                R::OLDEST,
                R::NEWEST,
                R::SINCE
            ),
        )
    }

    /// Writes a request. Not cancel-safe: a call that was dropped leaves a broken connection.
    pub(in crate::kafka) async fn send<R: Request>(&mut self, request: &R) -> Result<Sent> {
        let version = self.version::<R>()?;
        self.send_version(request, version).await
    }

    /// Writes a request in a version that the caller has chosen.
    pub(in crate::kafka) async fn send_version<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<Sent> {
        let correlation = self.next_correlation;
        self.next_correlation = correlation.wrapping_add(1);
        let frame: Chunks = request::frame(request, version, correlation, &self.client_id)?;
        let written = async {
            let mut frame = frame;
            self.stream.write_all_buf(&mut frame).await?;
            self.stream.flush().await
        };
        written
            .await
            .map_err(|error| broken(format_args!("writing to the broker {}", self.address), error))?;
        Ok(Sent { correlation, version })
    }

    /// Waits for the next answer and says to which request it belongs. Cancel-safe.
    pub(in crate::kafka) async fn read(&mut self) -> Result<(i32, Bytes)> {
        loop {
            if let Some(answer) = self.next_answer()? {
                return Ok(answer);
            }
            let tried = |address: &str| format!("reading from the broker {address}");
            match self.stream.read_buf(&mut self.incoming).await {
                Ok(0) => {
                    let error =
                        std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the connection was closed");
                    return Err(broken(tried(&self.address), error));
                }
                Ok(_) => {}
                Err(error) => return Err(broken(tried(&self.address), error)),
            }
        }
    }

    fn next_answer(&mut self) -> Result<Option<(i32, Bytes)>> {
        let Some((length, _)) = self.incoming.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or_default();
        if !(4..=LONGEST_ANSWER).contains(&length) {
            return Err(KafkaError::new(
                KafkaErrorKind::Unavailable,
                format!("{} does not answer as a Kafka broker does: is the port one for TLS?", self.address),
            ));
        }
        if self.incoming.len() < 4 + length {
            self.incoming.reserve(4 + length - self.incoming.len());
            return Ok(None);
        }
        self.incoming.advance(4);
        let mut answer = self.incoming.split_to(length).freeze();
        if self.incoming.capacity() < INCOMING / 2 {
            self.incoming.reserve(INCOMING);
        }
        let correlation = answer.get_i32();
        Ok(Some((correlation, answer)))
    }

    /// Sends a request and waits for its answer.
    pub(in crate::kafka) async fn call<R: Request>(
        &mut self,
        request: &R,
        patience: Duration,
    ) -> Result<R::Response> {
        let version = self.version::<R>()?;
        self.call_version(request, version, patience).await
    }

    /// The same in a version that the caller has chosen.
    pub(in crate::kafka) async fn call_version<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        patience: Duration,
    ) -> Result<R::Response> {
        let answered = timeout(patience, async {
            let sent = self.send_version(request, version).await?;
            let (correlation, body) = self.read().await?;
            if correlation != sent.correlation {
                return Err(self.out_of_step());
            }
            Ok(body)
        });
        let Ok(body) = answered.await else {
            return Err(timed_out(format_args!("asking the broker {} for {}", self.address, R::NAME)));
        };
        request::answer::<R>(version, &body?)
    }

    /// An answer that belongs to no request.
    pub(in crate::kafka) fn out_of_step(&self) -> KafkaError {
        let message = format!("the broker {} answers what was not asked", self.address);
        KafkaError::new(KafkaErrorKind::Unavailable, message)
    }
}

/// Reads the answer to a request that was sent with [`Connection::send`].
pub(in crate::kafka) fn decode<R: Request>(sent: Sent, body: &[u8]) -> Result<R::Response> {
    request::answer::<R>(sent.version, body)
}
