//! Rounds of a group, as its members see them.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{ByMember, Incremental, Shares, Work};

const MAX_DELAY: Duration = Duration::from_secs(300);

fn work(connectors: usize, tasks: i32) -> Work {
    let names = (0..connectors).map(|connector| format!("c{connector}"));
    let tasks = names.clone().flat_map(|name| (0..tasks).map(move |task| (name.clone(), task)));
    Work { connectors: names.collect(), tasks: tasks.collect() }
}

/// A group that follows what its leader says.
struct Group {
    leader: Incremental,
    configured: Work,
    members: ByMember,
    generation: i32,
}

impl Group {
    fn new(configured: Work, max_delay: Duration) -> Self {
        Self { leader: Incremental::new(max_delay), configured, members: ByMember::new(), generation: -1 }
    }

    fn join(&mut self, member: &str) {
        self.members.insert(member.to_owned(), Work::default());
    }

    fn leave(&mut self, member: &str) {
        self.members.remove(member);
    }

    fn round(&mut self) -> Shares {
        let last = self.generation;
        self.generation += 1;
        let now = Instant::now();
        let shares = self.leader.assign(&self.configured, &self.members, last, self.generation, now);
        for (member, work) in &mut self.members {
            if let Some(gone) = shares.revoked.get(member) {
                work.remove(gone);
            }
            work.add(&shares.assigned[member]);
        }
        shares
    }

    /// Rounds until nothing is revoked; answers how many.
    fn settle(&mut self) -> usize {
        (1..).find(|_| self.round().revoked.is_empty()).unwrap()
    }

    fn counts(&self) -> Vec<(usize, usize)> {
        self.members.values().map(|work| (work.connectors.len(), work.tasks.len())).collect()
    }

    fn assert_complete(&self) {
        let total: usize = self.members.values().map(|work| work.connectors.len() + work.tasks.len()).sum();
        let mut all = Work::default();
        self.members.values().for_each(|work| all.add(work));
        assert_eq!(all, self.configured);
        assert_eq!(total, all.connectors.len() + all.tasks.len(), "nothing runs twice");
    }
}

#[tokio::test(start_paused = true)]
async fn work_is_shared_evenly_and_a_new_member_gets_its_part_in_two_rounds() {
    let mut group = Group::new(work(2, 4), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    assert_eq!(group.settle(), 1);
    assert_eq!(group.counts(), [(1, 4), (1, 4)]);
    group.join("m3");
    let first = group.round();
    assert!(!first.revoked.is_empty() && first.assigned.values().all(Work::is_empty));
    assert_eq!(first.delay, 0);
    let second = group.round();
    assert!(second.revoked.is_empty());
    group.assert_complete();
    assert_eq!(group.counts().iter().map(|(_, tasks)| *tasks).collect::<Vec<_>>(), [3, 3, 2]);
}

#[tokio::test(start_paused = true)]
async fn lost_work_waits_for_its_worker_to_come_back() {
    let mut group = Group::new(work(2, 2), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    group.settle();
    group.leave("m2");
    let shares = group.round();
    assert_eq!(shares.delay, 300_000);
    assert_eq!(group.counts(), [(1, 2)]);
    advance(Duration::from_secs(100)).await;
    // The worker is back under another member id, and empty.
    group.join("m3");
    assert_eq!(group.round().delay, 200_000);
    assert_eq!(group.counts(), [(1, 2), (0, 0)]);
    advance(Duration::from_secs(200)).await;
    let shares = group.round();
    assert_eq!((shares.delay, shares.revoked.len()), (0, 0));
    assert_eq!(group.counts(), [(1, 2), (1, 2)], "it gets back what it had");
    group.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn lost_work_is_shared_out_when_nobody_came_back() {
    let mut group = Group::new(work(3, 2), MAX_DELAY);
    ["m1", "m2", "m3"].into_iter().for_each(|member| group.join(member));
    group.settle();
    group.leave("m3");
    assert_eq!(group.round().delay, 300_000);
    advance(Duration::from_secs(300)).await;
    assert_eq!(group.round().delay, 0);
    group.assert_complete();
    assert_eq!(group.counts(), [(2, 3), (1, 3)]);
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_lost_work_moves_at_once() {
    let mut group = Group::new(work(2, 2), Duration::ZERO);
    group.join("m1");
    group.join("m2");
    group.settle();
    group.leave("m1");
    assert_eq!(group.round().delay, 0);
    group.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn work_that_a_member_did_not_get_goes_out_again_at_once() {
    let mut group = Group::new(work(2, 2), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    group.settle();
    group.members.insert("m2".to_owned(), Work::default());
    assert_eq!(group.round().delay, 0);
    group.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn deleted_work_is_revoked_and_new_work_goes_where_least_is() {
    let mut group = Group::new(work(2, 1), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    group.settle();
    group.configured = work(1, 1);
    assert!(!group.round().revoked.is_empty());
    group.settle();
    group.assert_complete();
    group.configured = work(3, 1);
    group.settle();
    group.assert_complete();
    assert_eq!(group.counts().iter().map(|(connectors, _)| *connectors).max(), Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_runs_twice_is_revoked_everywhere_and_given_out_again() {
    let mut group = Group::new(work(2, 1), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    group.settle();
    let everything = group.configured.clone();
    group.members.insert("m1".to_owned(), everything.clone());
    group.members.insert("m2".to_owned(), everything);
    let shares = group.round();
    assert_eq!(shares.revoked.len(), 2);
    group.settle();
    group.assert_complete();
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_takes_what_runs_for_granted() {
    let mut group = Group::new(work(2, 2), MAX_DELAY);
    group.join("m1");
    group.join("m2");
    group.settle();
    let before = group.members.clone();
    group.leader = Incremental::new(MAX_DELAY);
    let shares = group.round();
    assert!(shares.assigned.values().all(Work::is_empty) && shares.revoked.is_empty());
    assert_eq!(group.members, before);
}

#[tokio::test(start_paused = true)]
async fn rounds_that_revoke_one_after_the_other_are_held_apart() {
    let mut group = Group::new(work(1, 12), MAX_DELAY);
    group.join("m1");
    group.settle();
    group.join("m2");
    assert!(!group.round().revoked.is_empty());
    // A third one comes before the second has got anything.
    group.join("m3");
    group.join("m4");
    let shares = group.round();
    assert!(shares.revoked.is_empty());
    assert_eq!(shares.delay, 40);
    advance(Duration::from_millis(40)).await;
    while !group.round().revoked.is_empty() {}
    group.assert_complete();
    assert!(group.counts().iter().all(|(_, tasks)| *tasks == 3), "{:?}", group.counts());
}
