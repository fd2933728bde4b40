//! The calls that count as steps, and which faults fit them.

use super::schedule::FaultKind;

/// What is called, as far as faults tell calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Connect,
    SendData,
    SendOffsets,
    SendLetters,
    Ack,
    Flush,
    InitTransactions,
    BeginTransaction,
    CommitTransaction,
    AbortTransaction,
    CloseProducer,
    Subscribe,
    Fetch,
    Position,
    Local,
    Commit,
    Committed,
    CloseConsumer,
    Ask,
    Change,
    StartTask,
    Poll,
    Put,
    Hook,
    StopTask,
    Outside,
}

impl Call {
    fn is_hook(self) -> bool {
        matches!(self, Self::StartTask | Self::Poll | Self::Put | Self::Hook | Self::StopTask)
    }

    fn is_send(self) -> bool {
        matches!(self, Self::SendData | Self::SendOffsets | Self::SendLetters)
    }

    /// Whether a fault of this kind can hit this call.
    pub(super) fn fits(self, kind: FaultKind) -> bool {
        match kind {
            FaultKind::Crash
            | FaultKind::Freeze(_)
            | FaultKind::Shutdown
            | FaultKind::Restart
            | FaultKind::Pause(_) => true,
            FaultKind::Outage(_) | FaultKind::Rebalance(_) | FaultKind::Expire | FaultKind::Fence => true,
            FaultKind::LoseAck | FaultKind::WriteTwice | FaultKind::TearWrite | FaultKind::FailWrite => {
                self.is_send()
            }
            FaultKind::RefuseWrite => self == Self::SendData,
            FaultKind::FailCall => matches!(
                self,
                Self::Connect
                    | Self::SendData
                    | Self::SendOffsets
                    | Self::SendLetters
                    | Self::InitTransactions
                    | Self::CommitTransaction
                    | Self::AbortTransaction
                    | Self::Subscribe
                    | Self::Fetch
                    | Self::Position
                    | Self::Commit
                    | Self::Committed
                    | Self::Ask
                    | Self::Change
            ),
            FaultKind::LoseAnswer => matches!(
                self,
                Self::Commit | Self::CommitTransaction | Self::AbortTransaction | Self::InitTransactions
            ),
            FaultKind::Late(_) => !self.is_hook() && !matches!(self, Self::Outside | Self::Local),
            FaultKind::FailHook => matches!(self, Self::Poll | Self::Put),
            FaultKind::FailTask => matches!(self, Self::StartTask | Self::Poll | Self::Put | Self::Hook),
            FaultKind::SlowHook(_) => self.is_hook(),
            FaultKind::FailOutside | FaultKind::LoseOutside => self == Self::Outside,
        }
    }
}
