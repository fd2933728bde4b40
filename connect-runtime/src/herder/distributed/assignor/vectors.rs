//! Random rounds, compared with what the genuine leader shared out in them.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::Instant;

use super::{ByMember, Incremental, Work};

/// Written by `xtask/kafka/assignor-vectors`.
const RECORDED: &str = include_str!("../../../../tests/vectors/assignor.jsonl");

fn configured(json: &Json) -> Work {
    let mut work = Work::default();
    for (connector, count) in json.as_object().unwrap() {
        work.connectors.insert(connector.clone());
        work.tasks.extend((0..count.as_i64().unwrap()).map(|task| (connector.clone(), task as i32)));
    }
    work
}

/// `c` is a connector, `c-0` a task.
fn work(json: &Json) -> Work {
    let mut work = Work::default();
    for item in json.as_array().unwrap() {
        match item.as_str().unwrap().split_once('-') {
            Some((connector, task)) => {
                work.tasks.insert((connector.to_owned(), task.parse().unwrap()));
            }
            None => {
                work.connectors.insert(item.as_str().unwrap().to_owned());
            }
        }
    }
    work
}

fn number(json: &Json) -> i32 {
    i32::try_from(json.as_i64().unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn rounds_are_shared_out_as_by_the_genuine_leader() {
    let given =
        std::env::var_os("CONNECT_ASSIGNOR_VECTORS").map(|file| std::fs::read_to_string(file).unwrap());
    let text = given.as_deref().unwrap_or(RECORDED);
    let epoch = Instant::now();
    let mut failures = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let sequence: Json = serde_json::from_str(line).unwrap();
        let max_delay = Duration::from_millis(sequence["max_delay"].as_u64().unwrap());
        let mut leader = Incremental::new(max_delay);
        for (round, case) in sequence["rounds"].as_array().unwrap().iter().enumerate() {
            let active: ByMember = case["members"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, has)| (name.clone(), work(has)))
                .collect();
            let now = epoch + Duration::from_millis(case["now"].as_u64().unwrap());
            let shares = leader.assign(
                &configured(&case["configured"]),
                &active,
                number(&case["last"]),
                number(&case["generation"]),
                now,
            );
            let differs = case["told"].as_object().unwrap().iter().find_map(|(member, told)| {
                let of = |work: &ByMember| work.get(member).cloned().unwrap_or_default();
                let ours = (of(&shares.assigned), of(&shares.revoked));
                let theirs = (work(&told["gets"]), work(&told["loses"]));
                (ours != theirs).then(|| format!("{member}: ours {ours:?}\ngenuine {theirs:?}"))
            });
            let differs = differs.or_else(|| {
                let theirs = number(&case["delay"]);
                (shares.delay != theirs).then(|| format!("delay: ours {}, genuine {theirs}", shares.delay))
            });
            if let Some(differs) = differs {
                failures.push(format!(
                    "sequence {at}, max delay {max_delay:?}, round {round}: {differs}\n{case}"
                ));
                break;
            }
        }
    }
    let shown = failures.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} sequences differ\n{shown}", failures.len(), text.lines().count());
}
