//! Offsets as a tool: read, altered, reset and looked at before, through the handle.

use connect_api::{Error as ConnectError, SourceOffset, SourcePartition, TopicPartition};
use connect_runtime::{ConnectorOffset, ConnectorOffsets, Error, State};
use connect_testkit::TestConnect;
use serde_json::json;

use crate::scripted::{Call, connect, sink, source, world};

const OURS: &str = "The offsets for this connector have been altered successfully";
const FRAMEWORK: &str = "The Connect framework-managed offsets for this connector have been altered successfully. \
    However, if this connector manages offsets externally, they will need to be manually altered in the system that \
    the connector uses.";

fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new("t", partition)
}

fn sink_offset(offset: Option<i64>) -> ConnectorOffsets {
    ConnectorOffsets { offsets: vec![ConnectorOffset::sink(&tp(0), offset)] }
}

fn source_offset(offset: Option<i64>) -> ConnectorOffsets {
    let offset = offset.map(|next| SourceOffset::of("next", next));
    let partition = SourcePartition::of("task", 0);
    ConnectorOffsets { offsets: vec![ConnectorOffset::source(&partition, offset.as_ref())] }
}

/// A sink that has committed `count` records and is stopped.
async fn stopped_sink(count: usize) -> TestConnect {
    let connect = connect().start().await;
    for _ in 0..count {
        connect.kafka().produce("t", None::<&str>, "x");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    connect.create("sink", sink()).await.unwrap();
    connect.expect_committed("sink", "t", 0, i64::try_from(count).unwrap()).await;
    connect.stop("sink").await.unwrap();
    connect.expect_state("sink", State::Stopped).await;
    connect
}

async fn stopped_source(count: i64) -> TestConnect {
    let connect = connect().start().await;
    world().grow(count);
    connect.create("source", source()).await.unwrap();
    connect.expect_settled("source", u64::try_from(count).unwrap()).await;
    connect.stop("source").await.unwrap();
    connect.expect_state("source", State::Stopped).await;
    connect
}

#[tokio::test(start_paused = true)]
async fn offsets_are_shown_with_kafkas_names_for_a_sink_and_the_connectors_own_for_a_source() {
    let connect = stopped_sink(2).await;
    let expected = json!({"offsets": [{
        "partition": {"kafka_topic": "t", "kafka_partition": 0},
        "offset": {"kafka_offset": 2},
    }]});
    assert_eq!(connect.offsets("sink").await.unwrap().to_json(), expected);

    world().grow(3);
    connect.create("source", source()).await.unwrap();
    connect.expect_settled("source", 3).await;
    connect.stop("source").await.unwrap();
    let expected = json!({"offsets": [{"partition": {"task": 0}, "offset": {"next": 3}}]});
    assert_eq!(connect.offsets("source").await.unwrap().to_json(), expected);
}

#[tokio::test(start_paused = true)]
async fn offsets_of_a_connector_that_is_not_stopped_cannot_be_modified() {
    let connect = connect().start().await;
    connect.create("sink", sink()).await.unwrap();
    for paused in [false, true] {
        if paused {
            connect.pause("sink").await.unwrap();
        }
        let errors = [
            connect.alter_offsets("sink", sink_offset(Some(0))).await.unwrap_err(),
            connect.reset_offsets("sink").await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::BadRequest(_)), "{error:?}");
            assert_eq!(
                error.to_string(),
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for \
                 the specified connector by issuing a 'PUT' request to the '/connectors/sink/stop' endpoint"
            );
        }
    }
    let error = connect.offsets("nobody").await.unwrap_err();
    assert!(matches!(&error, Error::NotFound(text) if text == "Connector nobody not found"), "{error:?}");
    assert!(matches!(connect.reset_offsets("nobody").await.unwrap_err(), Error::NotFound(_)));
    let error = connect.alter_offsets("sink", ConnectorOffsets::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "Partitions / offsets need to be provided for an alter offsets request");
}

#[tokio::test(start_paused = true)]
async fn an_altered_sink_goes_on_at_its_new_offset_and_a_reset_one_at_the_beginning() {
    let connect = stopped_sink(3).await;
    let read = |from: usize| {
        world().puts()[from..].iter().map(|(_, records)| records[&tp(0)].clone()).collect::<Vec<_>>()
    };
    assert_eq!(connect.alter_offsets("sink", sink_offset(Some(1))).await.unwrap(), FRAMEWORK);
    assert_eq!(connect.offsets("sink").await.unwrap(), sink_offset(Some(1)));
    let before = world().puts().len();
    connect.resume("sink").await.unwrap();
    connect.expect_settled("sink", 2).await;
    assert_eq!(read(before), [vec![1, 2]]);

    connect.stop("sink").await.unwrap();
    assert_eq!(connect.reset_offsets("sink").await.unwrap(), FRAMEWORK.replace("altered", "reset"));
    assert_eq!(connect.offsets("sink").await.unwrap(), ConnectorOffsets::default());
    let before = world().puts().len();
    connect.resume("sink").await.unwrap();
    connect.expect_settled("sink", 3).await;
    assert_eq!(read(before), [vec![0, 1, 2]]);
}

