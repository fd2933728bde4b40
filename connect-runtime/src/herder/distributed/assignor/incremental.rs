//! The incremental protocol (KIP-415): work stays where it is, what was lost waits for its worker to come back, loads
//! are evened out in two rounds.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::balance::{give, surplus};
use super::{ByMember, Shares, Work};

/// What a leader remembers from one round to the next.
#[derive(Debug)]
pub(in crate::herder::distributed) struct Incremental {
    /// `scheduled.rebalance.max.delay.ms`.
    max_delay: Duration,
    previous: Work,
    previous_revocation: Work,
    previous_generation: i32,
    previous_members: BTreeSet<String>,
    /// Members that were without work while lost work waited, those first that were so first.
    candidates: Vec<String>,
    scheduled: Option<Instant>,
    delay: Duration,
    revoked_in_previous: bool,
    revoking_rounds: u32,
}

/// The first pause between rounds that both revoke; each next one is 40 times as long.
const REVOKING_PAUSE: Duration = Duration::from_millis(1);
const REVOKING_FACTOR: u32 = 40;

impl Incremental {
    pub(in crate::herder::distributed) fn new(max_delay: Duration) -> Self {
        Self {
            max_delay,
            previous: Work::default(),
            previous_revocation: Work::default(),
            previous_generation: -1,
            previous_members: BTreeSet::new(),
            candidates: Vec::new(),
            scheduled: None,
            delay: Duration::ZERO,
            revoked_in_previous: false,
            revoking_rounds: 0,
        }
    }

    /// Shares out what is configured among members that have something already. `last_completed` is the generation
    /// whose assignment this worker got last, `generation` the one that forms now.
    pub(in crate::herder::distributed) fn assign(
        &mut self,
        configured: &Work,
        active: &ByMember,
        last_completed: i32,
        generation: i32,
        now: Instant,
    ) -> Shares {
        if self.previous_generation != last_completed {
            // Somebody else led since, or the last round was not finished: what is remembered says nothing.
            self.previous = Work::default();
        }
        let mut all_active = Work::default();
        active.values().for_each(|work| all_active.add(work));
        if !self.previous_revocation.is_empty() {
            // A revocation that did not take effect.
            if !self.previous_revocation.shared_with(&all_active).is_empty() {
                self.previous = all_active.clone();
            }
            self.previous_revocation = Work::default();
        }
        let deleted = self.previous.clone().without(configured);
        let duplicated = duplicated(active);
        let lost = self.previous.clone().without(&all_active).without(&deleted);
        let created = configured.clone().without(&self.previous).without(&all_active);

        let mut revoked = ByMember::new();
        let mut next = active.clone();
        for (member, work) in active {
            let mut gone = work.shared_with(&deleted);
            gone.add(&work.shared_with(&duplicated));
            revoke(&mut revoked, &mut next, member, &gone);
        }
        let mut free = created;
        // What runs on several members is revoked from all of them, and given out when nobody has it any more.
        free.remove(&duplicated);
        let mut orphaned = Work::default();
        self.lost(&lost, &mut orphaned, &mut next, now);
        if self.delay.is_zero() {
            self.even_out(configured, active, &mut revoked, &mut next, now);
        } else {
            self.revoked_in_previous = false;
        }
        give(&free, &orphaned, &mut next);

        let mut assigned = ByMember::new();
        let mut given = Work::default();
        for (member, work) in &next {
            given.add(work);
            assigned.insert(member.clone(), work.clone().without(&active[member]));
        }
        for gone in revoked.values() {
            given.remove(gone);
            self.previous_revocation.add(gone);
        }
        given.add(&lost);
        self.previous = given;
        self.previous_generation = generation;
        self.previous_members = active.keys().cloned().collect();
        let delay = i32::try_from(self.delay.as_millis()).unwrap_or(i32::MAX);
        Shares { assigned, revoked, delay }
    }

    /// What becomes of work that a member had and nobody has now.
    fn lost(&mut self, lost: &Work, free: &mut Work, loads: &mut ByMember, now: Instant) {
        if lost.is_empty() && !self.revoked_in_previous {
            return self.reset_delay();
        }
        let nobody_left = self.previous_members.iter().all(|member| loads.contains_key(member));
        if (self.scheduled.is_none() && nobody_left) || self.max_delay.is_zero() {
            free.add(lost);
            return;
        }
        match self.scheduled {
            Some(scheduled) if now >= scheduled => {
                let is_here = |member: &&String| loads.contains_key(*member);
                let takers: Vec<String> = self.candidates.iter().filter(is_here).cloned().collect();
                if takers.is_empty() {
                    free.add(lost);
                } else {
                    deal(lost, &takers, loads);
                }
                self.reset_delay();
                self.revoked_in_previous = false;
            }
            scheduled => {
                for (member, _) in loads.iter().filter(|(_, load)| load.is_empty()) {
                    if !self.candidates.contains(member) {
                        self.candidates.push(member.clone());
                    }
                }
                self.delay =
                    scheduled.map_or(self.max_delay, |scheduled| (scheduled - now).min(self.max_delay));
                self.scheduled = Some(now + self.delay);
            }
        }
    }

    fn reset_delay(&mut self) {
        self.candidates.clear();
        self.scheduled = None;
        self.delay = Duration::ZERO;
    }

    fn even_out(
        &mut self,
        configured: &Work,
        active: &ByMember,
        revoked: &mut ByMember,
        next: &mut ByMember,
        now: Instant,
    ) {
        let surplus = surplus(configured, active, next);
        if surplus.is_empty() {
            if self.revoked_in_previous {
                self.revoked_in_previous = false;
                self.revoking_rounds = 0;
            }
            return;
        }
        if self.revoked_in_previous {
            self.revoking_rounds += 1;
            self.delay = REVOKING_PAUSE
                .saturating_mul(REVOKING_FACTOR.saturating_pow(self.revoking_rounds))
                .min(self.max_delay);
            if !self.delay.is_zero() {
                self.scheduled = Some(now + self.delay);
                return;
            }
        } else {
            self.revoked_in_previous = true;
        }
        for (member, gone) in surplus {
            revoke(revoked, next, &member, &gone);
        }
    }
}

fn revoke(revoked: &mut ByMember, next: &mut ByMember, member: &str, gone: &Work) {
    if gone.is_empty() {
        return;
    }
    revoked.entry(member.to_owned()).or_default().add(gone);
    if let Some(load) = next.get_mut(member) {
        load.remove(gone);
    }
}

/// What more than one member has.
fn duplicated(active: &ByMember) -> Work {
    let (mut seen, mut duplicated) = (Work::default(), Work::default());
    for work in active.values() {
        duplicated.add(&work.shared_with(&seen));
        seen.add(work);
    }
    duplicated
}

/// One to each taker in turn.
fn deal(work: &Work, takers: &[String], loads: &mut ByMember) {
    for (connector, taker) in work.connectors.iter().zip(takers.iter().cycle()) {
        loads.entry(taker.clone()).or_default().connectors.insert(connector.clone());
    }
    for (task, taker) in work.tasks.iter().zip(takers.iter().cycle()) {
        loads.entry(taker.clone()).or_default().tasks.insert(task.clone());
    }
}
