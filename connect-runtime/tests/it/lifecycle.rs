//! Connectors and tasks as the outside sees them: states, restarts, failures, deadlines.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_api::Error as PluginError;
use connect_runtime::{Error, Restart, State};
use tokio::time::Instant;

use crate::scripted::{Call, Step, connect, plan, sink, source, world};

const SOON: Duration = Duration::from_secs(30);

fn starts(task: usize) -> usize {
    world().count(|call| *call == Call::Start(task))
}

#[tokio::test(start_paused = true)]
async fn states_follow_what_was_asked_for() {
    world().tasks.store(2, SeqCst);
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    let status = connect.expect_state("numbers", State::Running).await;
    assert_eq!(status.tasks.len(), 2);

    connect.pause("numbers").await.unwrap();
    connect.expect_state("numbers", State::Paused).await;
    assert_eq!((starts(0), starts(1)), (1, 1));

    connect.resume("numbers").await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!((starts(0), starts(1)), (1, 1), "a pause does not restart tasks");

    connect.stop("numbers").await.unwrap();
    let status = connect.expect_state("numbers", State::Stopped).await;
    assert!(status.tasks.is_empty(), "a stopped connector has no tasks: {status:?}");
    assert_eq!(world().count(|call| matches!(call, Call::Stop(_))), 2);

    connect.resume("numbers").await.unwrap();
    assert_eq!(connect.expect_state("numbers", State::Running).await.tasks.len(), 2);

    connect.restart("numbers", Restart { include_tasks: true, only_failed: false }).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    connect.expect("both tasks to start again", || ((starts(0), starts(1)) == (3, 3)).then_some(())).await;

    connect.delete("numbers").await.unwrap();
    assert!(matches!(connect.status("numbers"), Err(Error::NotFound(_))));
    assert!(connect.connectors().is_empty());
    assert_eq!(world().count(|call| matches!(call, Call::Stop(_))), 6, "every started task is stopped once");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_fails_alone() {
    world().tasks.store(2, SeqCst);
    plan(&world().poll, 1, Step::Panic);
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    let trace = connect.expect_task_state("numbers", 1, State::Failed).await.trace.unwrap();
    assert!(trace.contains("the plugin panicked: as planned"), "{trace}");
    world().grow(3);
    connect.expect_records("t", 3).await;
    assert_eq!(connect.expect_task_state("numbers", 0, State::Running).await.trace, None);
    assert_eq!(connect.status("numbers").unwrap().connector.state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn only_what_has_failed_is_restarted_when_that_is_asked_for() {
    world().tasks.store(2, SeqCst);
    plan(&world().start, 1, Step::Fail(PluginError::connect("no route to the source")));
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    let trace = connect.expect_task_state("numbers", 1, State::Failed).await.trace.unwrap();
    assert!(trace.contains("no route to the source"), "{trace}");
    connect.restart("numbers", Restart { include_tasks: true, only_failed: true }).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!((starts(0), starts(1)), (1, 2));
    assert_eq!(world().count(|call| *call == Call::StartConnector), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_hangs_in_start_delays_nobody_else() {
    let connect = connect().start().await;
    world().start_connector.lock().unwrap().push_back(Step::Hang);
    let began = Instant::now();
    let hanging = connect.create("hangs", source());
    let others = async {
        world().wait_for(1, |call| *call == Call::StartConnector).await;
        connect.create("works", source().with("topic", "other")).await.unwrap();
        connect.expect_state("works", State::Running).await;
        connect.pause("works").await.unwrap();
        assert_eq!(connect.connectors(), ["hangs", "works"]);
        assert!(connect.status("hangs").is_ok());
        connect.delete("hangs").await.unwrap();
    };
    let (created, ()) = tokio::time::timeout(SOON, async { tokio::join!(hanging, others) }).await.unwrap();
    assert!(created.is_err(), "a deleted connector was not created");
    assert!(began.elapsed() < Duration::from_secs(10), "somebody waited for it: {:?}", began.elapsed());
    assert_eq!(connect.connectors(), ["works"]);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_fails_or_panics_in_start_is_failed_and_a_restart_helps() {
    for step in [Step::Fail(PluginError::connect("no credentials")), Step::Panic] {
        let connect = connect().start().await;
        world().start_connector.lock().unwrap().push_back(step);
        assert!(matches!(connect.create("numbers", source()).await, Err(Error::Plugin(_))));
        let trace = connect.expect_connector_state("numbers", State::Failed).await.trace.unwrap();
        assert!(trace.contains("no credentials") || trace.contains("as planned"), "{trace}");
        assert!(connect.resume("numbers").await.is_err());
        connect.restart("numbers", Restart::default()).await.unwrap();
        assert_eq!(connect.expect_state("numbers", State::Running).await.tasks.len(), 1);
        connect.shutdown().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_raised_error_fails_the_connector_and_its_tasks_go_on() {
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    world().sources.lock().unwrap()[0].raise_error(PluginError::connect("the schema is gone"));
    let trace = connect.expect_connector_state("numbers", State::Failed).await.trace.unwrap();
    assert!(trace.contains("the schema is gone"), "{trace}");
    world().grow(3);
    connect.expect_records("t", 3).await;
    assert_eq!(connect.status("numbers").unwrap().tasks[0].1.state, State::Running);
    connect.restart("numbers", Restart::default()).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!(starts(0), 1, "the tasks had not failed");
}

#[tokio::test(start_paused = true)]
async fn a_requested_reconfiguration_restarts_the_tasks_when_something_has_changed() {
    world().grow(2);
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 2).await;
    let context = world().sources.lock().unwrap()[0].clone();

    context.request_task_reconfiguration();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(starts(0), 1, "nothing has changed");

    world().tasks.store(3, SeqCst);
    context.request_task_reconfiguration();
    connect.expect("three tasks", || (connect.status("numbers").ok()?.tasks.len() == 3).then_some(())).await;
    connect.expect_state("numbers", State::Running).await;
    assert_eq!((starts(0), starts(1), starts(2)), (2, 1, 1));
    // Tasks 1 and 2 give their own two records; task 0 goes on behind its offset.
    connect.expect_records("t", 6).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(connect.kafka().count_records("t"), 6);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_in_time_is_cut_off_and_named() {
    world().tasks.store(2, SeqCst);
    plan(&world().stop, 1, Step::Hang);
    let connect = connect().property("task.shutdown.graceful.timeout.ms", "3000").start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.create("other", source()).await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    connect.expect_state("other", State::Running).await;
    let began = Instant::now();
    let report = connect.shutdown().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!report.is_clean());
    assert_eq!(report.abandoned.len(), 1, "{report:?}");
    assert_eq!(report.abandoned[0].task, Some(1));
    assert_eq!(report.tasks.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_hangs_in_put_is_cut_off_and_its_records_come_again() {
    let connect = connect().property("task.shutdown.graceful.timeout.ms", "3000").start().await;
    connect.kafka().produce("t", None::<&str>, "a");
    plan(&world().put, 0, Step::Hang);
    connect.create("sink", sink()).await.unwrap();
    world().wait_for(1, |call| matches!(call, Call::Put(_, records) if !records.is_empty())).await;
    connect.herder().restart_task("sink", 0).await.unwrap();
    connect.expect_committed("sink", "t", 0, 1).await;
    assert_eq!(world().puts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_paused_before_it_starts_starts_when_it_is_resumed() {
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.pause("numbers").await.unwrap();
    connect.expect_state("numbers", State::Paused).await;
    let before = starts(0);
    connect.herder().restart_task("numbers", 0).await.unwrap();
    connect.expect_task_state("numbers", 0, State::Paused).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(starts(0), before, "a paused task was started");
    connect.resume("numbers").await.unwrap();
    connect.expect_state("numbers", State::Running).await;
    assert_eq!(starts(0), before + 1);
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_served_say_why() {
    let connect = connect().start().await;
    assert!(matches!(connect.pause("nobody").await, Err(Error::NotFound(_))));
    assert!(matches!(connect.herder().restart_task("nobody", 0).await, Err(Error::NotFound(_))));
    connect.create("numbers", source()).await.unwrap();
    assert!(matches!(connect.create("numbers", source()).await, Err(Error::Conflict(_))));
    assert!(matches!(connect.herder().restart_task("numbers", 7).await, Err(Error::NotFound(_))));
    let broken = source().with("tasks.max", "many").with("errors.tolerance", "some");
    let Err(Error::Config(text)) = connect.create("broken", broken).await else { panic!("it was accepted") };
    assert!(text.contains("tasks.max") && text.contains("errors.tolerance"), "{text}");
    assert_eq!(connect.connectors(), ["numbers"]);
}

#[tokio::test(start_paused = true)]
async fn more_tasks_than_allowed_fail_the_connector() {
    world().tasks.store(3, SeqCst);
    let connect = connect().start().await;
    assert!(connect.create("numbers", source().with("tasks.max", "2")).await.is_err());
    let trace = connect.expect_connector_state("numbers", State::Failed).await.trace.unwrap();
    assert!(trace.contains("numbers has generated 3 tasks, which is greater than 2"), "{trace}");
    assert_eq!(world().count(|call| matches!(call, Call::Start(_))), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_restarts_connector_and_tasks() {
    world().grow(2);
    let connect = connect().start().await;
    connect.create("numbers", source()).await.unwrap();
    connect.expect_records("t", 2).await;
    connect.create_or_replace("numbers", source().with("topic", "other")).await.unwrap();
    world().grow(2);
    connect.expect_records("other", 2).await;
    assert_eq!(connect.kafka().count_records("t"), 2);
    assert_eq!(world().count(|call| *call == Call::StartConnector), 2);
    assert_eq!(starts(0), 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_config_provider_gave_is_used_by_the_tasks_and_shown_to_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secrets.properties");
    std::fs::write(&file, "where=t\n").unwrap();
    let connect = connect()
        .property("config.providers", "file")
        .property("config.providers.file.class", "FileConfigProvider")
        .start()
        .await;
    world().grow(1);
    let reference = format!("${{file:{}:where}}", file.display());
    connect.create("numbers", source().with("topic", &reference)).await.unwrap();
    connect.expect_records("t", 1).await;
    let shown = connect.herder().task_configs("numbers").unwrap();
    assert_eq!(shown[0].get("topic"), Some(reference.as_str()));

    // What the file says now is given to the tasks, whose configuration reads as before.
    std::fs::write(&file, "where=u\n").unwrap();
    connect.restart("numbers", Restart { include_tasks: true, only_failed: false }).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    world().grow(1);
    connect.expect_records("u", 1).await;
    assert_eq!(connect.herder().task_configs("numbers").unwrap(), shown);
}
