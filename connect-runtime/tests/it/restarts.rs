//! `errors.restart.*`: failed tasks that are started again by themselves.

use std::time::Duration;

use connect_api::{Error, Properties};
use connect_runtime::{Restart, State};
use tokio::time::Instant;

use crate::scripted::{Call, Step, connect, plan, source, world};

fn restarting(mode: &str) -> Properties {
    source().with("errors.restart.mode", mode).with("errors.restart.backoff.ms", "5000")
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_started_again_after_its_pause_and_its_status_tells() {
    let connect = connect().start().await;
    plan(&world().poll, 0, Step::Fail(Error::connect("the cable is out")));
    connect.create("source", restarting("all")).await.unwrap();
    let failed = connect.expect_task_state("source", 0, State::Failed).await;
    let began = Instant::now();
    let told = failed.restart.unwrap();
    assert_eq!((told.failures, told.attempts, told.max_attempts), (1, 0, Some(10)));
    assert!(told.next_at.is_some());
    assert!(failed.trace.unwrap().contains("the cable is out"));
    let running = connect.expect_task_state("source", 0, State::Running).await;
    assert!((4900..5200).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(running.restart.unwrap().failures, 1);
    assert_eq!(world().count(|call| *call == Call::Start(0)), 2);
    world().grow(3);
    connect.expect_records("t", 3).await;
}

#[tokio::test(start_paused = true)]
async fn the_budget_ends_restarts_and_a_restart_by_hand_renews_it() {
    let connect = connect().start().await;
    for _ in 0..4 {
        plan(&world().start, 0, Step::Fail(Error::connect("no entry")));
    }
    let config = restarting("all").with("errors.restart.max.attempts", "2");
    connect.create("source", config).await.unwrap();
    // Pauses of 5 and 10 seconds, then none.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let status = connect.expect_task_state("source", 0, State::Failed).await;
    let told = status.restart.unwrap();
    assert_eq!((told.failures, told.attempts, told.next_at), (3, 2, None));
    assert_eq!(world().count(|call| *call == Call::Start(0)), 3);
    connect.restart("source", Restart { include_tasks: true, only_failed: true }).await.unwrap();
    let failed = connect.expect_task_state("source", 0, State::Failed).await;
    assert_eq!(failed.restart.unwrap().failures, 1);
    connect.expect_task_state("source", 0, State::Running).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_and_for_errors_that_do_not_pass_a_task_stays_failed() {
    let connect = connect().start().await;
    for (name, config) in [("kafka", source()), ("picky", restarting("retriable"))] {
        plan(&world().start, 0, Step::Fail(Error::connect("no entry")));
        connect.create(name, config).await.unwrap();
        connect.expect_task_state(name, 0, State::Failed).await;
    }
    plan(&world().start, 0, Step::Fail(Error::retriable("come back later")));
    connect.create("patient", restarting("retriable")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(connect.status("kafka").unwrap().tasks[0].1.state, State::Failed);
    assert_eq!(connect.status("kafka").unwrap().tasks[0].1.restart, None);
    assert_eq!(connect.status("picky").unwrap().tasks[0].1.state, State::Failed);
    assert_eq!(connect.status("patient").unwrap().tasks[0].1.state, State::Running);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_is_stopped_meanwhile_is_not_started_again() {
    let connect = connect().start().await;
    plan(&world().start, 0, Step::Fail(Error::connect("no entry")));
    connect.create("source", restarting("all")).await.unwrap();
    connect.expect_task_state("source", 0, State::Failed).await;
    connect.stop("source").await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world().count(|call| *call == Call::Start(0)), 1);
    assert!(connect.status("source").unwrap().tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_makes_no_sense_is_refused() {
    let connect = connect().start().await;
    for (key, value) in [("mode", "sometimes"), ("backoff.ms", "0"), ("max.attempts", "-2")] {
        let key = format!("errors.restart.{key}");
        let error = connect.create("source", source().with(&key, value)).await.unwrap_err().to_string();
        assert!(error.contains(&format!("Invalid value {value} for configuration {key}")), "{error}");
    }
}
