//! The eager protocol: everybody has given up everything, and it is dealt anew.

use super::{ByMember, Shares, Work};

/// Deals connectors, then tasks, one to each member in turn.
pub(in crate::herder::distributed) fn assign(
    configured: &Work,
    members: impl Iterator<Item = String>,
) -> Shares {
    let mut assigned: ByMember = members.map(|member| (member, Work::default())).collect();
    let names: Vec<String> = assigned.keys().cloned().collect();
    let mut turn = names.iter().cycle();
    for connector in &configured.connectors {
        if let Some(work) = turn.next().and_then(|member| assigned.get_mut(member)) {
            work.connectors.insert(connector.clone());
        }
    }
    for task in &configured.tasks {
        if let Some(work) = turn.next().and_then(|member| assigned.get_mut(member)) {
            work.tasks.insert(task.clone());
        }
    }
    Shares { assigned, ..Shares::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_dealt_on_from_where_connectors_ended() {
        let configured = Work {
            connectors: ["a".to_owned()].into(),
            tasks: [("a".to_owned(), 0), ("a".to_owned(), 1)].into(),
        };
        let shares = assign(&configured, ["m2".to_owned(), "m1".to_owned()].into_iter());
        assert_eq!(shares.assigned["m1"].connectors.len(), 1);
        assert_eq!(shares.assigned["m2"].tasks, [("a".to_owned(), 0)].into());
        assert_eq!(shares.assigned["m1"].tasks, [("a".to_owned(), 1)].into());
        assert_eq!(assign(&configured, std::iter::empty()), Shares::default());
    }
}
