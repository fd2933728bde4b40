//! What every sink must do: the clauses of [`sink_contract!`](crate::sink_contract).

use connect_api::{Properties, Record, Result, SchemaAndValue, SinkConnector};

use super::Clock;
use crate::{SinkHarness, SinkOptions};

/// How many records the clauses write.
const RECORDS: usize = 10;
const TOPIC: &str = "contract";

/// The outside world of a sink.
///
/// ```
/// # use connect_testkit::doc::ListSink;
/// use connect_api::{Properties, Record, SchemaAndValue};
/// use connect_testkit::{SinkFixture, sink_contract};
///
/// struct Lists(String);
/// impl SinkFixture for Lists {
///     type Connector = ListSink;
///
///     fn config(&self) -> Properties {
///         Properties::from([("list", self.0.as_str())])
///     }
///
///     async fn read(&self) -> Vec<String> {
///         ListSink::taken(&self.0)
///     }
///
///     fn bad_record(&self, topic: &str) -> Option<Record> {
///         Some(Record::new(topic, SchemaAndValue::NULL)) // a list takes text only
///     }
/// }
/// sink_contract!(Lists(format!("{:?}", std::thread::current().id())));
/// # fn main() {}
/// ```
#[expect(async_fn_in_trait, reason = "suites run on one thread; a fixture need not be Send")]
pub trait SinkFixture {
    /// The connector.
    type Connector: SinkConnector;

    /// A valid configuration for one task that writes to a target which is empty at first.
    fn config(&self) -> Properties;

    /// What the target holds durably, one text per record, in any form in which texts of
    /// [`record`](Self::record) can be found.
    async fn read(&self) -> Vec<String>;

    /// A record that the sink can write and in which `text` can be found again. The default has the text as its
    /// value, without schema.
    fn record(&self, topic: &str, text: &str) -> Record {
        Record::new(topic, SchemaAndValue::schemaless(text))
    }

    /// A record that the target refuses for what it is. Where there is none, skip the clause
    /// `bad_record_is_reported_when_a_reporter_exists`.
    fn bad_record(&self, _topic: &str) -> Option<Record> {
        None
    }

    /// Makes the target unavailable for a while (`true`), or available again. Answers whether that can be done; the
    /// default cannot.
    async fn outage(&self, _begins: bool) -> bool {
        false
    }

    /// The clock of the suite.
    fn clock(&self) -> Clock {
        Clock::Paused
    }
}

type Clause<'f> = std::pin::Pin<Box<dyn Future<Output = ()> + 'f>>;

#[doc(hidden)]
pub fn run<'f, F: SinkFixture>(fixture: &'f F, clause: impl FnOnce(&'f F) -> Clause<'f>) {
    super::run(fixture.clock(), clause(fixture));
}

/// The names that can be skipped.
#[doc(hidden)]
#[expect(non_upper_case_globals, reason = "they are the clauses' names")]
pub mod clauses {
    pub const same_batch_again_after_retriable_error: () = ();
    pub const nothing_is_committed_before_flush: () = ();
    pub const close_then_open_other_partitions: () = ();
    pub const bad_record_is_reported_when_a_reporter_exists: () = ();
    pub const empty_put_is_fine: () = ();
}

fn good<T>(result: Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {}", error.trace()),
    }
}

async fn started<F: SinkFixture>(options: SinkOptions) -> SinkHarness<F::Connector> {
    let mut sink = good(SinkHarness::start_with(options).await, "the sink does not start");
    good(sink.open(TOPIC, 0).await, "open fails");
    sink
}

fn text(partition: i32, number: usize) -> String {
    format!("record-{partition}-{number}-end")
}

fn produce<F: SinkFixture>(fixture: &F, sink: &mut SinkHarness<F::Connector>, partition: i32, count: usize) {
    for _ in 0..count {
        let number = usize::try_from(sink.end(TOPIC, partition)).unwrap_or(0);
        sink.produce_record(partition, fixture.record(TOPIC, &text(partition, number)));
    }
}

/// The records of a partition, from 0 up to `count`, must be in the target.
fn assert_holds(target: &[String], partition: i32, count: usize, when: &str) {
    for number in 0..count {
        let text = text(partition, number);
        assert!(
            target.iter().any(|written| written.contains(&text)),
            "{text} is not in the target {when}; it holds {target:?}"
        );
    }
}

/// After a retriable error the same records come again; the sink takes them, and all of them reach the target. The
/// error comes from an [outage](SinkFixture::outage); a fixture that cannot make one sees the batch twice, as after an
/// error whose cause was gone at once.
pub async fn same_batch_again_after_retriable_error<F: SinkFixture>(fixture: &F) {
    let mut sink = started::<F>(SinkOptions::new(fixture.config())).await;
    produce(fixture, &mut sink, 0, RECORDS);
    if fixture.outage(true).await {
        let mut refused = sink.deliver().await;
        if refused.is_ok() {
            // A sink that buffers meets the outage when it flushes.
            refused = sink.commit().await.map(drop);
            assert!(refused.is_err(), "the target is away, yet its records were committed");
        } else if let Err(error) = &refused {
            assert!(error.is_retriable(), "an outage is no retriable error: {}", error.trace());
            assert_eq!(sink.pending().len(), RECORDS);
        }
        fixture.outage(false).await;
    } else {
        good(sink.deliver().await, "put fails");
        sink.give_back(TOPIC, 0);
    }
    good(sink.deliver_until_taken().await, "the same batch is not taken the second time");
    good(sink.commit().await, "commit fails");
    assert_holds(&fixture.read().await, 0, RECORDS, "after the batch was given again");
    good(sink.stop().await, "the sink does not stop");
}

