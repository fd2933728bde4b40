//! Who runs what, in groups that grow, shrink and lose members.

use std::time::Duration;

use connect_runtime::{Connect, Error, RequestSignature, Restart, State};

use super::{Cluster, DELAY, LONG, running};

#[tokio::test(start_paused = true)]
async fn three_workers_share_tasks_evenly_and_one_that_joins_gets_its_part() {
    for protocol in ["sessioned", "compatible", "eager"] {
        let mut cluster = Cluster::start(protocol, 3).await;
        cluster.put("a", 4).await;
        cluster.put("b", 5).await;
        cluster.expect(&[("a", 4), ("b", 5)]).await;
        assert!(
            cluster.loads(&["a", "b"]).values().all(|load| *load == 3),
            "{:?}",
            cluster.loads(&["a", "b"])
        );
        cluster.add(4).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        cluster.expect(&[("a", 4), ("b", 5)]).await;
        let loads = cluster.loads(&["a", "b"]);
        assert!(loads.values().all(|load| (2..=3).contains(load)), "{protocol}: {loads:?}");
        running().assert_never_twice();
        let group = "connect-worker-rebalance-metrics";
        let epochs: std::collections::BTreeSet<_> = cluster
            .workers
            .values()
            .map(|worker| {
                let metrics = worker.worker_metrics();
                let number =
                    |name| metrics.find(group, name, &[]).and_then(|metric| metric.number()).unwrap();
                assert!(number("completed-rebalances-total") >= 1.0 && number("rebalancing") == 0.0);
                let text = |name, text: &str| {
                    let found = metrics.find(group, name, &[]).unwrap();
                    assert_eq!(found.value, connect_runtime::MetricValue::Text(text.to_owned()));
                };
                text("connect-protocol", &protocol.to_uppercase());
                text("leader-name", "http://worker:1/");
                number("epoch") as i64
            })
            .collect();
        assert_eq!(epochs.len(), 1, "all are in one generation: {epochs:?}");
        for worker in cluster.workers.into_values() {
            assert!(worker.shutdown().await.unwrap().is_clean());
        }
        assert!(running().tasks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn the_work_of_a_worker_that_was_killed_moves_after_the_delay() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    // The first one leads.
    drop(cluster.workers.remove(&2));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(running().tasks().len(), 4, "its tasks end with it");
    // The session of ten seconds runs out, and then nothing moves before the delay is over.
    tokio::time::sleep(DELAY).await;
    assert_eq!(running().tasks().len(), 4);
    cluster.expect(&[("a", 6)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_is_killed_another_leads_and_all_runs_again() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    drop(cluster.workers.remove(&1));
    cluster.put("b", 2).await;
    cluster.expect(&[("a", 6), ("b", 2)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_leaves_says_so_and_one_that_comes_back_gets_its_work_again() {
    let mut cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    let leaver = cluster.workers.remove(&2).unwrap();
    assert!(leaver.shutdown().await.unwrap().is_clean());
    drop(leaver);
    assert_eq!(running().tasks().len(), 4);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let states: Vec<_> =
        cluster.any().status("a").unwrap().tasks.into_iter().map(|(_, task)| task.state).collect();
    assert_eq!(states.iter().filter(|state| **state == State::Unassigned).count(), 2, "{states:?}");
    cluster.add(2).await;
    cluster.expect(&[("a", 6)]).await;
    assert_eq!(cluster.loads(&["a"])["worker:2"], 2);
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_its_coordinator_stops_and_goes_on_when_it_is_back() {
    let cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    cluster.kafka.stop_broker();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(running().tasks().is_empty(), "nothing runs outside of the group: {:?}", running().tasks());
    cluster.kafka.start_broker();
    cluster.expect(&[("a", 6)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_one_worker_all_of_them_do() {
    let cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 3).await;
    cluster.put("b", 2).await;
    cluster.expect(&[("a", 3), ("b", 2)]).await;

    let all = async |state: State, tasks: usize| {
        let wait = async {
            loop {
                let is = |worker: &Connect| {
                    let status = worker.status("a").unwrap();
                    status.connector.state == state
                        && status.tasks.len() == tasks
                        && status.tasks.iter().all(|(_, task)| task.state == state)
                };
                if cluster.workers.values().all(is) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{:?}", cluster.any().status("a")));
    };
    for worker in cluster.workers.values() {
        worker.pause("a").await.unwrap();
        all(State::Paused, 3).await;
        worker.resume("a").await.unwrap();
        all(State::Running, 3).await;
    }
    cluster
        .lead(async |herder| herder.set_target_state("a", connect_runtime::TargetState::Stopped).await)
        .await;
    all(State::Stopped, 0).await;
    assert!(running().tasks().iter().all(|task| task.starts_with("b-")));
    cluster.any().resume("a").await.unwrap();
    all(State::Running, 3).await;

    cluster
        .lead(async |herder| {
            herder.restart_connector("a", Restart { include_tasks: true, only_failed: false }).await
        })
        .await;
    cluster.expect(&[("a", 3), ("b", 2)]).await;
    cluster.put("a", 5).await;
    cluster.expect(&[("a", 5), ("b", 2)]).await;
    cluster.lead(async |herder| herder.delete_connector("a").await).await;
    cluster.expect(&[("b", 2)]).await;
    for worker in cluster.workers.values() {
        assert!(matches!(worker.status("a"), Err(Error::NotFound(_))));
    }
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_lead_says_who_does_and_trusts_only_signed_requests() {
    let cluster = Cluster::start("sessioned", 2).await;
    cluster.put("a", 1).await;
    cluster.expect(&[("a", 1)]).await;
    let mut refused = Vec::new();
    for (port, worker) in &cluster.workers {
        match worker.delete("missing").await {
            Err(Error::NotFound(_)) => {}
            Err(Error::RequestTarget { forward_url, .. }) => refused.push((*port, forward_url.unwrap())),
            other => panic!("{other:?}"),
        }
    }
    let [(follower, leader)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(*leader, format!("http://worker:{}/", 3 - follower));
    let leader = cluster.workers[&(3 - follower)].herder();
    let unsigned = leader.put_task_configs("a", Vec::new(), None).await.unwrap_err();
    assert!(matches!(unsigned, Error::BadRequest(_)), "{unsigned}");
    let (mac, algorithm) = RequestSignature::sign(b"guessed", "HmacSHA256", b"[]").unwrap();
    let forged = RequestSignature::from_headers("[]".into(), Some(&mac), Some(algorithm)).unwrap();
    let forged = leader.put_task_configs("a", Vec::new(), forged).await.unwrap_err();
    assert!(matches!(forged, Error::Forbidden(_)), "{forged}");
    assert_eq!(cluster.any().status("a").unwrap().tasks.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_while_the_group_forms_anew_waits_for_it() {
    let cluster = Cluster::start("sessioned", 2).await;
    for name in ["a", "b", "c"] {
        cluster.put(name, 1).await;
    }
    cluster.expect(&[("a", 1), ("b", 1), ("c", 1)]).await;
    // The first one leads.
    let leader = cluster.workers[&1].herder();
    for name in ["a", "b", "c"] {
        leader.delete_connector(name).await.unwrap();
        // The group begins to form anew because of that.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.expect(&[]).await;
    let error = leader.restart_task("a", 0).await.unwrap_err();
    assert!(matches!(&error, Error::NotFound(text) if text == "Unknown connector: a"), "{error}");
}
