//! Contract suites: what every plugin of a kind must do, one test per clause.
//!
//! An author says what the outside world is, in a fixture, and one line makes the tests:
//!
//! ```
//! # use connect_testkit::doc::CounterSource;
//! use connect_api::{Properties, Schema, SchemaAndValue};
//! use connect_testkit::{SourceFixture, source_contract};
//!
//! struct Counting;
//! impl SourceFixture for Counting {
//!     type Connector = CounterSource;
//!
//!     fn config(&self) -> Properties {
//!         Properties::from([("topic", "t")])
//!     }
//!
//!     fn idle_config(&self) -> Properties {
//!         self.config().with("count", "0")
//!     }
//!
//!     async fn write(&self, n: usize) -> Vec<SchemaAndValue> {
//!         (0..n as i64).map(|number| SchemaAndValue::new(Schema::INT64, number)).collect()
//!     }
//! }
//!
//! source_contract!(Counting, skip {
//!     dropped_task_leaks_no_tokio_task: "an example of a clause that does not apply, and why",
//! });
//! # fn main() {}
//! ```
//!
//! A skipped clause is an ignored test with its reason; `cargo test` prints both. A clause that does not exist cannot
//! be skipped: it does not compile. Two suites of one kind in one file need a `mod` each, since the tests have the
//! names of the clauses.

pub mod config;
pub mod converter;
pub mod sink;
pub mod source;

pub use converter::ConverterFixture;
pub use sink::SinkFixture;
pub use source::SourceFixture;

/// Which clock a suite runs with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Waiting takes no time: for plugins that wait with tokio's timers only.
    #[default]
    Paused,
    /// For plugins that talk to another process, whose answers take real time.
    Real,
}

/// Runs one clause on a runtime of its own.
#[doc(hidden)]
pub fn run(clock: Clock, clause: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(clock == Clock::Paused)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(clause),
        Err(error) => panic!("no tokio runtime: {error}"),
    }
}

/// Writes the tests of a suite. `$clauses` is the module with one function per clause.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract {
    (
        $suite:ident, $fixture:expr, [$($clause:ident)*], [$($skipped:ident: $reason:literal)*]
    ) => {
        $(const _: () = $crate::contract::$suite::clauses::$skipped;)*

        macro_rules! __connect_testkit_clause {
            $(($skipped) => {
                #[test]
                #[ignore = $reason]
                fn $skipped() {}
            };)*
            ($name:ident) => {
                #[test]
                fn $name() {
                    let fixture = $fixture;
                    $crate::contract::$suite::run(&fixture, |fixture| {
                        ::std::boxed::Box::pin($crate::contract::$suite::$name(fixture))
                    });
                }
            };
        }
        $(__connect_testkit_clause!($clause);)*
    };
}

/// Tests a source: one test per clause of [`contract::source`](crate::contract::source).
///
/// The first argument is an expression for a [`SourceFixture`](crate::SourceFixture), evaluated anew for each test.
/// See [`contract`](crate::contract) for an example.
#[macro_export]
macro_rules! source_contract {
    ($fixture:expr $(, skip { $($skipped:ident: $reason:literal),* $(,)? })? $(,)?) => {
        $crate::__contract! {
            source, $fixture,
            [
                missing_required_key_is_rejected_by_name
                every_key_is_documented
                task_configs_respects_max_tasks
                poll_returns_within_max_wait_when_idle
                offsets_are_unique_within_a_partition
                restart_from_any_offset_loses_nothing
                restart_after_failed_send_repeats_at_most_the_uncommitted
                stop_is_prompt_while_poll_waits
                stop_after_failed_start_is_harmless
                dropped_task_leaks_no_tokio_task
            ],
            [$($($skipped: $reason)*)?]
        }
    };
}

/// Tests a sink: one test per clause of [`contract::sink`](crate::contract::sink).
///
/// The first argument is an expression for a [`SinkFixture`](crate::SinkFixture), evaluated anew for each test.
#[macro_export]
macro_rules! sink_contract {
    ($fixture:expr $(, skip { $($skipped:ident: $reason:literal),* $(,)? })? $(,)?) => {
        $crate::__contract! {
            sink, $fixture,
            [
                same_batch_again_after_retriable_error
                nothing_is_committed_before_flush
                close_then_open_other_partitions
                bad_record_is_reported_when_a_reporter_exists
                empty_put_is_fine
            ],
            [$($($skipped: $reason)*)?]
        }
    };
}

/// Tests a converter: one test per clause of [`contract::converter`](crate::contract::converter).
///
/// The first argument is an expression for a [`ConverterFixture`](crate::ConverterFixture), evaluated anew for each
/// test.
#[macro_export]
macro_rules! converter_contract {
    ($fixture:expr $(, skip { $($skipped:ident: $reason:literal),* $(,)? })? $(,)?) => {
        $crate::__contract! {
            converter, $fixture,
            [
                round_trip_of_arbitrary_values
                null_is_a_tombstone
                garbage_is_a_data_error_not_a_panic
            ],
            [$($($skipped: $reason)*)?]
        }
    };
}

/// Tests the configuration of every plugin that a crate registers: one test per clause of
/// [`contract::config`](crate::contract::config). The argument is the crate's `register` function.
///
/// ```
/// # use connect_testkit::doc::CounterSource;
/// fn register(plugins: &mut connect_api::Plugins) {
///     plugins.bundle("1.0").source::<CounterSource>("CounterSource");
/// }
/// connect_testkit::config_contract!(register);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! config_contract {
    ($register:expr $(, skip { $($skipped:ident: $reason:literal),* $(,)? })? $(,)?) => {
        $crate::__contract! {
            config, $crate::contract::config::registered($register),
            [
                names_are_unique_and_well_formed
                docs_are_sentences
                defaults_parse
                plugins_are_found_by_every_name
            ],
            [$($($skipped: $reason)*)?]
        }
    };
}
