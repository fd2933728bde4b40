//! What went wrong, as a status code and `{"error_code":…,"message":…}`.

use axum::http::StatusCode;

use crate::error::Error;

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

/// What an operation answers instead of a result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// This is the answer.
    Failed(Failure),
    /// Another worker has the answer.
    Elsewhere {
        /// Its address, if somebody knows it.
        url: Option<String>,
    },
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// An answer of the server itself: `HTTP 404 Not Found`.
    pub(super) fn of_server(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self { status, message: format!("HTTP {} {reason}", status.as_u16()) }
    }

    pub(super) fn body(&self) -> String {
        let message = serde_json::Value::from(self.message.as_str());
        format!("{{\"error_code\":{},\"message\":{message}}}", self.status.as_u16())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The one place that gives errors of the runtime their status codes.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::RequestTarget { forward_url, .. } => return Self::Elsewhere { url: forward_url.clone() },
            Error::Config(_) | Error::BadRequest(_) => StatusCode::BAD_REQUEST,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::Unavailable(_) | Error::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Error::Plugin(_) | Error::Kafka { .. } | Error::Timeout(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let message = match &error {
            Error::Plugin(plugin) => plugin.message().to_owned(),
            other => other.to_string(),
        };
        Failure::new(status, message).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_that_of_kafka() {
        let failure = Failure::of_server(StatusCode::NOT_FOUND);
        assert_eq!(failure.body(), r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#);
    }

    #[test]
    fn an_error_that_names_another_worker_is_forwarded() {
        let error = Error::RequestTarget {
            message: "not the leader".to_owned(),
            forward_url: Some("http://a/".to_owned()),
        };
        assert!(matches!(Refusal::from(error), Refusal::Elsewhere { url: Some(_) }));
    }
}