/// What `pre_commit` says may be committed is in the target for good, whatever happens next: the process may end.
pub async fn nothing_is_committed_before_flush<F: SinkFixture>(fixture: &F) {
    let mut sink = started::<F>(SinkOptions::new(fixture.config())).await;
    for round in 1..=3 {
        produce(fixture, &mut sink, 0, RECORDS);
        good(sink.deliver().await, "put fails");
        good(sink.commit().await, "commit fails");
        let committed = usize::try_from(sink.committed(TOPIC, 0).unwrap_or(0)).unwrap_or(0);
        assert!(committed <= round * RECORDS, "{committed} records are committed of {}", round * RECORDS);
        assert_holds(&fixture.read().await, 0, committed, "though its offset is committed");
    }
    // A crash: what was not committed comes again from here.
    let mut sink = good(sink.crash().await, "the sink does not start after a crash");
    good(sink.open(TOPIC, 0).await, "open fails after a crash");
    good(sink.deliver().await, "put fails after a crash");
    good(sink.close(TOPIC, 0).await, "close fails");
    assert_holds(&fixture.read().await, 0, 3 * RECORDS, "after a crash and a clean end");
}

/// A rebalance takes partitions away and brings others: what belongs to the old ones is written before they go, what
/// is asked afterwards is about the new ones only.
pub async fn close_then_open_other_partitions<F: SinkFixture>(fixture: &F) {
    let mut sink = started::<F>(SinkOptions::new(fixture.config())).await;
    produce(fixture, &mut sink, 0, RECORDS);
    produce(fixture, &mut sink, 1, RECORDS);
    good(sink.deliver().await, "put fails");
    good(sink.close(TOPIC, 0).await, "close fails");
    let committed = usize::try_from(sink.committed(TOPIC, 0).unwrap_or(0)).unwrap_or(0);
    assert_holds(&fixture.read().await, 0, committed, "though its partition was handed over");
    good(sink.open(TOPIC, 1).await, "another partition cannot be opened");
    good(sink.deliver().await, "put fails for the other partition");
    let answered = good(sink.commit().await, "commit fails for the other partition");
    assert!(
        answered.keys().all(|partition| partition.partition == 1),
        "offsets of a closed partition are committed: {answered:?}"
    );
    good(sink.open(TOPIC, 0).await, "a closed partition cannot be opened again");
    good(sink.deliver().await, "put fails after a closed partition came back");
    good(sink.stop().await, "the sink does not stop");
    let target = fixture.read().await;
    assert_holds(&target, 0, RECORDS, "after its partition came back");
    assert_holds(&target, 1, RECORDS, "at the end");
}

/// One bad record among good ones goes to the reporter and the good ones to the target. Without a reporter it fails
/// the task: it must not disappear.
pub async fn bad_record_is_reported_when_a_reporter_exists<F: SinkFixture>(fixture: &F) {
    let Some(bad) = fixture.bad_record(TOPIC) else {
        panic!(
            "the fixture names no bad record; where the target takes everything, skip this clause and say so"
        );
    };
    let mut sink = started::<F>(SinkOptions::new(fixture.config())).await;
    produce(fixture, &mut sink, 0, 1);
    let refused = sink.produce_record(0, bad.clone());
    sink.produce_record(0, fixture.record(TOPIC, &text(0, 1)));
    good(sink.deliver().await, "a bad record fails the batch although there is a reporter");
    good(sink.commit().await, "commit fails");
    let reported: Vec<_> = sink.reported().iter().map(|(record, _)| record.original_offset()).collect();
    assert_eq!(reported, [refused], "reported are these offsets, and not the bad record's");
    assert_holds(&fixture.read().await, 0, 2, "although only its neighbour was bad");
    good(sink.stop().await, "the sink does not stop");

    let mut sink = started::<F>(SinkOptions::new(fixture.config()).without_reporter()).await;
    sink.produce_record(0, bad);
    let failed = match sink.deliver().await {
        Ok(()) => sink.commit().await.err(),
        Err(error) => Some(error),
    };
    match failed {
        Some(error) => assert!(!error.is_retriable(), "a bad record does not get better: {}", error.trace()),
        None => panic!("without a reporter, a bad record disappears"),
    }
}

/// The runtime calls `put` with no records, too, and commits before there were any.
pub async fn empty_put_is_fine<F: SinkFixture>(fixture: &F) {
    let mut sink = started::<F>(SinkOptions::new(fixture.config())).await;
    good(sink.deliver().await, "an empty put fails");
    good(sink.commit().await, "commit fails before there were records");
    good(sink.deliver().await, "an empty put fails");
    produce(fixture, &mut sink, 0, 1);
    good(sink.deliver().await, "put fails after an empty one");
    good(sink.deliver().await, "an empty put fails after records");
    good(sink.stop().await, "the sink does not stop");
    assert_holds(&fixture.read().await, 0, 1, "at the end");
}
