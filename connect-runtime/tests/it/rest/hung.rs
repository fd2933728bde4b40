//! A connector or task that hangs or panics, in each call that the runtime makes: no REST call and no other connector
//! waits for it.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use connect_api::Properties;
use connect_runtime::State;

use super::Server;
use crate::scripted::{Call, Step, plan, sink, source, world};

/// Far less than the calls could hang, far more than they take.
const QUICK: Duration = Duration::from_secs(10);

async fn quick(server: &Server, method: &str, path: &str, body: &str) -> super::Answer {
    let answer = tokio::time::timeout(QUICK, server.call(method, path, body)).await;
    answer.unwrap_or_else(|_| panic!("{method} {path} hangs"))
}

/// Every read is answered at once, what is asked of the hung connector too, and another connector comes up, moves
/// records and goes.
async fn others_go_on(server: &Server) {
    for path in [
        "/",
        "/health",
        "/connectors",
        "/connectors?expand=status&expand=info",
        "/connectors/hung",
        "/connectors/hung/config",
        "/connectors/hung/status",
        "/connectors/hung/tasks",
        "/connectors/hung/topics",
        "/connector-plugins",
        "/metrics",
    ] {
        assert_eq!(quick(server, "GET", path, "").await.status, 200, "{path}");
    }
    let body = serde_json::json!({"name": "other", "config": config(&source())}).to_string();
    let answer = quick(server, "POST", "/connectors", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    server.connect.expect_state("other", State::Running).await;
    let before = server.connect.kafka().count_records("t");
    world().grow(3);
    let moved = async {
        while server.connect.kafka().count_records("t") < before + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(QUICK, moved).await.expect("the other connector moves nothing");
    assert_eq!(quick(server, "PUT", "/connectors/other/pause", "").await.status, 202);
    assert_eq!(quick(server, "DELETE", "/connectors/other", "").await.status, 204);
}

fn config(properties: &Properties) -> serde_json::Value {
    let member = |(key, value): (&str, &str)| (key.to_owned(), value.into());
    properties.iter().map(member).collect::<serde_json::Map<_, _>>().into()
}

/// Creates `hung` through the API, without waiting for the answer, which may never come.
async fn create(server: &Server, properties: &Properties) {
    let body = serde_json::json!({"name": "hung", "config": config(properties)}).to_string();
    let _ = tokio::time::timeout(Duration::from_secs(1), server.call("POST", "/connectors", &body)).await;
}

async fn delete(server: &Server) {
    assert_eq!(quick(server, "DELETE", "/connectors/hung", "").await.status, 204);
}

/// The state of the connector, or of its first task, once it is this one.
async fn until(server: &Server, pointer: &str, state: &str) {
    let wait = async {
        loop {
            let status = quick(server, "GET", "/connectors/hung/status", "").await.json();
            if status.pointer(pointer).is_some_and(|known| known == state) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(QUICK, wait).await;
    waited.unwrap_or_else(|_| panic!("{pointer} does not become {state}"));
}

async fn server() -> Server {
    let connect = crate::scripted::connect()
        .property("listeners", "http://127.0.0.1:0")
        .property("task.shutdown.graceful.timeout.ms", "1000");
    Server::of(connect.start().await).await
}

#[tokio::test]
async fn a_connector_whose_start_never_returns_delays_nobody() {
    let server = server().await;
    world().start_connector.lock().unwrap().push_back(Step::Hang);
    create(&server, &source()).await;
    world().wait_for(1, |call| *call == Call::StartConnector).await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_connector_whose_start_panics_delays_nobody() {
    let server = server().await;
    world().start_connector.lock().unwrap().push_back(Step::Panic);
    create(&server, &source()).await;
    until(&server, "/connector/state", "FAILED").await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_start_never_returns_or_panics_delays_nobody() {
    for (step, panics) in [(Step::Hang, false), (Step::Panic, true)] {
        let server = server().await;
        plan(&world().start, 0, step);
        create(&server, &source()).await;
        if panics {
            until(&server, "/tasks/0/state", "FAILED").await;
        }
        others_go_on(&server).await;
        delete(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_task_whose_poll_never_returns_delays_nobody() {
    let server = server().await;
    plan(&world().poll, 0, Step::Hang);
    create(&server, &source()).await;
    until(&server, "/tasks/0/state", "RUNNING").await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_poll_panics_delays_nobody() {
    let server = server().await;
    plan(&world().poll, 0, Step::Panic);
    create(&server, &source()).await;
    until(&server, "/tasks/0/state", "FAILED").await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_put_never_returns_delays_nobody() {
    let server = server().await;
    server.connect.kafka().produce("t", None::<&str>, "x");
    plan(&world().put, 0, Step::Hang);
    create(&server, &sink()).await;
    world().wait_for(1, |call| matches!(call, Call::Put(..))).await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_put_panics_delays_nobody() {
    let server = server().await;
    server.connect.kafka().produce("t", None::<&str>, "x");
    plan(&world().put, 0, Step::Panic);
    create(&server, &sink()).await;
    until(&server, "/tasks/0/state", "FAILED").await;
    others_go_on(&server).await;
    delete(&server).await;
    server.end().await;
}

#[tokio::test]
async fn a_task_whose_stop_never_returns_is_cut_off_and_delays_nobody() {
    for connector in [source(), sink()] {
        let server = server().await;
        plan(&world().stop, 0, Step::Hang);
        create(&server, &connector).await;
        until(&server, "/tasks/0/state", "RUNNING").await;
        let stops = world().count(|call| *call == Call::Stop(0));
        let others = async {
            world().wait_for(stops + 1, |call| *call == Call::Stop(0)).await;
            others_go_on(&server).await;
        };
        let (stopped, ()) = tokio::join!(quick(&server, "PUT", "/connectors/hung/stop", ""), others);
        assert_eq!(stopped.status, 204);
        until(&server, "/connector/state", "STOPPED").await;
        delete(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_task_whose_stop_panics_delays_nobody() {
    for connector in [source(), sink()] {
        let server = server().await;
        plan(&world().stop, 0, Step::Panic);
        create(&server, &connector).await;
        until(&server, "/tasks/0/state", "RUNNING").await;
        assert_eq!(quick(&server, "PUT", "/connectors/hung/stop", "").await.status, 204);
        until(&server, "/connector/state", "STOPPED").await;
        others_go_on(&server).await;
        delete(&server).await;
        server.end().await;
    }
}

#[tokio::test]
async fn a_connector_whose_stop_never_returns_or_panics_delays_nobody() {
    for step in [Step::Hang, Step::Panic] {
        let server = server().await;
        create(&server, &source()).await;
        until(&server, "/tasks/0/state", "RUNNING").await;
        world().stop_connector.lock().unwrap().push_back(step);
        let stops = world().count(|call| *call == Call::StopConnector);
        let others = async {
            world().wait_for(stops + 1, |call| *call == Call::StopConnector).await;
            others_go_on(&server).await;
        };
        let (stopped, ()) = tokio::join!(quick(&server, "PUT", "/connectors/hung/stop", ""), others);
        assert_eq!(stopped.status, 204);
        delete(&server).await;
        server.end().await;
    }
    assert!(world().limit.load(SeqCst) > 0, "the others had something to move");
}
