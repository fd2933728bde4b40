//! What a worker does when it loses touch with its group or cannot keep up with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use connect_runtime::MemoryKafka;
use connect_runtime::config::ConnectProtocol;
use connect_runtime::kafka::Kafka as _;
use connect_runtime::kafka::membership::{GroupMember, GroupSettings, MemberError};
use connect_runtime::kafka::memory::Operation;
use connect_runtime::wire::group::{self, Assignment, WorkerState};
use tokio::task::JoinSet;

use super::{Cluster, LONG, running};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG * 10, wait).await.unwrap_or_else(|_| panic!("{what}: {:?}", running().tasks()));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_nobody_answers_stops_when_its_session_has_run_out() {
    let cluster = Cluster::start("sessioned", 1).await;
    cluster.put("a", 2).await;
    cluster.expect(&[("a", 2)]).await;
    // Nothing is refused, and nothing is answered.
    cluster.kafka.delay(Operation::Membership, Duration::from_secs(3600));
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(running().tasks().len(), 2, "a session of ten seconds has not run out");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(running().tasks(), [""; 0], "others may have them by now");
    cluster.kafka.delay(Operation::Membership, Duration::ZERO);
    cluster.expect(&[("a", 2)]).await;
    running().assert_never_twice();
}

#[tokio::test(start_paused = true)]
async fn workers_whose_sessions_ran_out_join_again_with_what_they_run() {
    let cluster = Cluster::start("sessioned", 3).await;
    cluster.put("a", 6).await;
    cluster.expect(&[("a", 6)]).await;
    let loads = cluster.loads(&["a"]);
    cluster.kafka.expire_sessions("cluster");
    tokio::time::sleep(Duration::from_secs(30)).await;
    cluster.expect(&[("a", 6)]).await;
    assert_eq!(cluster.loads(&["a"]), loads, "nothing had to move");
    cluster.put("b", 3).await;
    cluster.expect(&[("a", 6), ("b", 3)]).await;
    running().assert_never_twice();
}

/// A member of the group that joined first, and so shares out: everything to the others, made with a configuration
/// that is as many records ahead of theirs as it is told.
struct Leader {
    ahead: Arc<AtomicI64>,
    rounds: Arc<AtomicUsize>,
    round: tokio::sync::mpsc::Sender<()>,
    _task: JoinSet<()>,
}

const TASKS: [&str; 2] = ["a-0", "a-1"];

