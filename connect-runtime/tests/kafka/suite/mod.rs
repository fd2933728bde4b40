//! What every implementation of the client port has to do, as sentences. The same clauses run on Kafka in memory
//! (`tests/it`) and on the real clients against a real broker (`tests/kafka`).
//!
//! A clause that needs a capability asks [`tools::can`] first. Where an implementation declares that it lacks the
//! capability, the clause turns into: asking for it is refused, and the refusal says `Unsupported`.

pub(crate) mod admin;
pub(crate) mod consume;
pub(crate) mod groups;
pub(crate) mod members;
pub(crate) mod outage;
pub(crate) mod produce;
pub(crate) mod tools;
pub(crate) mod transactions;

use async_trait::async_trait;
use connect_runtime::kafka::{ClientProperties, Kafka};

/// One implementation, and the world it is tested in.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// The implementation under test.
    fn kafka(&self) -> &dyn Kafka;

    /// Settings that every client needs: `bootstrap.servers`.
    fn properties(&self) -> ClientProperties;

    /// Another implementation that sees the same cluster; it writes what the one under test cannot, and reads what
    /// that one wrote.
    fn other(&self) -> Option<&dyn Kafka>;

    /// What Kafka's own tools read from a topic, one line for each record: see `console-consumer`. `None` where
    /// there are none.
    async fn genuine_lines(&self, _topic: &str, _isolation: &str) -> Option<Vec<String>> {
        None
    }

    /// Kills the broker. Only clauses of [`outage`] call it; they get a broker of their own.
    async fn kill_broker(&self);

    /// Starts the broker again with the data it had.
    async fn start_broker(&self);
}

/// Hands the list of clauses (`module: name, …;`) to a macro, which makes a test of each.
macro_rules! clauses {
    ($make:ident) => {
        $make! {
            members: the_leader_sees_what_all_members_said_and_gives_each_its_share,
                a_member_that_leaves_or_dies_makes_the_group_form_anew,
                a_member_that_was_silent_too_long_is_expelled_and_may_come_back;
            produce: acked_means_written,
                order_within_a_partition_survives_many_batches_in_flight,
                headers_keep_order_duplicates_nulls_and_bytes,
                null_and_empty_differ_in_key_and_value,
                timestamps_are_those_given_or_now,
                the_topic_may_set_timestamps,
                keys_go_where_javas_partitioner_puts_them,
                an_explicit_partition_wins_over_the_key,
                a_record_without_key_goes_to_some_partition,
                a_large_record_is_too_large_and_only_it_fails,
                a_record_too_large_for_its_topic_fails_alone,
                a_partition_that_does_not_exist_fails_the_record,
                flush_settles_everything,
                close_writes_what_was_taken,
                a_malformed_setting_is_named,
                an_empty_batch_is_settled_at_once;
            consume: a_topic_is_read_from_the_beginning_to_its_end_offsets,
                auto_offset_reset_says_where_reading_starts,
                an_offset_out_of_range_follows_auto_offset_reset,
                poll_returns_within_max_wait,
                a_cancelled_poll_loses_nothing,
                pause_resume_and_seek_are_obeyed,
                partitions_are_read_fairly,
                a_new_assignment_replaces_the_old_one,
                an_unknown_topic_brings_nothing;
            groups: a_group_resumes_where_it_committed,
                a_consumer_that_is_closed_while_it_joins_is_no_member,
                offsets_are_committed_before_a_partition_is_handed_over,
                a_cancelled_poll_loses_no_group_event,
                a_pattern_picks_up_new_topics,
                a_stranger_cannot_commit_beside_members,
                a_consumer_without_group_can_neither_subscribe_nor_commit,
                group_offsets_can_be_listed_altered_and_deleted;
            transactions: no_aborted_record_is_seen,
                the_position_moves_past_markers,
                an_open_transaction_hides_what_follows,
                a_fenced_producer_cannot_commit,
                admin_fences_producers,
                a_transaction_covers_what_was_not_acknowledged_yet,
                a_producer_without_transactional_id_has_no_transactions,
                sending_outside_a_transaction_is_refused;
            admin: an_existing_topic_is_told_apart,
                topic_settings_are_kept,
                a_deleted_topic_is_gone,
                an_unknown_topic_is_told_apart_and_not_created,
                offsets_are_found_by_time,
                the_cluster_has_an_id,
                undeclared_security_is_refused;
        }
    };
}

/// The clauses that kill the broker.
macro_rules! outage_clauses {
    ($make:ident) => {
        $make! {
            outage: producer_and_consumer_survive_a_broker_restart,
                retries_of_an_idempotent_producer_double_nothing,
                a_group_survives_a_broker_restart,
                calls_wait_or_fail_as_retriable_while_the_broker_is_away;
        }
    };
}

pub(crate) use {clauses, outage_clauses};
