//! The conversion stage: a batch is split among lanes, which work at the same time, and put together again in order.
//!
//! A task has one batch in conversion, whatever the number of lanes, so that the loops know nothing of them: what is
//! counted, committed or given back is the same. What a lane does beyond pure conversion (waiting for another attempt,
//! asking a schema registry, giving a record up) it does when all records before its own are through: in the order in
//! which one lane would.

use connect_api::{Error, Result};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Takes parts of batches through transformations and converters of its own.
pub(crate) trait Lane: Send + 'static {
    /// Some records of a batch, in order.
    type Part: Send + 'static;
    /// What they became, in order.
    type Done: Send + 'static;

    fn work(&mut self, part: Self::Part, turn: &mut Turn) -> impl Future<Output = Result<Self::Done>> + Send;
}

/// When a lane may do what has to happen in the order of the records.
pub(crate) struct Turn {
    before: Option<oneshot::Receiver<()>>,
}

impl Turn {
    /// That of the lane with the first part.
    pub(crate) fn first() -> Self {
        Self { before: None }
    }

    /// Waits until all parts before are through. An error: one of them failed, so that nothing comes after it.
    pub(crate) async fn wait(&mut self) -> Result<()> {
        if let Some(before) = &mut self.before {
            before.await.map_err(|_| Error::illegal_state("a record earlier in the batch failed"))?;
            self.before = None;
        }
        Ok(())
    }
}

/// All lanes of a task; at least one.
pub(crate) struct Lanes<L> {
    idle: Vec<L>,
    count: usize,
}

impl<L: Lane> Lanes<L> {
    pub(crate) fn new(lanes: Vec<L>) -> Self {
        Self { count: lanes.len(), idle: lanes }
    }

    /// Into how many parts a batch is split: none is empty.
    pub(crate) fn parts(&self, records: usize) -> usize {
        self.count.min(records).max(1)
    }

    /// One part on the task's own thread.
    pub(crate) async fn alone(&mut self, part: L::Part) -> Result<L::Done> {
        match self.idle.first_mut() {
            Some(lane) => lane.work(part, &mut Turn::first()).await,
            None => Err(lost()),
        }
    }

    /// Several parts at the same time, no more than there are lanes. The error is that of the first part that failed.
    pub(crate) async fn together(&mut self, parts: Vec<L::Part>) -> Result<Vec<L::Done>> {
        let mut running = JoinSet::new();
        let mut turn = Turn::first();
        let mut done: Vec<_> = parts.iter().map(|_| None).collect();
        for (index, part) in parts.into_iter().enumerate() {
            let mut lane = self.idle.pop().ok_or_else(lost)?;
            let (end, before) = oneshot::channel();
            let mut mine = std::mem::replace(&mut turn, Turn { before: Some(before) });
            running.spawn(async move {
                let done = async {
                    let done = lane.work(part, &mut mine).await?;
                    mine.wait().await?;
                    // Nobody waits behind the last part.
                    let _ = end.send(());
                    Ok(done)
                };
                let done = done.await;
                (index, lane, done)
            });
        }
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok((index, lane, result)) => {
                    self.idle.push(lane);
                    done[index] = Some(result);
                }
                // As if the plugin had been called here.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return Err(lost()),
            }
        }
        done.into_iter().map(|done| done.unwrap_or_else(|| Err(lost()))).collect()
    }
}

fn lost() -> Error {
    Error::illegal_state("a conversion was cut off")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Notes what it does in the order of records.
    struct Noting(Arc<Mutex<Vec<u32>>>);

    impl Lane for Noting {
        type Part = Vec<u32>;
        type Done = Vec<u32>;

        async fn work(&mut self, part: Vec<u32>, turn: &mut Turn) -> Result<Vec<u32>> {
            for number in &part {
                match number {
                    100.. => panic!("{number}"),
                    50..100 => {
                        turn.wait().await?;
                        return Err(Error::data(number.to_string()));
                    }
                    10..50 => {
                        turn.wait().await?;
                        // Whoever comes later would be sooner.
                        tokio::time::sleep(std::time::Duration::from_secs(u64::from(60 - number))).await;
                        self.0.lock().unwrap().push(*number);
                    }
                    _ => {}
                }
            }
            Ok(part)
        }
    }

    fn lanes(count: usize) -> (Lanes<Noting>, Arc<Mutex<Vec<u32>>>) {
        let noted = Arc::new(Mutex::new(Vec::new()));
        (Lanes::new((0..count).map(|_| Noting(Arc::clone(&noted))).collect()), noted)
    }

    #[tokio::test(start_paused = true)]
    async fn parts_come_back_in_order_and_what_is_done_in_order_is() {
        let (mut lanes, noted) = lanes(3);
        for _ in 0..2 {
            let parts = vec![vec![1, 11], vec![2, 12, 13], vec![14, 3]];
            assert_eq!(lanes.together(parts.clone()).await.unwrap(), parts);
        }
        assert_eq!(*noted.lock().unwrap(), [11, 12, 13, 14, 11, 12, 13, 14]);
        assert_eq!((lanes.parts(2), lanes.parts(9), lanes.parts(0)), (2, 3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_failure_in_the_order_of_records_counts_and_nothing_is_done_after_it() {
        let (mut lanes, noted) = lanes(3);
        let error = lanes.together(vec![vec![11], vec![51], vec![52, 12]]).await.unwrap_err();
        assert_eq!(error.message(), "51");
        assert_eq!(*noted.lock().unwrap(), [11]);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "100")]
    async fn a_panic_in_a_lane_is_one_of_the_task() {
        let _ = lanes(2).0.together(vec![vec![1], vec![100]]).await;
    }
}