impl Leader {
    async fn join(kafka: &MemoryKafka) -> Self {
        let settings = GroupSettings {
            group_id: "cluster".to_owned(),
            protocol_type: "connect".to_owned(),
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_secs(60),
        };
        let mut member = kafka.group_member(&BTreeMap::new(), settings).await.unwrap();
        let (ahead, rounds) = (Arc::<AtomicI64>::default(), Arc::<AtomicUsize>::default());
        let (round, mut asked) = tokio::sync::mpsc::channel(1);
        let (told, counted) = (Arc::clone(&ahead), Arc::clone(&rounds));
        form(&mut member, None, 0).await;
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut base = None;
            loop {
                tokio::select! {
                    _ = asked.recv() => {}
                    () = tokio::time::sleep(Duration::from_millis(100)) => match member.heartbeat().await {
                        Ok(()) => continue,
                        Err(MemberError::Rebalance) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                base = form(&mut member, base, told.load(Ordering::SeqCst)).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { ahead, rounds, round, _task: task }
    }
}

/// One round; answers how far the others had read in the first.
async fn form(member: &mut Box<dyn GroupMember>, base: Option<i64>, ahead: i64) -> Option<i64> {
    let url = "http://worker:99/".to_owned();
    let state = WorkerState { url: Some(url.clone()), config_offset: -1, assignment: None };
    let metadata = group::encode_metadata(&state, ConnectProtocol::Sessioned).unwrap();
    let joined = member.join(&[("sessioned".to_owned(), metadata)]).await.unwrap();
    let mut base = base;
    let mut shares = Vec::new();
    for (id, metadata) in &joined.members {
        let mine = *id == joined.member_id;
        if !mine {
            let state = group::decode_metadata(metadata, ConnectProtocol::Sessioned).unwrap();
            base.get_or_insert(state.config_offset);
        }
        let assignment = Assignment {
            version: 2,
            leader: Some(joined.leader.clone()),
            leader_url: Some(url.clone()),
            config_offset: base.unwrap_or(-1) + ahead,
            tasks: if mine { Vec::new() } else { vec![("a".to_owned(), 0), ("a".to_owned(), 1)] },
            ..Assignment::default()
        };
        shares.push((id.clone(), group::encode_assignment(&assignment, ConnectProtocol::Sessioned).unwrap()));
    }
    match member.sync(&shares).await {
        Ok(_) | Err(MemberError::Rebalance) => base,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_cannot_read_the_config_topic_keeps_its_work_for_five_rounds_and_stays_away() {
    let mut cluster = Cluster::start("sessioned", 0).await;
    let kafka = cluster.kafka.clone();
    kafka.create_topic("configs", 1, &[("cleanup.policy", "compact")]).unwrap();
    let config = r#"{"properties":{"name":"a","connector.class":"Idle","tasks":"2"}}"#;
    kafka.produce("configs", "connector-a", config);
    for task in TASKS {
        let config = format!(r#"{{"properties":{{"task":"{task}","task.class":"IdleTask"}}}}"#);
        kafka.produce("configs", format!("task-{task}"), config);
    }
    kafka.produce("configs", "commit-a", r#"{"tasks":2}"#);
    let leader = Leader::join(&kafka).await;
    cluster.add(1).await;
    until("the tasks run", || running().tasks() == TASKS).await;

    // From now on the leader knows of something that this worker cannot read.
    kafka.hold(Operation::ListOffsets);
    leader.ahead.store(1, Ordering::SeqCst);
    let before = leader.rounds.load(Ordering::SeqCst);
    leader.round.send(()).await.unwrap();
    until("it has stayed away", || leader.rounds.load(Ordering::SeqCst) >= before + 3).await;
    assert_eq!(running().tasks(), TASKS, "it keeps what it has for now");
    until("it gives up", || running().tasks().is_empty()).await;
    // `worker.unsync.backoff.ms` is five minutes.
    tokio::time::sleep(Duration::from_secs(240)).await;
    assert!(running().tasks().is_empty());

    kafka.release(Operation::ListOffsets);
    kafka.produce("configs", "target-state-a", r#"{"state":"STARTED","state.v2":"STARTED"}"#);
    until("it is back", || running().tasks() == TASKS).await;
    running().assert_never_twice();
}

fn session_keys(cluster: &Cluster) -> usize {
    let records = cluster.kafka.records("configs");
    records.iter().filter(|record| record.key_text() == Some("session-key")).count()
}

#[tokio::test(start_paused = true)]
async fn session_keys_are_replaced_when_they_are_old_whoever_leads() {
    let mut cluster = Cluster::start_with("sessioned", 3, &[("inter.worker.key.ttl.ms", "60000")]).await;
    cluster.put("a", 3).await;
    cluster.expect(&[("a", 3)]).await;
    assert_eq!(session_keys(&cluster), 1);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(session_keys(&cluster), 2);
    // Workers that do not lead sign with the new one.
    for name in ["b", "c", "d"] {
        cluster.put(name, 2).await;
    }
    cluster.expect(&[("a", 3), ("b", 2), ("c", 2), ("d", 2)]).await;
    // A new leader keeps a key that is young, and replaces it in its time.
    drop(cluster.workers.remove(&1));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(session_keys(&cluster), 2);
    tokio::time::sleep(Duration::from_secs(50)).await;
    assert_eq!(session_keys(&cluster), 3);
    cluster.put("e", 2).await;
    cluster.expect(&[("a", 3), ("b", 2), ("c", 2), ("d", 2), ("e", 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_answers_nothing_holds_up_no_other_worker() {
    let cluster = Cluster::start("sessioned", 2).await;
    cluster.put("a", 1).await;
    cluster.expect(&[("a", 1)]).await;
    cluster.peers.hang.store(true, Ordering::SeqCst);
    // The follower has one of these, and its tasks have to go to the leader.
    cluster.put("b", 1).await;
    cluster.put("c", 1).await;
    until("the follower asks the leader", || cluster.peers.asked.load(Ordering::SeqCst) > 0).await;
    for worker in cluster.workers.values() {
        let answer = tokio::time::timeout(Duration::from_secs(5), worker.delete("missing")).await;
        assert!(answer.is_ok(), "nobody waits for another worker");
    }
    cluster.peers.hang.store(false, Ordering::SeqCst);
    cluster.expect(&[("a", 1), ("b", 1), ("c", 1)]).await;
}
