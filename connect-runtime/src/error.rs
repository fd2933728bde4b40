//! [`Error`]: what an embedding application can be told.

/// The result of a call on [`Connect`](crate::Connect).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration is not usable. The text lists every problem with its key.
    #[error("{0}")]
    Config(String),
    /// The code of a plugin failed.
    #[error("{0}")]
    Plugin(#[source] connect_api::Error),
    /// Kafka could not be reached, or refused.
    #[error("{doing}: {source}")]
    Kafka {
        /// What was being done.
        doing: String,
        /// The client's words.
        #[source]
        source: connect_api::Error,
    },
    /// The request makes no sense, or not in this state of the connector; Kafka Connect's HTTP status 400.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such connector or task.
    #[error("{0}")]
    NotFound(String),
    /// It exists, or the state does not allow the call now. The same call may succeed later.
    #[error("{0}")]
    Conflict(String),
    /// The call was accepted but its effect did not show in time. It may still happen.
    #[error("{0}")]
    Timeout(String),
    /// The worker is configured not to do this, or the caller did not prove who it is.
    #[error("{0}")]
    Forbidden(String),
    /// The worker cannot answer yet. The same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// Another worker has to do this: the leader of the group, or the one that runs the connector or task.
    #[error("{message}")]
    RequestTarget {
        /// Why this worker cannot.
        message: String,
        /// The REST address of the other worker, `http://host:port/`; `None` while nobody knows it.
        forward_url: Option<String>,
    },
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    ShuttingDown,
}

impl Error {
    pub(crate) fn kafka(doing: impl Into<String>, source: impl Into<connect_api::Error>) -> Self {
        Self::Kafka { doing: doing.into(), source: source.into() }
    }
}

impl From<connect_api::Error> for Error {
    fn from(error: connect_api::Error) -> Self {
        match error.kind() {
            connect_api::ErrorKind::Config => Self::Config(error.trace()),
            connect_api::ErrorKind::NotFound => Self::NotFound(error.trace()),
            connect_api::ErrorKind::AlreadyExists => Self::Conflict(error.trace()),
            _ => Self::Plugin(error),
        }
    }
}
