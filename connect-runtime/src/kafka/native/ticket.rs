//! The fate of one call of `send`: counted down as its records are settled.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use tokio::sync::oneshot;

use crate::kafka::net::{again, timed_out};
use crate::kafka::{Delivery, KafkaError, RecordPosition, SendReport};

/// What the producer knows of a call of `send`.
#[derive(Debug)]
pub(super) struct Ticket {
    open: Mutex<Open>,
    seen: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Open {
    left: usize,
    report: SendReport,
    done: Option<oneshot::Sender<SendReport>>,
}

/// Says that the caller knows the report, or does not want it.
struct Seen(Arc<AtomicBool>);

impl Drop for Seen {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Ticket {
    /// A ticket for so many records, and the delivery that resolves when all are settled.
    pub(super) fn new(count: usize, positions: bool) -> (Arc<Self>, Delivery) {
        let (done, report) = oneshot::channel();
        let seen = Arc::new(AtomicBool::new(false));
        let positions = if positions { vec![None; count] } else { Vec::new() };
        let given_up: Vec<_> = positions.clone();
        let open =
            Open { left: count, report: SendReport { failed: Vec::new(), positions }, done: Some(done) };
        let guard = Seen(Arc::clone(&seen));
        let delivery = async move {
            let report = report.await;
            drop(guard);
            report.unwrap_or_else(|_| SendReport {
                failed: (0..count)
                    .map(|index| (index, timed_out("the producer was closed before")))
                    .collect(),
                positions: given_up,
            })
        };
        (Arc::new(Self { open: Mutex::new(open), seen }), delivery.boxed())
    }

    /// Whether the caller has the report.
    pub(super) fn is_seen(&self) -> bool {
        self.seen.load(Ordering::Acquire)
    }

    /// Consecutive records were written from this offset on.
    pub(super) fn written(&self, first: usize, count: usize, partition: i32, offset: Option<i64>) {
        let mut open = self.lock();
        if let (Some(offset), false) = (offset, open.report.positions.is_empty()) {
            let slots = open.report.positions.iter_mut().skip(first).take(count);
            for (slot, offset) in slots.zip(offset..) {
                *slot = Some(RecordPosition { partition, offset });
            }
        }
        open.settle(count);
    }

    /// Consecutive records were not written.
    pub(super) fn failed(&self, first: usize, count: usize, error: &KafkaError) {
        let mut open = self.lock();
        open.report.failed.extend((first..first + count).map(|index| (index, again(error))));
        open.settle(count);
    }

    /// A call without records is settled at once.
    pub(super) fn finish_if_empty(&self) {
        self.lock().settle(0);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn settle(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        if self.left > 0 {
            return;
        }
        if let Some(done) = self.done.take() {
            let mut report = std::mem::take(&mut self.report);
            report.failed.sort_by_key(|(index, _)| *index);
            // Nobody may be interested.
            let _ = done.send(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::KafkaErrorKind;

    #[tokio::test]
    async fn a_delivery_resolves_when_the_last_record_is_settled() {
        let (ticket, mut delivery) = Ticket::new(4, true);
        ticket.written(1, 2, 7, Some(100));
        ticket.failed(3, 1, &KafkaError::new(KafkaErrorKind::RecordTooLarge, "large"));
        assert!((&mut delivery).now_or_never().is_none());
        ticket.failed(0, 1, &timed_out("writing"));
        assert!(!ticket.is_seen());
        let report = delivery.await;
        assert!(ticket.is_seen());
        assert_eq!(report.failed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 3]);
        let position = |offset| Some(RecordPosition { partition: 7, offset });
        assert_eq!(report.positions, [None, position(100), position(101), None]);
    }

    #[tokio::test]
    async fn a_producer_that_is_gone_leaves_no_delivery_waiting() {
        let (ticket, delivery) = Ticket::new(2, false);
        drop(ticket);
        let report = delivery.await;
        assert_eq!(report.failed.len(), 2);
        assert!(report.failed[0].1.is_retriable());
        let (ticket, delivery) = Ticket::new(2, false);
        drop(delivery);
        assert!(ticket.is_seen(), "nobody waits for it");
    }
}
