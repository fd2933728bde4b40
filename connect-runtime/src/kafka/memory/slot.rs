//! What becomes of a batch between sending and settling.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::faults::Latch;
use super::state::Shared;
use crate::kafka::{KafkaError, KafkaErrorKind, SendReport};

/// What becomes of one batch: shared by its delivery, its producer, and the queue of those not written yet.
#[derive(Debug)]
pub(super) struct Slot(Mutex<Fate>);

#[derive(Debug)]
struct Fate {
    /// `None`: not written yet.
    report: Option<SendReport>,
    settled: bool,
    failed: bool,
    records: usize,
    positions: bool,
    latch: Option<Arc<Latch>>,
    ready_at: Option<Instant>,
    deadline: Instant,
}

impl Slot {
    pub(super) fn new(
        records: usize,
        positions: bool,
        deadline: Instant,
        latch: Option<Arc<Latch>>,
        ready_at: Option<Instant>,
    ) -> Arc<Self> {
        let fate = Fate {
            report: None,
            settled: false,
            failed: false,
            records,
            positions,
            latch,
            ready_at,
            deadline,
        };
        Arc::new(Self(Mutex::new(fate)))
    }

    fn lock(&self) -> MutexGuard<'_, Fate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fill(&self, report: SendReport) {
        let mut fate = self.lock();
        if !fate.settled {
            fate.report = Some(report);
        }
    }

    pub(super) fn fill_unless_lost(&self, report: SendReport, lost: bool) {
        if lost {
            let (records, positions) = {
                let fate = self.lock();
                (fate.records, fate.positions)
            };
            self.fill(all_failed(records, positions, || {
                KafkaError::new(KafkaErrorKind::Timeout, "injected: the acknowledgement was lost")
            }));
        } else {
            self.fill(report);
        }
    }

    /// Whether the fate is final; it becomes so when it can.
    pub(super) fn settle(&self, now: Instant) -> bool {
        let mut fate = self.lock();
        if fate.settled {
            return true;
        }
        let acknowledged = fate.report.is_some()
            && fate.latch.as_ref().is_none_or(|latch| latch.is_open())
            && fate.ready_at.is_none_or(|ready| now >= ready);
        if !acknowledged {
            if now < fate.deadline {
                return false;
            }
            fate.time_out("delivery.timeout.ms is over: nobody knows whether the record was written");
        }
        fate.settled = true;
        fate.failed = fate.report.as_ref().is_some_and(|report| !report.failed.is_empty());
        true
    }

    /// Whether it is final and a record was not written.
    pub(super) fn has_failed(&self) -> bool {
        self.lock().failed
    }

    pub(super) fn give_up(&self) {
        let mut fate = self.lock();
        if !fate.settled {
            fate.time_out("the producer was closed before the record was acknowledged");
            fate.settled = true;
            fate.failed = true;
        }
    }

    /// When time alone may settle it.
    pub(super) fn wake(&self) -> Instant {
        let fate = self.lock();
        let latched = fate.report.is_none() || fate.latch.as_ref().is_some_and(|latch| !latch.is_open());
        match fate.ready_at {
            Some(ready) if !latched => ready.min(fate.deadline),
            _ => fate.deadline,
        }
    }

    pub(super) fn take(&self) -> SendReport {
        self.lock().report.take().unwrap_or_default()
    }
}

impl Fate {
    fn time_out(&mut self, message: &str) {
        let timeout = || KafkaError::new(KafkaErrorKind::Timeout, message);
        self.report = Some(all_failed(self.records, self.positions, timeout));
    }
}

pub(super) fn all_failed(records: usize, positions: bool, error: impl Fn() -> KafkaError) -> SendReport {
    SendReport {
        failed: (0..records).map(|index| (index, error())).collect(),
        positions: if positions { vec![None; records] } else { Vec::new() },
    }
}

/// Waits until the fate of a batch is final.
pub(super) async fn await_settled(shared: &Arc<Shared>, slot: &Slot) {
    while shared.wait_for(Some(slot.wake()), |_| slot.settle(Instant::now()).then_some(())).await.is_none() {}
}
