//! The error codes of the protocol, and what they mean to the engine: classified here and nowhere else.

use std::fmt::Display;

use crate::kafka::{KafkaError, KafkaErrorKind};

/// A code that a broker answered with. 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Code(pub(in crate::kafka) i16);

impl Code {
    pub(in crate::kafka) const NONE: Self = Self(0);
    pub(in crate::kafka) const OFFSET_OUT_OF_RANGE: Self = Self(1);
    pub(in crate::kafka) const CORRUPT_MESSAGE: Self = Self(2);
    pub(in crate::kafka) const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub(in crate::kafka) const LEADER_NOT_AVAILABLE: Self = Self(5);
    pub(in crate::kafka) const NOT_LEADER_OR_FOLLOWER: Self = Self(6);
    pub(in crate::kafka) const REQUEST_TIMED_OUT: Self = Self(7);
    pub(in crate::kafka) const BROKER_NOT_AVAILABLE: Self = Self(8);
    pub(in crate::kafka) const REPLICA_NOT_AVAILABLE: Self = Self(9);
    pub(in crate::kafka) const MESSAGE_TOO_LARGE: Self = Self(10);
    pub(in crate::kafka) const NETWORK_EXCEPTION: Self = Self(13);
    pub(in crate::kafka) const COORDINATOR_LOAD_IN_PROGRESS: Self = Self(14);
    pub(in crate::kafka) const COORDINATOR_NOT_AVAILABLE: Self = Self(15);
    pub(in crate::kafka) const NOT_COORDINATOR: Self = Self(16);
    pub(in crate::kafka) const INVALID_TOPIC_EXCEPTION: Self = Self(17);
    pub(in crate::kafka) const RECORD_LIST_TOO_LARGE: Self = Self(18);
    pub(in crate::kafka) const NOT_ENOUGH_REPLICAS: Self = Self(19);
    pub(in crate::kafka) const NOT_ENOUGH_REPLICAS_AFTER_APPEND: Self = Self(20);
    pub(in crate::kafka) const INVALID_REQUIRED_ACKS: Self = Self(21);
    pub(in crate::kafka) const ILLEGAL_GENERATION: Self = Self(22);
    pub(in crate::kafka) const INCONSISTENT_GROUP_PROTOCOL: Self = Self(23);
    pub(in crate::kafka) const INVALID_GROUP_ID: Self = Self(24);
    pub(in crate::kafka) const UNKNOWN_MEMBER_ID: Self = Self(25);
    pub(in crate::kafka) const INVALID_SESSION_TIMEOUT: Self = Self(26);
    pub(in crate::kafka) const REBALANCE_IN_PROGRESS: Self = Self(27);
    pub(in crate::kafka) const TOPIC_AUTHORIZATION_FAILED: Self = Self(29);
    pub(in crate::kafka) const GROUP_AUTHORIZATION_FAILED: Self = Self(30);
    pub(in crate::kafka) const CLUSTER_AUTHORIZATION_FAILED: Self = Self(31);
    pub(in crate::kafka) const INVALID_TIMESTAMP: Self = Self(32);
    pub(in crate::kafka) const UNSUPPORTED_SASL_MECHANISM: Self = Self(33);
    pub(in crate::kafka) const ILLEGAL_SASL_STATE: Self = Self(34);
    pub(in crate::kafka) const UNSUPPORTED_VERSION: Self = Self(35);
    pub(in crate::kafka) const NOT_CONTROLLER: Self = Self(41);
    pub(in crate::kafka) const UNSUPPORTED_FOR_MESSAGE_FORMAT: Self = Self(43);
    pub(in crate::kafka) const POLICY_VIOLATION: Self = Self(44);
    pub(in crate::kafka) const OUT_OF_ORDER_SEQUENCE_NUMBER: Self = Self(45);
    pub(in crate::kafka) const DUPLICATE_SEQUENCE_NUMBER: Self = Self(46);
    pub(in crate::kafka) const INVALID_PRODUCER_EPOCH: Self = Self(47);
    pub(in crate::kafka) const INVALID_TXN_STATE: Self = Self(48);
    pub(in crate::kafka) const INVALID_PRODUCER_ID_MAPPING: Self = Self(49);
    pub(in crate::kafka) const INVALID_TRANSACTION_TIMEOUT: Self = Self(50);
    pub(in crate::kafka) const CONCURRENT_TRANSACTIONS: Self = Self(51);
    pub(in crate::kafka) const TRANSACTION_COORDINATOR_FENCED: Self = Self(52);
    pub(in crate::kafka) const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Self = Self(53);
    pub(in crate::kafka) const SECURITY_DISABLED: Self = Self(54);
    pub(in crate::kafka) const KAFKA_STORAGE_ERROR: Self = Self(56);
    pub(in crate::kafka) const SASL_AUTHENTICATION_FAILED: Self = Self(58);
    pub(in crate::kafka) const UNKNOWN_PRODUCER_ID: Self = Self(59);
    pub(in crate::kafka) const LISTENER_NOT_FOUND: Self = Self(72);
    pub(in crate::kafka) const FENCED_LEADER_EPOCH: Self = Self(74);
    pub(in crate::kafka) const UNKNOWN_LEADER_EPOCH: Self = Self(75);
    pub(in crate::kafka) const UNSUPPORTED_COMPRESSION_TYPE: Self = Self(76);
    pub(in crate::kafka) const OFFSET_NOT_AVAILABLE: Self = Self(78);
    pub(in crate::kafka) const MEMBER_ID_REQUIRED: Self = Self(79);
    pub(in crate::kafka) const PREFERRED_LEADER_NOT_AVAILABLE: Self = Self(80);
    pub(in crate::kafka) const GROUP_MAX_SIZE_REACHED: Self = Self(81);
    pub(in crate::kafka) const INVALID_RECORD: Self = Self(87);
    pub(in crate::kafka) const THROTTLING_QUOTA_EXCEEDED: Self = Self(89);
    pub(in crate::kafka) const PRODUCER_FENCED: Self = Self(90);
    pub(in crate::kafka) const UNKNOWN_TOPIC_ID: Self = Self(100);
    pub(in crate::kafka) const INCONSISTENT_TOPIC_ID: Self = Self(103);
    pub(in crate::kafka) const TRANSACTION_ABORTABLE: Self = Self(120);

