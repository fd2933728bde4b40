//! Groups that share out something of their own.

use std::time::Duration;

use bytes::Bytes;
use connect_runtime::kafka::KafkaErrorKind;
use connect_runtime::kafka::membership::{GroupMember, GroupSettings, Joined, MemberError};

use super::Fixture;
use super::tools::unique;

const SESSION: Duration = Duration::from_secs(6);

fn settings(group: &str) -> GroupSettings {
    GroupSettings {
        group_id: group.to_owned(),
        protocol_type: "connect".to_owned(),
        session_timeout: SESSION,
        rebalance_timeout: Duration::from_secs(20),
    }
}

/// A member, where the implementation has them; else it says so.
async fn member(fixture: &dyn Fixture, group: &str) -> Option<Box<dyn GroupMember>> {
    match fixture.kafka().group_member(&fixture.properties(), settings(group)).await {
        Ok(member) => Some(member),
        Err(error) => {
            assert_eq!(error.kind(), KafkaErrorKind::Unsupported, "{error}");
            None
        }
    }
}

fn protocols(names: &[&str], says: &str) -> Vec<(String, Bytes)> {
    names.iter().map(|name| ((*name).to_owned(), Bytes::from(format!("{name}:{says}")))).collect()
}

/// Joins; a coordinator that is not there yet is asked again.
async fn join(member: &mut Box<dyn GroupMember>, protocols: &[(String, Bytes)]) -> Joined {
    for _ in 0..100 {
        match member.join(protocols).await {
            Ok(joined) => return joined,
            Err(MemberError::Kafka(error)) if error.is_retriable() => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            // It was silent while the other one joined.
            Err(MemberError::Expelled | MemberError::Rebalance) => {}
            Err(MemberError::Kafka(error)) => panic!("{error}"),
        }
    }
    panic!("the group has no coordinator")
}

/// The first one joins alone, then the second one; the first hears of it and joins again.
async fn join_both(
    one: (&mut Box<dyn GroupMember>, &[(String, Bytes)]),
    two: (&mut Box<dyn GroupMember>, &[(String, Bytes)]),
) -> (Joined, Joined) {
    let alone = join(one.0, one.1).await;
    one.0.sync(&[(alone.member_id, Bytes::new())]).await.unwrap();
    let again = async {
        while one.0.heartbeat().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        join(one.0, one.1).await
    };
    let (first, second) = tokio::join!(again, join(two.0, two.1));
    assert_eq!(first.generation, second.generation);
    (first, second)
}

pub(crate) async fn the_leader_sees_what_all_members_said_and_gives_each_its_share(fixture: &dyn Fixture) {
    let group = unique("cluster");
    let Some(mut one) = member(fixture, &group).await else { return };
    let mut two = member(fixture, &group).await.unwrap();
    let (new, old) = (protocols(&["new", "old"], "one"), protocols(&["old"], "two"));
    let (first, second) = join_both((&mut one, &new), (&mut two, &old)).await;
    assert_eq!(
        (first.protocol.as_str(), second.protocol.as_str()),
        ("old", "old"),
        "both know only this one"
    );
    assert_eq!(first.leader, second.leader);
    assert_ne!(first.is_leader(), second.is_leader());
    let leader = if first.is_leader() { &first } else { &second };
    let mut said: Vec<_> = leader.members.iter().map(|(_, said)| said.clone()).collect();
    said.sort();
    assert_eq!(said, ["old:one", "old:two"]);
    let follower = if first.is_leader() { &second } else { &first };
    assert!(follower.members.is_empty());

    let shares: Vec<_> =
        leader.members.iter().map(|(id, _)| (id.clone(), Bytes::from(format!("for {id}")))).collect();
    let of = |joined: &Joined| if joined.is_leader() { shares.clone() } else { Vec::new() };
    let (for_first, for_second) = (of(&first), of(&second));
    let (share_one, share_two) = tokio::join!(one.sync(&for_first), two.sync(&for_second));
    assert_eq!(share_one.unwrap(), format!("for {}", first.member_id));
    assert_eq!(share_two.unwrap(), format!("for {}", second.member_id));
    one.heartbeat().await.unwrap();
    two.heartbeat().await.unwrap();
    one.leave().await.unwrap();
    two.leave().await.unwrap();
    two.leave().await.unwrap();
}

pub(crate) async fn a_member_that_leaves_or_dies_makes_the_group_form_anew(fixture: &dyn Fixture) {
    let group = unique("cluster");
    let Some(mut one) = member(fixture, &group).await else { return };
    let says = protocols(&["p"], "x");
    for leaves in [true, false] {
        let mut two = member(fixture, &group).await.unwrap();
        let (first, second) = join_both((&mut one, &says), (&mut two, &says)).await;
        let shares: Vec<_> =
            [&first, &second].iter().map(|joined| (joined.member_id.clone(), Bytes::new())).collect();
        let of = |joined: &Joined| if joined.is_leader() { shares.clone() } else { Vec::new() };
        let (for_first, for_second) = (of(&first), of(&second));
        let (share_one, share_two) = tokio::join!(one.sync(&for_first), two.sync(&for_second));
        share_one.unwrap();
        share_two.unwrap();
        if leaves {
            two.leave().await.unwrap();
        }
        drop(two);
        let told = tokio::time::timeout(SESSION * 3, async {
            loop {
                match one.heartbeat().await {
                    Ok(()) => tokio::time::sleep(Duration::from_millis(500)).await,
                    Err(told) => break told,
                }
            }
        });
        let told = told.await.expect("the group noticed");
        assert!(matches!(told, MemberError::Rebalance), "{told}");
        let alone = join(&mut one, &says).await;
        assert!(alone.is_leader() && alone.generation > first.generation);
        one.sync(&[(alone.member_id.clone(), Bytes::from_static(b"all"))]).await.unwrap();
    }
    one.leave().await.unwrap();
}

pub(crate) async fn a_member_that_was_silent_too_long_is_expelled_and_may_come_back(fixture: &dyn Fixture) {
    let group = unique("cluster");
    let Some(mut one) = member(fixture, &group).await else { return };
    let says = protocols(&["p"], "x");
    let joined = join(&mut one, &says).await;
    one.sync(&[(joined.member_id.clone(), Bytes::new())]).await.unwrap();
    tokio::time::sleep(SESSION + Duration::from_secs(2)).await;
    let told = one.heartbeat().await.unwrap_err();
    assert!(matches!(told, MemberError::Expelled), "{told}");
    let again = join(&mut one, &says).await;
    assert_ne!(again.member_id, joined.member_id);
    one.leave().await.unwrap();
}
