//! Even loads: what members with too much give up, and who gets what is free.

use std::collections::BTreeSet;

use super::{ByMember, Work};

/// What members have above their share, so that those with less can get it. Nothing when nobody has anything.
pub(super) fn surplus(configured: &Work, loads: &ByMember) -> ByMember {
    let mut surplus = ByMember::new();
    if configured.is_empty() || loads.values().all(Work::is_empty) {
        return surplus;
    }
    let connectors = above_share(configured.connectors.len(), loads, |load| &load.connectors);
    for (member, connectors) in connectors {
        surplus.entry(member).or_default().connectors = connectors;
    }
    for (member, tasks) in above_share(configured.tasks.len(), loads, |load| &load.tasks) {
        surplus.entry(member).or_default().tasks = tasks;
    }
    surplus
}

/// Some members may keep one more than the others, as many as the division leaves.
fn above_share<T: Ord + Clone>(
    total: usize,
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
            surplus.push((member.clone(), has.iter().take(has.len() - keeps).cloned().collect()));
        }
    }
    surplus
}

/// Gives out work, always to those who have least, connectors and tasks apart.
pub(super) fn give(work: &Work, loads: &mut ByMember) {
    fill(&work.connectors, loads, |load| &mut load.connectors);
    fill(&work.tasks, loads, |load| &mut load.tasks);
}

fn fill<T: Ord + Clone>(
    items: &BTreeSet<T>,
    loads: &mut ByMember,
    part: impl Fn(&mut Work) -> &mut BTreeSet<T>,
) {
    // By load and then by name, fixed for the whole round, as in Java.
    let mut order: Vec<(usize, String)> =
        loads.iter_mut().map(|(member, load)| (part(load).len(), member.clone())).collect();
    order.sort();
    let mut items = items.iter();
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
