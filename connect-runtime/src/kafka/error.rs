//! [`KafkaError`]: what a client call can fail with, classified once per adapter.

use std::fmt;

use connect_api::{BoxError, Error};

/// What the engine needs to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KafkaErrorKind {
    /// The brokers did not answer, or not in time.
    Timeout,
    /// No broker can be reached, a leader or coordinator is moving.
    Unavailable,
    /// The topic or partition does not exist.
    UnknownTopic,
    /// The topic to be created exists.
    TopicExists,
    /// The cluster does not allow it to this user.
    Authorization,
    /// The credentials or the certificate were refused.
    Authentication,
    /// The record is larger than the topic or the client allows.
    RecordTooLarge,
    /// The broker refuses the record for what it is.
    InvalidRecord,
    /// A newer producer with the same transactional id took over.
    Fenced,
    /// The transaction cannot be committed; abort it.
    TransactionAborted,
    /// The group is rebalancing, or this member has left it: the commit was not done.
    Rebalance,
    /// The group has members, and the operation needs it empty.
    GroupNotEmpty,
    /// The position does not exist any more, and `auto.offset.reset` is `none`.
    OffsetOutOfRange,
    /// A setting is wrong.
    Config,
    /// This implementation cannot do it.
    Unsupported,
    /// Anything else.
    Other,
}

/// A failed client call.
#[derive(Debug)]
pub struct KafkaError {
    kind: KafkaErrorKind,
    retriable: bool,
    message: String,
    source: Option<BoxError>,
}

impl KafkaError {
    /// An error; `Timeout` and `Unavailable` are retriable, and so is `Rebalance`.
    pub fn new(kind: KafkaErrorKind, message: impl Into<String>) -> Self {
        let retriable =
            matches!(kind, KafkaErrorKind::Timeout | KafkaErrorKind::Unavailable | KafkaErrorKind::Rebalance);
        Self { kind, retriable, message: message.into(), source: None }
    }

    /// Overrides whether the call may be repeated.
    #[must_use]
    pub fn with_retriable(mut self, retriable: bool) -> Self {
        self.retriable = retriable;
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What happened.
    pub fn kind(&self) -> KafkaErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        self.retriable
    }
}

impl fmt::Display for KafkaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for KafkaError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<KafkaError> for Error {
    fn from(error: KafkaError) -> Self {
        let connect = Self::connect(error.message);
        let connect = if error.retriable { connect.into_retriable() } else { connect };
        match error.source {
            Some(source) => connect.with_source(source),
            None => connect,
        }
    }
}
