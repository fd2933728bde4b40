//! What tasks leave behind: where they ran, and what they wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::http;
use super::topics::Records;

/// Longer between two looks at a worker, and nothing is known of the time between them.
const CLOSE: Duration = Duration::from_millis(1500);

/// One look at a worker: which tasks it runs.
struct Look {
    node: u16,
    asked: Instant,
    answered: Instant,
    tasks: BTreeSet<String>,
}

/// Looks at every worker again and again.
pub(super) struct Watch {
    looks: Arc<Mutex<Vec<Look>>>,
    _watchers: JoinSet<()>,
}

impl Watch {
    pub(super) fn start(rest: impl Iterator<Item = (u16, u16)>) -> Self {
        let looks = Arc::new(Mutex::new(Vec::new()));
        let mut watchers = JoinSet::new();
        for (node, port) in rest {
            watchers.spawn(watch(node, port, Arc::clone(&looks)));
        }
        Self { looks, _watchers: watchers }
    }

    /// The tasks that were on two workers at the same time: seen on one both before and after they were seen on
    /// another, with so little time between that they ran in between as well.
    pub(super) fn twice(&self) -> BTreeSet<String> {
        let looks = self.looks.lock().unwrap();
        let mut by_node: BTreeMap<u16, Vec<&Look>> = BTreeMap::new();
        for look in looks.iter() {
            by_node.entry(look.node).or_default().push(look);
        }
        let mut twice = BTreeSet::new();
        for (node, mine) in &by_node {
            for pair in mine.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                if after.answered - before.asked > CLOSE {
                    continue;
                }
                let between = looks.iter().filter(|other| {
                    other.node != *node && other.asked >= before.answered && other.answered <= after.asked
                });
                for other in between {
                    let stayed = before.tasks.intersection(&after.tasks);
                    twice.extend(stayed.filter(|task| other.tasks.contains(*task)).cloned());
                }
            }
        }
        twice
    }

    pub(super) fn count(&self) -> usize {
        self.looks.lock().unwrap().len()
    }
}

async fn watch(node: u16, port: u16, looks: Arc<Mutex<Vec<Look>>>) {
    loop {
        let asked = Instant::now();
        if let Ok(answer) = http::call(port, "GET", "/metrics", None).await {
            let tasks = answer.text.lines().filter_map(running).collect();
            looks.lock().unwrap().push(Look { node, asked, answered: Instant::now(), tasks });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The task of a line that tells a task's status.
fn running(line: &str) -> Option<String> {
    let labels = line.strip_prefix("kafka_connect_connector_task_status{")?;
    let label = |name: &str| labels.split(&format!("{name}=\"")).nth(1)?.split('"').next();
    Some(format!("{}-{}", label("connector")?, label("task")?))
}

/// Records `{"n": number, "r": random}` of tasks that count up, each with random numbers of its own: what is missing.
/// A task that went on to a number has written all before it, so the more tasks have got to a number, the lower it is.
pub(super) fn gaps(records: &Records, tasks: usize) -> Result<usize, String> {
    let mut seen: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut total = 0;
    for (_, value) in records.values().flatten() {
        let (number, random) = value.split_once(',').ok_or_else(|| format!("what is {value}?"))?;
        let number =
            number.trim_start_matches("Struct{n=").parse().map_err(|_| format!("what is {value}?"))?;
        seen.entry(number).or_default().insert(random.to_owned());
        total += 1;
    }
    let mut most = tasks;
    let last = seen.keys().last().copied().unwrap_or(-1);
    for number in 0..=last {
        let wrote = seen.get(&number).map_or(0, BTreeSet::len);
        if wrote > most {
            return Err(format!("{wrote} tasks wrote {number}, and only {most} one before it"));
        }
        most = wrote;
    }
    if seen.get(&0).map_or(0, BTreeSet::len) != tasks {
        return Err(format!("not all of {tasks} tasks wrote anything"));
    }
    Ok(total)
}

/// The positions that tasks committed, in the order of the log, must not go back: a task that runs beside another one
/// of the same number commits less than that one has.
pub(super) fn steps_back(offsets: &Records) -> Vec<String> {
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    let mut back = Vec::new();
    for (key, value) in offsets.values().flatten() {
        let Ok(json) = serde_json::from_str::<Json>(value) else { continue };
        let Some(now) = json["current.iteration"].as_i64() else { continue };
        let before = last.insert(key, now).unwrap_or(0);
        if now < before {
            back.push(format!("{key}: {before} and then {now}"));
        }
    }
    back
}
