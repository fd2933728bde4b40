//! What the client's errors mean to the engine: classified here and nowhere else.

use std::fmt::Display;

use rskafka::client::error::{Error, ProtocolError, RequestError};

use crate::kafka::{KafkaError, KafkaErrorKind};

/// An error of the client, with what was tried.
pub(super) fn failed(tried: impl Display, error: Error) -> KafkaError {
    let (kind, retriable) = classify(&error);
    if kind == KafkaErrorKind::Unsupported {
        let message = format!(
            "{tried}: the partition holds transaction markers, which the Kafka client `rskafka` cannot read past; use \
             the client `krafka`"
        );
        return KafkaError::new(kind, message).with_source(error);
    }
    KafkaError::new(kind, tried.to_string()).with_retriable(retriable).with_source(error)
}

/// An operation that took longer than it may.
pub(super) fn timed_out(tried: impl Display) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Timeout, format!("{tried}: the brokers did not answer in time"))
}

/// The kind of an error, and whether the same call may succeed later.
pub(super) fn classify(error: &Error) -> (KafkaErrorKind, bool) {
    use KafkaErrorKind as Kind;
    match error {
        Error::ServerError { protocol_error, .. } => classify_code(*protocol_error),
        // The reason is at the end of a chain of attempts, and only as text.
        Error::Connection(error) if is_refused_login(&error.to_string()) => (Kind::Authentication, false),
        // A defect of the client: it takes the length of the marker's record for its version.
        Error::Request(request) if is_marker(request) => (Kind::Unsupported, false),
        // The connection is tried again by the next call, and brokers come back.
        Error::Connection(_) | Error::Request(RequestError::IO(_) | RequestError::Poisoned(_)) => {
            (Kind::Unavailable, true)
        }
        Error::RetryFailed(_) | Error::Timeout => (Kind::Timeout, true),
        // The metadata is checked for the partition before anything is sent.
        Error::InvalidResponse(message) if message.contains("Could not find metadata for partition") => {
            (Kind::UnknownTopic, true)
        }
        _ => (Kind::Other, false),
    }
}

fn is_refused_login(text: &str) -> bool {
    // The last is rustls about a certificate that nobody vouches for.
    ["Sasl handshake failed", "SaslAuthenticationFailed", "invalid peer certificate"]
        .iter()
        .any(|refusal| text.contains(refusal))
}

fn is_marker(error: &RequestError) -> bool {
    error.to_string().contains("control batch")
}

/// Whether the error says that a request held too much.
pub(super) fn is_too_large(error: &Error) -> bool {
    classify(error).0 == KafkaErrorKind::RecordTooLarge
}

fn classify_code(code: ProtocolError) -> (KafkaErrorKind, bool) {
    use KafkaErrorKind as Kind;
    match code {
        // Retriable as in Java: a topic just created is not known everywhere at once.
        ProtocolError::UnknownTopicOrPartition => (Kind::UnknownTopic, true),
        ProtocolError::TopicAlreadyExists => (Kind::TopicExists, false),
        ProtocolError::RequestTimedOut => (Kind::Timeout, true),
        ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge => (Kind::RecordTooLarge, false),
        ProtocolError::InvalidRecord
        | ProtocolError::InvalidTimestamp
        | ProtocolError::UnsupportedForMessageFormat
        | ProtocolError::InvalidTopicException => (Kind::InvalidRecord, false),
        ProtocolError::TopicAuthorizationFailed
        | ProtocolError::ClusterAuthorizationFailed
        | ProtocolError::PolicyViolation => (Kind::Authorization, false),
        ProtocolError::SaslAuthenticationFailed
        | ProtocolError::UnsupportedSaslMechanism
        | ProtocolError::IllegalSaslState => (Kind::Authentication, false),
        ProtocolError::OffsetOutOfRange => (Kind::OffsetOutOfRange, false),
        ProtocolError::InvalidConfig
        | ProtocolError::InvalidPartitions
        | ProtocolError::InvalidReplicationFactor
        | ProtocolError::InvalidRequiredAcks => (Kind::Config, false),
        ProtocolError::UnsupportedVersion => (Kind::Unsupported, false),
        // Leaders that move, replicas that catch up, disks that fail over.
        ProtocolError::LeaderNotAvailable
        | ProtocolError::NotLeaderOrFollower
        | ProtocolError::BrokerNotAvailable
        | ProtocolError::ReplicaNotAvailable
        | ProtocolError::NetworkException
        | ProtocolError::NotEnoughReplicas
        | ProtocolError::NotEnoughReplicasAfterAppend
        | ProtocolError::NotController
        | ProtocolError::KafkaStorageError
        | ProtocolError::CorruptMessage => (Kind::Unavailable, true),
        _ => (Kind::Other, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_brokers_have_the_kinds_that_the_engine_tells_apart() {
        use KafkaErrorKind as Kind;
        for (code, kind, retriable) in [
            (ProtocolError::UnknownTopicOrPartition, Kind::UnknownTopic, true),
            (ProtocolError::TopicAlreadyExists, Kind::TopicExists, false),
            (ProtocolError::MessageTooLarge, Kind::RecordTooLarge, false),
            (ProtocolError::InvalidRecord, Kind::InvalidRecord, false),
            (ProtocolError::TopicAuthorizationFailed, Kind::Authorization, false),
            (ProtocolError::OffsetOutOfRange, Kind::OffsetOutOfRange, false),
            (ProtocolError::NotEnoughReplicas, Kind::Unavailable, true),
            (ProtocolError::UnknownServerError, Kind::Other, false),
        ] {
            assert_eq!(classify_code(code), (kind, retriable), "{code:?}");
        }
        assert_eq!(classify(&Error::Timeout), (Kind::Timeout, true));
    }
}