    /// Whether there is no error.
    pub(in crate::kafka) fn is_ok(self) -> bool {
        self == Self::NONE
    }

    /// Kafka's name of it, as its documentation and its logs have it.
    pub(in crate::kafka) fn name(self) -> &'static str {
        KNOWN.iter().find(|(code, ..)| *code == self).map_or("an unknown error", |(_, name, ..)| name)
    }

    /// The kind of error, and whether the same request may succeed later.
    pub(in crate::kafka) fn class(self) -> (KafkaErrorKind, bool) {
        let known = KNOWN.iter().find(|(code, ..)| *code == self);
        known.map_or((KafkaErrorKind::Other, false), |(_, _, kind, retriable)| (*kind, *retriable))
    }

    /// Whether the same request may succeed later.
    pub(in crate::kafka) fn is_retriable(self) -> bool {
        self.class().1
    }

    /// Whether another broker should be asked: what is known of leaders is out of date.
    pub(in crate::kafka) fn is_about_leaders(self) -> bool {
        matches!(
            self,
            Self::UNKNOWN_TOPIC_OR_PARTITION
                | Self::LEADER_NOT_AVAILABLE
                | Self::NOT_LEADER_OR_FOLLOWER
                | Self::BROKER_NOT_AVAILABLE
                | Self::REPLICA_NOT_AVAILABLE
                | Self::KAFKA_STORAGE_ERROR
                | Self::LISTENER_NOT_FOUND
                | Self::FENCED_LEADER_EPOCH
                | Self::UNKNOWN_LEADER_EPOCH
                | Self::UNKNOWN_TOPIC_ID
                | Self::INCONSISTENT_TOPIC_ID
                | Self::NETWORK_EXCEPTION
        )
    }

    /// Whether another coordinator should be looked for.
    pub(in crate::kafka) fn is_about_coordinators(self) -> bool {
        matches!(self, Self::COORDINATOR_NOT_AVAILABLE | Self::NOT_COORDINATOR)
    }

    /// An error of the port, with what was tried and what the broker said about it.
    pub(in crate::kafka) fn failed(self, tried: impl Display, said: Option<&str>) -> KafkaError {
        let (kind, retriable) = self.class();
        let (name, number) = (self.name(), self.0);
        let message = match said.filter(|said| !said.is_empty()) {
            Some(said) => format!("{tried}: the broker answered {name} ({number}): {said}"),
            None => format!("{tried}: the broker answered {name} ({number})"),
        };
        KafkaError::new(kind, message).with_retriable(retriable)
    }
}

/// A connection that broke or could not be made: the same call may succeed later.
pub(in crate::kafka) fn broken(tried: impl Display, error: std::io::Error) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Unavailable, tried.to_string()).with_source(error)
}

