//! Faults on demand: failures, latches, delays, an outage.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::MemoryKafka;
use super::state::{Shared, State, after};
use crate::kafka::{KafkaError, KafkaErrorKind, ProducerRecord, Result};

/// What a client does, as far as faults can be put in its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Making a client.
    Connect,
    /// `Producer::send` itself: a failure means that nothing of the batch was taken.
    Send,
    /// Writing a batch that was taken: a failure comes through the delivery, for each of its records, and nothing
    /// of it is written. Held or delayed, the batch *is* written, and its acknowledgement waits.
    Produce,
    /// `Producer::init_transactions`.
    InitTransactions,
    /// `Producer::commit_transaction`.
    CommitTransaction,
    /// `Producer::abort_transaction`.
    AbortTransaction,
    /// `Consumer::subscribe`.
    Subscribe,
    /// Reading records in `Consumer::poll`. Held or delayed, a poll brings no records; group events come.
    Fetch,
    /// `Consumer::position`, where the position is not known yet.
    Position,
    /// `Consumer::commit`.
    Commit,
    /// `Consumer::committed`.
    Committed,
    /// `Admin::cluster_id`.
    DescribeCluster,
    /// `Admin::list_topics` and `Admin::describe_topic`.
    DescribeTopics,
    /// `Admin::describe_topic_config`.
    DescribeConfigs,
    /// `Admin::create_topic`.
    CreateTopics,
    /// `Admin::delete_topic`.
    DeleteTopics,
    /// `Admin::beginning_offsets`, `Admin::end_offsets` and `Admin::offsets_for_times`.
    ListOffsets,
    /// `Admin::list_group_offsets`.
    ListGroupOffsets,
    /// `Admin::alter_group_offsets`, `Admin::delete_group_offsets` and `Admin::delete_group`.
    AlterGroupOffsets,
    /// `Admin::fence_producers`.
    FenceProducers,
    /// All calls of a `GroupMember`.
    Membership,
}

type Refusal = Arc<dyn Fn(&ProducerRecord) -> Option<KafkaErrorKind> + Send + Sync>;

#[derive(Default)]
pub(super) struct Faults {
    operations: BTreeMap<Operation, OperationFaults>,
    lost_acks: usize,
    stopped: bool,
    refusal: Option<Refusal>,
}

#[derive(Debug, Default)]
struct OperationFaults {
    failures: VecDeque<KafkaErrorKind>,
    latch: Option<Arc<Latch>>,
    delay: Duration,
    calls: u64,
    waiting: usize,
}

/// What holds acknowledgements back until it is opened.
#[derive(Debug, Default)]
pub(super) struct Latch(AtomicBool);

impl Latch {
    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What happens to the batch that is sent now.
pub(super) struct ProduceFate {
    pub(super) failure: Option<KafkaErrorKind>,
    pub(super) lose_ack: bool,
    pub(super) latch: Option<Arc<Latch>>,
    pub(super) ready_at: Option<Instant>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("operations", &self.operations)
            .field("lost_acks", &self.lost_acks)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

impl Faults {
    pub(super) fn broker_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn is_held(&self, operation: Operation) -> bool {
        self.operations.get(&operation).is_some_and(|faults| faults.latch.is_some())
    }

    fn of(&mut self, operation: Operation) -> &mut OperationFaults {
        self.operations.entry(operation).or_default()
    }

    /// The next injected failure of an operation.
    pub(super) fn failure(&mut self, operation: Operation) -> Option<KafkaErrorKind> {
        // The usual case must not allocate an entry.
        self.operations.get_mut(&operation)?.failures.pop_front()
    }

    pub(super) fn delay(&self, operation: Operation) -> Duration {
        self.operations.get(&operation).map_or(Duration::ZERO, |faults| faults.delay)
    }

    pub(super) fn count(&mut self, operation: Operation) {
        self.of(operation).calls += 1;
    }

    pub(super) fn produce(&mut self, now: Instant) -> ProduceFate {
        self.count(Operation::Produce);
        let failure = self.failure(Operation::Produce);
        let lose_ack = failure.is_none() && self.lost_acks > 0;
        if lose_ack {
            self.lost_acks -= 1;
        }
        let delay = self.delay(Operation::Produce);
        let latch = self.of(Operation::Produce).latch.clone();
        if latch.is_some() {
            self.of(Operation::Produce).waiting += 1;
        }
        ProduceFate { failure, lose_ack, latch, ready_at: (!delay.is_zero()).then(|| after(now, delay)) }
    }

    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.clone()
    }
}

/// The error of an injected failure.
pub(super) fn injected(operation: Operation, kind: KafkaErrorKind) -> KafkaError {
    KafkaError::new(kind, format!("injected failure of {operation:?}: {kind:?}"))
}

/// The error of a call that no broker answered in time.
pub(super) fn timed_out(operation: Operation, patience: Duration) -> KafkaError {
    KafkaError::new(
        KafkaErrorKind::Timeout,
        format!("{operation:?}: no answer within {} ms", patience.as_millis()),
    )
}

impl Shared {
    /// What every call but sending and fetching passes first: an outage, a latch, an injected failure, a delay.
    pub(super) async fn gate(self: &Arc<Self>, operation: Operation, patience: Duration) -> Result<()> {
        self.pass(operation, patience, true).await
    }

