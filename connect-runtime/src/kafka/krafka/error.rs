//! What the client's errors mean to the engine: classified here and nowhere else.

use std::fmt::Display;

use krafka::error::ErrorCode;
use krafka::{KrafkaError, ProtocolErrorKind};

use crate::kafka::{KafkaError, KafkaErrorKind};

/// An error of the client, with what was tried.
pub(super) fn failed(tried: impl Display, error: KrafkaError) -> KafkaError {
    let (kind, retriable) = classify(&error);
    KafkaError::new(kind, tried.to_string()).with_retriable(retriable).with_source(error)
}

/// An operation that took longer than it may.
pub(super) fn timed_out(tried: impl Display) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Timeout, format!("{tried}: the brokers did not answer in time"))
}

/// The kind of an error, and whether the same call may succeed later.
pub(super) fn classify(error: &KrafkaError) -> (KafkaErrorKind, bool) {
    use KafkaErrorKind as Kind;
    match error {
        KrafkaError::Broker { code, .. } => classify_code(*code),
        // The connection is tried again by the next call, and brokers come back.
        KrafkaError::Network(_) => (Kind::Unavailable, true),
        KrafkaError::Timeout { .. } => (Kind::Timeout, true),
        // Connect delivers at least once: sending again may double the record, dropping it would lose it.
        KrafkaError::DeliveryTimeout { .. } => (Kind::Timeout, true),
        KrafkaError::Auth { .. } => (Kind::Authentication, false),
        // Retriable as in Java: a topic just created is not known everywhere at once.
        KrafkaError::UnknownTopic { .. } => (Kind::UnknownTopic, true),
        KrafkaError::NoOffset { .. } => (Kind::OffsetOutOfRange, false),
        KrafkaError::Fenced { .. } => (Kind::Fenced, false),
        KrafkaError::TransactionAbortable { .. } => (Kind::TransactionAborted, false),
        // A batch before this one is gone; without a transaction only a new producer can go on.
        KrafkaError::OutOfOrderSequence { .. } => (Kind::Other, false),
        // The client checks sizes before it sends and calls a record that is too large a configuration error.
        KrafkaError::Config { message } if message.starts_with("record size ") => {
            (Kind::RecordTooLarge, false)
        }
        KrafkaError::Protocol { kind: ProtocolErrorKind::FrameTooLarge, .. } => (Kind::RecordTooLarge, false),
        // A partition that the topic does not have, as far as is known: topics grow.
        KrafkaError::Config { message } if message.contains("which is not in the range") => {
            (Kind::UnknownTopic, true)
        }
        KrafkaError::Config { .. } => (Kind::Config, false),
        KrafkaError::Protocol { kind: ProtocolErrorKind::UnknownApiVersion, .. } => {
            (Kind::Unsupported, false)
        }
        // A name that no topic can have.
        KrafkaError::Protocol { message, .. } if message.starts_with("topic name ") => {
            (Kind::InvalidRecord, false)
        }
        // The member has lost its place and is on its way back, as after RebalanceInProgress.
        KrafkaError::IllegalState { message, .. } if message.contains("no valid generation") => {
            (Kind::Rebalance, true)
        }
        // The record itself breaks a limit of the format, or an answer could not be read.
        KrafkaError::Protocol { kind: ProtocolErrorKind::InvalidLength, .. } => (Kind::InvalidRecord, false),
        KrafkaError::Protocol { kind, .. } if kind.is_retriable() => (Kind::Unavailable, true),
        other => (Kind::Other, other.is_retriable()),
    }
}