/// An operation that took longer than it may.
pub(in crate::kafka) fn timed_out(tried: impl Display) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Timeout, format!("{tried}: the brokers did not answer in time"))
}

/// The same error once more, for another record that shares it.
pub(in crate::kafka) fn again(error: &KafkaError) -> KafkaError {
    KafkaError::new(error.kind(), error.to_string()).with_retriable(error.is_retriable())
}

use KafkaErrorKind as Kind;

const KNOWN: &[(Code, &str, KafkaErrorKind, bool)] = &[
    (Code(-1), "UNKNOWN_SERVER_ERROR", Kind::Other, false),
    (Code::OFFSET_OUT_OF_RANGE, "OFFSET_OUT_OF_RANGE", Kind::OffsetOutOfRange, false),
    (Code::CORRUPT_MESSAGE, "CORRUPT_MESSAGE", Kind::Unavailable, true),
    (Code::UNKNOWN_TOPIC_OR_PARTITION, "UNKNOWN_TOPIC_OR_PARTITION", Kind::UnknownTopic, true),
    (Code::LEADER_NOT_AVAILABLE, "LEADER_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::NOT_LEADER_OR_FOLLOWER, "NOT_LEADER_OR_FOLLOWER", Kind::Unavailable, true),
    (Code::REQUEST_TIMED_OUT, "REQUEST_TIMED_OUT", Kind::Timeout, true),
    (Code::BROKER_NOT_AVAILABLE, "BROKER_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::REPLICA_NOT_AVAILABLE, "REPLICA_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::MESSAGE_TOO_LARGE, "MESSAGE_TOO_LARGE", Kind::RecordTooLarge, false),
    (Code::NETWORK_EXCEPTION, "NETWORK_EXCEPTION", Kind::Unavailable, true),
    (Code::COORDINATOR_LOAD_IN_PROGRESS, "COORDINATOR_LOAD_IN_PROGRESS", Kind::Unavailable, true),
    (Code::COORDINATOR_NOT_AVAILABLE, "COORDINATOR_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::NOT_COORDINATOR, "NOT_COORDINATOR", Kind::Unavailable, true),
    (Code::INVALID_TOPIC_EXCEPTION, "INVALID_TOPIC_EXCEPTION", Kind::InvalidRecord, false),
    (Code::RECORD_LIST_TOO_LARGE, "RECORD_LIST_TOO_LARGE", Kind::RecordTooLarge, false),
    (Code::NOT_ENOUGH_REPLICAS, "NOT_ENOUGH_REPLICAS", Kind::Unavailable, true),
    (Code::NOT_ENOUGH_REPLICAS_AFTER_APPEND, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Kind::Unavailable, true),
    (Code::INVALID_REQUIRED_ACKS, "INVALID_REQUIRED_ACKS", Kind::Config, false),
    (Code::ILLEGAL_GENERATION, "ILLEGAL_GENERATION", Kind::Rebalance, true),
    (Code::INCONSISTENT_GROUP_PROTOCOL, "INCONSISTENT_GROUP_PROTOCOL", Kind::Config, false),
    (Code::INVALID_GROUP_ID, "INVALID_GROUP_ID", Kind::Config, false),
    (Code::UNKNOWN_MEMBER_ID, "UNKNOWN_MEMBER_ID", Kind::Rebalance, true),
    (Code::INVALID_SESSION_TIMEOUT, "INVALID_SESSION_TIMEOUT", Kind::Config, false),
    (Code::REBALANCE_IN_PROGRESS, "REBALANCE_IN_PROGRESS", Kind::Rebalance, true),
    (Code::TOPIC_AUTHORIZATION_FAILED, "TOPIC_AUTHORIZATION_FAILED", Kind::Authorization, false),
    (Code::GROUP_AUTHORIZATION_FAILED, "GROUP_AUTHORIZATION_FAILED", Kind::Authorization, false),
    (Code::CLUSTER_AUTHORIZATION_FAILED, "CLUSTER_AUTHORIZATION_FAILED", Kind::Authorization, false),
    (Code::INVALID_TIMESTAMP, "INVALID_TIMESTAMP", Kind::InvalidRecord, false),
    (Code::UNSUPPORTED_SASL_MECHANISM, "UNSUPPORTED_SASL_MECHANISM", Kind::Authentication, false),
    (Code::ILLEGAL_SASL_STATE, "ILLEGAL_SASL_STATE", Kind::Authentication, false),
    (Code::UNSUPPORTED_VERSION, "UNSUPPORTED_VERSION", Kind::Unsupported, false),
    (Code::NOT_CONTROLLER, "NOT_CONTROLLER", Kind::Unavailable, true),
    (Code::UNSUPPORTED_FOR_MESSAGE_FORMAT, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Kind::InvalidRecord, false),
    (Code::POLICY_VIOLATION, "POLICY_VIOLATION", Kind::Authorization, false),
    (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, "OUT_OF_ORDER_SEQUENCE_NUMBER", Kind::Other, false),
    (Code::DUPLICATE_SEQUENCE_NUMBER, "DUPLICATE_SEQUENCE_NUMBER", Kind::Other, false),
    (Code::INVALID_PRODUCER_EPOCH, "INVALID_PRODUCER_EPOCH", Kind::Fenced, false),
    (Code::INVALID_TXN_STATE, "INVALID_TXN_STATE", Kind::Other, false),
    (Code::INVALID_PRODUCER_ID_MAPPING, "INVALID_PRODUCER_ID_MAPPING", Kind::TransactionAborted, false),
    (Code::INVALID_TRANSACTION_TIMEOUT, "INVALID_TRANSACTION_TIMEOUT", Kind::Config, false),
    (Code::CONCURRENT_TRANSACTIONS, "CONCURRENT_TRANSACTIONS", Kind::Unavailable, true),
    (Code::TRANSACTION_COORDINATOR_FENCED, "TRANSACTION_COORDINATOR_FENCED", Kind::Fenced, false),
    (
        Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        Kind::Authorization,
        false,
    ),
    (Code::SECURITY_DISABLED, "SECURITY_DISABLED", Kind::Authentication, false),
    (Code::KAFKA_STORAGE_ERROR, "KAFKA_STORAGE_ERROR", Kind::Unavailable, true),
    (Code::SASL_AUTHENTICATION_FAILED, "SASL_AUTHENTICATION_FAILED", Kind::Authentication, false),
    (Code::UNKNOWN_PRODUCER_ID, "UNKNOWN_PRODUCER_ID", Kind::TransactionAborted, false),
    (Code::LISTENER_NOT_FOUND, "LISTENER_NOT_FOUND", Kind::Unavailable, true),
    (Code::FENCED_LEADER_EPOCH, "FENCED_LEADER_EPOCH", Kind::Unavailable, true),
    (Code::UNKNOWN_LEADER_EPOCH, "UNKNOWN_LEADER_EPOCH", Kind::Unavailable, true),
    (Code::UNSUPPORTED_COMPRESSION_TYPE, "UNSUPPORTED_COMPRESSION_TYPE", Kind::Config, false),
    (Code::OFFSET_NOT_AVAILABLE, "OFFSET_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::MEMBER_ID_REQUIRED, "MEMBER_ID_REQUIRED", Kind::Rebalance, true),
    (Code::PREFERRED_LEADER_NOT_AVAILABLE, "PREFERRED_LEADER_NOT_AVAILABLE", Kind::Unavailable, true),
    (Code::GROUP_MAX_SIZE_REACHED, "GROUP_MAX_SIZE_REACHED", Kind::Other, false),
    (Code::INVALID_RECORD, "INVALID_RECORD", Kind::InvalidRecord, false),
    (Code::THROTTLING_QUOTA_EXCEEDED, "THROTTLING_QUOTA_EXCEEDED", Kind::Unavailable, true),
    (Code::PRODUCER_FENCED, "PRODUCER_FENCED", Kind::Fenced, false),
    (Code::UNKNOWN_TOPIC_ID, "UNKNOWN_TOPIC_ID", Kind::UnknownTopic, true),
    (Code::INCONSISTENT_TOPIC_ID, "INCONSISTENT_TOPIC_ID", Kind::UnknownTopic, true),
    (Code::TRANSACTION_ABORTABLE, "TRANSACTION_ABORTABLE", Kind::TransactionAborted, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_what_was_tried_the_code_and_what_the_broker_said() {
        let error = Code::NOT_ENOUGH_REPLICAS.failed("writing to partition t-0", Some("1 of 2"));
        assert_eq!(
            error.to_string(),
            "writing to partition t-0: the broker answered NOT_ENOUGH_REPLICAS (19): 1 of 2"
        );
        assert_eq!((error.kind(), error.is_retriable()), (Kind::Unavailable, true));
        let unknown = Code(999).failed("trying", None);
        assert_eq!((unknown.kind(), unknown.is_retriable()), (Kind::Other, false));
        assert!(unknown.to_string().contains("999"), "{unknown}");
    }

    #[test]
    fn every_code_that_moves_leaders_is_retriable() {
        for (code, name, _, retriable) in KNOWN {
            assert!(!code.is_about_leaders() || *retriable, "{name}");
        }
    }
}