    /// The same for calls that need no broker.
    pub(super) async fn local_gate(self: &Arc<Self>, operation: Operation, patience: Duration) -> Result<()> {
        self.pass(operation, patience, false).await
    }

    async fn pass(self: &Arc<Self>, operation: Operation, patience: Duration, remote: bool) -> Result<()> {
        let deadline = after(Instant::now(), patience);
        self.lock().faults.count(operation);
        let passes = |state: &mut State| {
            let held = (remote && state.faults.stopped) || state.faults.is_held(operation);
            (!held).then(|| (state.faults.failure(operation), state.faults.delay(operation)))
        };
        let passed = {
            let _waiting = Waiting::new(self, operation);
            self.wait_for(Some(deadline), passes).await
        };
        let Some((failure, delay)) = passed else { return Err(timed_out(operation, patience)) };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        failure.map_or(Ok(()), |kind| Err(injected(operation, kind)))
    }
}

/// Counts a call among those that wait at a latch, as long as it does.
struct Waiting<'a> {
    shared: &'a Shared,
    operation: Option<Operation>,
}

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared, operation: Operation) -> Self {
        let mut state = shared.lock();
        let held = state.faults.is_held(operation);
        if held {
            state.faults.of(operation).waiting += 1;
            shared.changed.notify_waiters();
        }
        Self { shared, operation: held.then_some(operation) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(operation) = self.operation {
            let mut state = self.shared.lock();
            let faults = state.faults.of(operation);
            faults.waiting = faults.waiting.saturating_sub(1);
        }
    }
}

/// Faults. Each names the operation it hits; clients made before and after are hit alike.
impl MemoryKafka {
    /// Lets the next `times` calls of an operation fail with an error of this kind. Further calls of `fail_next` line
    /// up behind.
    pub fn fail_next(&self, operation: Operation, times: usize, kind: KafkaErrorKind) {
        self.shared.change(|state| {
            state.faults.of(operation).failures.extend(std::iter::repeat_n(kind, times));
        });
    }

    /// Writes the next `batches` batches, yet reports each of their records as timed out. A caller that sends them
    /// again doubles them.
    pub fn lose_ack_next(&self, batches: usize) {
        self.shared.change(|state| state.faults.lost_acks += batches);
    }

    /// Refuses every record for which `refusal` names a kind; the others of the batch are written. Replaces an
    /// earlier refusal; `|_| None` lifts it.
    pub fn refuse_records(
        &self,
        refusal: impl Fn(&ProducerRecord) -> Option<KafkaErrorKind> + Send + Sync + 'static,
    ) {
        self.shared.change(|state| state.faults.refusal = Some(Arc::new(refusal)));
    }

    /// Lets calls of an operation wait until [`release`](Self::release), or until they time out. See
    /// [`Operation::Produce`] and [`Operation::Fetch`] for what exactly waits with these.
    pub fn hold(&self, operation: Operation) {
        self.shared.change(|state| {
            state.faults.of(operation).latch.get_or_insert_default();
        });
    }

    /// Lets the calls of an operation go on.
    pub fn release(&self, operation: Operation) {
        self.shared.change(|state| {
            let faults = state.faults.of(operation);
            if let Some(latch) = faults.latch.take() {
                latch.0.store(true, Ordering::SeqCst);
            }
            if operation == Operation::Produce {
                faults.waiting = 0;
            }
        });
    }

    /// Waits until at least `calls` calls wait at the latch of a held operation (for [`Operation::Produce`]: so many
    /// batches were written since and not acknowledged).
    pub async fn wait_until_held(&self, operation: Operation, calls: usize) {
        self.shared.wait_for(None, |state| (state.faults.of(operation).waiting >= calls).then_some(())).await;
    }

    /// Delays every call of an operation; zero ends it.
    pub fn delay(&self, operation: Operation, delay: Duration) {
        self.shared.change(|state| state.faults.of(operation).delay = delay);
    }

    /// How often an operation was called so far, failed calls included.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.shared.lock().faults.of(operation).calls
    }

    /// Fences the producers of a transactional id, as a newer producer would, and aborts their open transaction.
    pub fn fence(&self, transactional_id: &str) {
        self.shared.change(|state| {
            state.transactions.fence(&mut state.log, transactional_id);
        });
    }

    /// Lets all members of a group miss their session: they lose their partitions, learn it from the next poll, and
    /// join again.
    pub fn expire_sessions(&self, name: &str) {
        self.shared.change(|state| {
            if let Some(group) = state.groups.get_mut(name) {
                group.expel_all();
            }
            state.workers.expel_all(name);
        });
    }

    /// Stops the broker. Data, offsets and members stay; until [`start_broker`](Self::start_broker) batches wait for
    /// their delivery time-out, polls bring nothing, and other calls wait and then time out, as those of a real
    /// client do.
    pub fn stop_broker(&self) {
        self.shared.change(|state| state.faults.stopped = true);
    }

    /// Starts the broker again. What waited in the clients and has not timed out is written first, in order.
    pub fn start_broker(&self) {
        let config = &self.shared.config;
        self.shared.change(|state| {
            if std::mem::take(&mut state.faults.stopped) {
                let now = Instant::now();
                state.restart_sessions(now);
                state.write_pending(config, now);
            }
        });
    }
}