#[tokio::test(start_paused = true)]
async fn an_altered_source_goes_on_at_its_new_offset_and_a_reset_one_at_the_beginning() {
    let connect = stopped_source(3).await;
    assert_eq!(connect.alter_offsets("source", source_offset(Some(1))).await.unwrap(), FRAMEWORK);
    connect.resume("source").await.unwrap();
    connect.expect_settled("source", 2).await;
    connect.stop("source").await.unwrap();
    assert_eq!(connect.reset_offsets("source").await.unwrap(), FRAMEWORK.replace("altered", "reset"));
    assert_eq!(connect.offsets("source").await.unwrap(), ConnectorOffsets::default());
    connect.resume("source").await.unwrap();
    connect.expect_settled("source", 3).await;
    let values: Vec<_> =
        connect.kafka().records("t").iter().map(|record| record.value_text().unwrap().to_owned()).collect();
    assert_eq!(values, ["0", "1", "2", "1", "2", "0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_asked_before_and_may_take_care_itself_or_refuse() {
    let connect = stopped_sink(2).await;
    world().alter.lock().unwrap().extend([
        Ok(true),
        Err(ConnectError::unsupported("this one never")),
        Err(ConnectError::connect("beyond the end")),
        Ok(true),
    ]);
    assert_eq!(connect.alter_offsets("sink", sink_offset(Some(1))).await.unwrap(), OURS);
    let error = connect.reset_offsets("sink").await.unwrap_err();
    let text = "Failed to modify offsets for connector sink because it doesn't support external modification of offsets";
    assert!(matches!(&error, Error::Plugin(error) if error.message() == text), "{error:?}");
    let error = connect.alter_offsets("sink", sink_offset(Some(9))).await.unwrap_err();
    assert!(error.to_string().contains("beyond the end"), "{error}");
    assert_eq!(
        connect.offsets("sink").await.unwrap(),
        sink_offset(Some(1)),
        "what was refused changes nothing"
    );
    assert_eq!(connect.reset_offsets("sink").await.unwrap(), OURS.replace("altered", "reset"));
    let asked: Vec<_> =
        world().calls.entries().into_iter().filter(|call| matches!(call, Call::AlterSink(_))).collect();
    let asked_for = |offset| Call::AlterSink(vec![(tp(0), offset)]);
    assert_eq!(asked, [asked_for(Some(1)), asked_for(None), asked_for(Some(9)), asked_for(None)]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_a_source_names_every_partition_to_the_connector() {
    let connect = stopped_source(1).await;
    connect.reset_offsets("source").await.unwrap();
    let asked = world().wait_for(1, |call| matches!(call, Call::AlterSource(_))).await;
    assert_eq!(asked, Call::AlterSource(vec![(SourcePartition::of("task", 0), None)]));
}

#[tokio::test(start_paused = true)]
async fn a_group_with_members_is_not_altered_and_the_message_says_why() {
    let connect = stopped_sink(2).await;
    // Somebody else is in the group: a zombie, or a connector whose group was overridden.
    let other = sink().with("consumer.override.group.id", "connect-sink");
    connect.create("other", other).await.unwrap();
    connect
        .expect("a member", || (!connect.kafka().assignment("connect-sink").is_empty()).then_some(()))
        .await;
    let errors = [
        (connect.alter_offsets("sink", sink_offset(Some(0))).await.unwrap_err(), "alter"),
        (connect.reset_offsets("sink").await.unwrap_err(), "reset"),
    ];
    for (error, what) in errors {
        let begin = format!(
            "Failed to {what} consumer group offsets for connector sink either because its tasks haven't stopped \
             completely yet or the connector was resumed before the request to {what} its offsets could be \
             successfully completed. If the connector is in a stopped state, this operation can be safely retried."
        );
        assert!(matches!(&error, Error::Plugin(error) if error.message().starts_with(&begin)), "{error:?}");
    }
    assert_eq!(connect.offsets("sink").await.unwrap(), sink_offset(Some(2)));
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_how_many_records_would_come_again_and_changes_nothing() {
    let connect = stopped_sink(5).await;
    let preview = connect.preview_offsets("sink", Some(&sink_offset(Some(2)))).await.unwrap();
    assert_eq!(preview.to_string(), "this would replay 3 records and skip 0 records");
    let preview = connect.preview_offsets("sink", None).await.unwrap();
    assert_eq!((preview.replayed(), preview.skipped()), (Some(5), Some(0)));
    // Beyond the end there is nothing to skip; below zero nothing to replay.
    connect.alter_offsets("sink", sink_offset(Some(1))).await.unwrap();
    let preview = connect.preview_offsets("sink", Some(&sink_offset(Some(99)))).await.unwrap();
    assert_eq!((preview.replayed(), preview.skipped()), (Some(0), Some(4)));
    assert_eq!(connect.offsets("sink").await.unwrap(), sink_offset(Some(1)));

    let connect = stopped_source(3).await;
    let preview = connect.preview_offsets("source", None).await.unwrap();
    assert_eq!(preview.to_string(), "this would change the offsets of 1 source partitions");
    assert_eq!(connect.offsets("source").await.unwrap(), source_offset(Some(3)));
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_rewound_to_a_time_and_never_forward() {
    let connect = stopped_sink(5).await;
    let times: Vec<_> = connect.kafka().records("t").iter().map(|record| record.timestamp).collect();
    let back = connect.offsets_at("sink", times[3]).await.unwrap();
    assert_eq!(back, sink_offset(Some(3)));
    assert_eq!(connect.preview_offsets("sink", Some(&back)).await.unwrap().replayed(), Some(2));
    connect.alter_offsets("sink", back).await.unwrap();
    // It is at 3 now: the time of record 4 lies ahead, and a later time has no record.
    for ahead in [times[4], times[4] + 1] {
        assert_eq!(connect.offsets_at("sink", ahead).await.unwrap(), ConnectorOffsets::default());
    }
    connect.create("source", source()).await.unwrap();
    assert!(matches!(connect.offsets_at("source", 0).await.unwrap_err(), Error::BadRequest(_)));
}
