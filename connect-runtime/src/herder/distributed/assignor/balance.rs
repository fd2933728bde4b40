//! Even loads: what members with too much give up, and who gets what is free.

use std::collections::BTreeSet;

use super::{ByMember, Work};

/// What members have above their share, so that those with less can get it. Nothing when nobody has anything.
pub(super) fn surplus(configured: &Work, active: &ByMember, loads: &ByMember) -> ByMember {
    let mut surplus = ByMember::new();
    if configured.is_empty() || loads.values().all(Work::is_empty) {
        return surplus;
    }
    let connectors = above_share(configured.connectors.len(), active, loads, |load| &load.connectors);
    for (member, connectors) in connectors {
        surplus.entry(member).or_default().connectors = connectors;
    }
    for (member, tasks) in above_share(configured.tasks.len(), active, loads, |load| &load.tasks) {
        surplus.entry(member).or_default().tasks = tasks;
    }
    surplus
}

/// Some members may keep one more than the others, as many as the division leaves. What a member runs already goes
/// before what it would get in this round, as in Java.
fn above_share<T: Ord + Clone>(
    total: usize,
    active: &ByMember,
    loads: &ByMember,
    part: impl Fn(&Work) -> &BTreeSet<T>,
) -> Vec<(String, BTreeSet<T>)> {
    let (least, mut extras) = (total / loads.len(), total % loads.len());
    let mut surplus = Vec::new();
    for (member, load) in loads {
        let has = part(load);
        if has.len() <= least {
            continue;
        }
        let mut keeps = least;
        if extras > 0 {
            extras -= 1;
            keeps += 1;
        }
        if has.len() > keeps {
            let runs = active.get(member).map(&part);
            let runs = |item: &&T| runs.is_some_and(|runs| runs.contains(*item));
            let first = has.iter().filter(runs).chain(has.iter().filter(|item| !runs(item)));
            surplus.push((member.clone(), first.take(has.len() - keeps).cloned().collect()));
        }
    }
    surplus
}

/// Gives out what is new and then what nobody has any more, always to those who have least, connectors and tasks apart.
pub(super) fn give(new: &Work, orphaned: &Work, loads: &mut ByMember) {
    fill(new.connectors.iter().chain(&orphaned.connectors), loads, |load| &mut load.connectors);
    fill(new.tasks.iter().chain(&orphaned.tasks), loads, |load| &mut load.tasks);
}

fn fill<'a, T: Ord + Clone + 'a>(
    mut items: impl Iterator<Item = &'a T>,
    loads: &mut ByMember,
    part: impl Fn(&mut Work) -> &mut BTreeSet<T>,
) {
    // By load and then by name, fixed for the whole round, as in Java.
    let mut order: Vec<(usize, String)> =
        loads.iter_mut().map(|(member, load)| (part(load).len(), member.clone())).collect();
    order.sort();
    while let Some(lowest) = order.first().map(|(count, _)| *count) {
        let level = order.iter().position(|(count, _)| *count > lowest).unwrap_or(order.len());
        for (count, member) in &mut order[..level] {
            let Some(item) = items.next() else { return };
            if let Some(load) = loads.get_mut(member) {
                part(load).insert(item.clone());
            }
            *count += 1;
        }
    }
}