fn classify_code(code: ErrorCode) -> (KafkaErrorKind, bool) {
    use KafkaErrorKind as Kind;
    match code {
        ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId | ErrorCode::InconsistentTopicId => {
            (Kind::UnknownTopic, true)
        }
        ErrorCode::TopicAlreadyExists => (Kind::TopicExists, false),
        ErrorCode::RequestTimedOut => (Kind::Timeout, true),
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => (Kind::RecordTooLarge, false),
        ErrorCode::InvalidRecord
        | ErrorCode::InvalidTimestamp
        | ErrorCode::UnsupportedForMessageFormat
        | ErrorCode::InvalidTopic => (Kind::InvalidRecord, false),
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::PolicyViolation => (Kind::Authorization, false),
        ErrorCode::SaslAuthenticationFailed
        | ErrorCode::UnsupportedSaslMechanism
        | ErrorCode::IllegalSaslState
        | ErrorCode::SecurityDisabled => (Kind::Authentication, false),
        // Another producer has the newer epoch of the same id.
        ErrorCode::ProducerFenced
        | ErrorCode::InvalidProducerEpoch
        | ErrorCode::TransactionCoordinatorFenced => (Kind::Fenced, false),
        ErrorCode::TransactionAbortable
        | ErrorCode::InvalidProducerIdMapping
        | ErrorCode::UnknownProducerId => (Kind::TransactionAborted, false),
        // The member's generation is over; what it read since comes again to whoever owns the partition now.
        ErrorCode::RebalanceInProgress
        | ErrorCode::IllegalGeneration
        | ErrorCode::UnknownMemberId
        | ErrorCode::FencedMemberEpoch
        | ErrorCode::StaleMemberEpoch => (Kind::Rebalance, true),
        // Another member with the same `group.instance.id` took over: joining again would only fight with it.
        ErrorCode::FencedInstanceId | ErrorCode::UnreleasedInstanceId => (Kind::Fenced, false),
        ErrorCode::NonEmptyGroup | ErrorCode::GroupSubscribedToTopic => (Kind::GroupNotEmpty, false),
        ErrorCode::OffsetOutOfRange => (Kind::OffsetOutOfRange, false),
        ErrorCode::InvalidConfig
        | ErrorCode::InvalidPartitions
        | ErrorCode::InvalidReplicationFactor
        | ErrorCode::InvalidSessionTimeout
        | ErrorCode::InvalidGroupId
        | ErrorCode::InconsistentGroupProtocol
        | ErrorCode::InvalidTransactionTimeout
        | ErrorCode::UnsupportedCompressionType
        | ErrorCode::UnsupportedAssignor
        | ErrorCode::InvalidRequiredAcks => (Kind::Config, false),
        ErrorCode::UnsupportedVersion => (Kind::Unsupported, false),
        // Leaders and coordinators that move, replicas that catch up, disks that fail over.
        code if code.is_retriable() => (Kind::Unavailable, true),
        _ => (Kind::Other, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_was_tried_and_why_it_failed() {
        let error = failed("writing to topic `t`", KrafkaError::timeout("metadata"));
        assert_eq!(error.kind(), KafkaErrorKind::Timeout);
        assert!(error.is_retriable());
        assert_eq!(error.to_string(), "writing to topic `t`: operation timed out: metadata");
    }

    #[test]
    fn every_kind_that_the_engine_tells_apart_is_reached() {
        use KafkaErrorKind as Kind;
        let broker = |code| KrafkaError::broker(code, "");
        for (error, kind, retriable) in [
            (broker(ErrorCode::NotLeaderForPartition), Kind::Unavailable, true),
            (broker(ErrorCode::UnknownTopicOrPartition), Kind::UnknownTopic, true),
            (broker(ErrorCode::TopicAlreadyExists), Kind::TopicExists, false),
            (broker(ErrorCode::TopicAuthorizationFailed), Kind::Authorization, false),
            (KrafkaError::auth("no"), Kind::Authentication, false),
            (broker(ErrorCode::MessageTooLarge), Kind::RecordTooLarge, false),
            (KrafkaError::config("record size 9 B exceeds max_request_size"), Kind::RecordTooLarge, false),
            (broker(ErrorCode::InvalidRecord), Kind::InvalidRecord, false),
            (KrafkaError::fenced("newer"), Kind::Fenced, false),
            (broker(ErrorCode::InvalidProducerEpoch), Kind::Fenced, false),
            (KrafkaError::transaction_abortable("failed send"), Kind::TransactionAborted, false),
            (broker(ErrorCode::IllegalGeneration), Kind::Rebalance, true),
            (broker(ErrorCode::NonEmptyGroup), Kind::GroupNotEmpty, false),
            (KrafkaError::no_offset(Vec::new()), Kind::OffsetOutOfRange, false),
            (KrafkaError::config("acks"), Kind::Config, false),
            (KrafkaError::protocol_kind(ProtocolErrorKind::UnknownApiVersion, ""), Kind::Unsupported, false),
            (KrafkaError::illegal_state("cannot commit: no valid generation"), Kind::Rebalance, true),
            (KrafkaError::illegal_state("bug"), Kind::Other, false),
        ] {
            assert_eq!(classify(&error), (kind, retriable), "{error}");
        }
    }
}
