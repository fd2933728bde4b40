//! What a broker's answer means for a batch: decided here and nowhere else.

use crate::kafka::net::Code;

/// What to do with a batch that a broker has answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is in the log.
    Written,
    /// It was in the log already; nobody says where.
    WrittenBefore,
    /// Send the same bytes again, a little later.
    Again,
    /// The broker refuses all of it for one of its records: find out which.
    Divide,
    /// The broker has forgotten this producer: send it again as the first of a new epoch.
    Afresh,
    /// Something that was acknowledged before is gone: this batch fails, and the next one begins a new epoch.
    Gap,
    /// The broker will never take it.
    Refused,
    /// A newer producer took over: nothing can be written any more.
    Fenced,
}

/// Decides about a batch of `count` records.
pub(super) fn judge(code: Code, count: i32, transactional: bool) -> Verdict {
    match code {
        Code::NONE => Verdict::Written,
        Code::DUPLICATE_SEQUENCE_NUMBER => Verdict::WrittenBefore,
        Code::MESSAGE_TOO_LARGE | Code::RECORD_LIST_TOO_LARGE if count > 1 => Verdict::Divide,
        Code::INVALID_RECORD | Code::INVALID_TIMESTAMP if count > 1 => Verdict::Divide,
        Code::UNKNOWN_PRODUCER_ID if !transactional => Verdict::Afresh,
        // Without a transaction nobody else can have this id: its epoch is behind one that this producer gave up.
        Code::INVALID_PRODUCER_EPOCH | Code::OUT_OF_ORDER_SEQUENCE_NUMBER if !transactional => Verdict::Gap,
        Code::INVALID_PRODUCER_EPOCH | Code::PRODUCER_FENCED | Code::TRANSACTION_COORDINATOR_FENCED => {
            Verdict::Fenced
        }
        code if code.is_retriable() => Verdict::Again,
        _ => Verdict::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_consequences_that_order_and_idempotence_need() {
        for (code, count, transactional, verdict) in [
            (Code::NONE, 5, false, Verdict::Written),
            (Code::DUPLICATE_SEQUENCE_NUMBER, 5, false, Verdict::WrittenBefore),
            (Code::NOT_LEADER_OR_FOLLOWER, 5, false, Verdict::Again),
            (Code::UNKNOWN_TOPIC_ID, 5, false, Verdict::Again),
            (Code::CONCURRENT_TRANSACTIONS, 5, true, Verdict::Again),
            (Code::MESSAGE_TOO_LARGE, 5, false, Verdict::Divide),
            (Code::MESSAGE_TOO_LARGE, 1, false, Verdict::Refused),
            (Code::INVALID_RECORD, 2, false, Verdict::Divide),
            (Code::INVALID_RECORD, 1, false, Verdict::Refused),
            (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, 5, false, Verdict::Gap),
            (Code::OUT_OF_ORDER_SEQUENCE_NUMBER, 5, true, Verdict::Refused),
            (Code::UNKNOWN_PRODUCER_ID, 5, false, Verdict::Afresh),
            (Code::INVALID_PRODUCER_EPOCH, 5, true, Verdict::Fenced),
            (Code::TOPIC_AUTHORIZATION_FAILED, 5, false, Verdict::Refused),
            (Code(999), 5, false, Verdict::Refused),
        ] {
            assert_eq!(judge(code, count, transactional), verdict, "{code:?} {count} {transactional}");
        }
    }
}
