//! Where a task wants its transactions to end (`transaction.boundary=connector`).

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use connect_api::host::TransactionRequests;
use connect_api::{Error, Result, SourceOffset, SourcePartition};

use super::guarantee::End;

type Place = (SourcePartition, SourceOffset);

/// What the task asked for and nobody has done yet.
#[derive(Default)]
struct Wanted {
    commit: bool,
    abort: bool,
    commit_after: HashSet<Place>,
    abort_after: HashSet<Place>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Requests(Mutex<Wanted>);

impl Requests {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the request for the end of the batch.
    pub(super) fn batch(&self) -> Result<Option<End>> {
        let mut wanted = self.lock();
        match (std::mem::take(&mut wanted.commit), std::mem::take(&mut wanted.abort)) {
            (true, true) => {
                Err(Error::illegal_state("Connector requested both commit and abort of same transaction"))
            }
            (true, false) => Ok(Some(End::Commit)),
            (false, true) => Ok(Some(End::Abort)),
            (false, false) => Ok(None),
        }
    }

    /// Takes the requests for records of a batch. Several records of one place are one place: the transaction ends
    /// behind the last of them.
    pub(super) fn inside(&self, polled: &[Place]) -> Result<Vec<(usize, End)>> {
        let mut wanted = self.lock();
        let mut ends = Vec::new();
        if wanted.commit_after.is_empty() && wanted.abort_after.is_empty() {
            return Ok(ends);
        }
        for (index, place) in polled.iter().enumerate().rev() {
            match (wanted.commit_after.remove(place), wanted.abort_after.remove(place)) {
                (true, true) => {
                    return Err(Error::illegal_state(
                        "Connector requested both commit and abort of same record",
                    )
                    .with("source partition", format!("{:?}", place.0))
                    .with("source offset", format!("{:?}", place.1)));
                }
                (true, false) => ends.push((index, End::Commit)),
                (false, true) => ends.push((index, End::Abort)),
                (false, false) => {}
            }
        }
        ends.reverse();
        Ok(ends)
    }
}

impl TransactionRequests for Requests {
    fn commit_batch(&self) {
        self.lock().commit = true;
    }

    fn commit_record(&self, partition: &SourcePartition, offset: &SourceOffset) {
        self.lock().commit_after.insert((partition.clone(), offset.clone()));
    }

    fn abort_batch(&self) {
        self.lock().abort = true;
    }

    fn abort_record(&self, partition: &SourcePartition, offset: &SourceOffset) {
        self.lock().abort_after.insert((partition.clone(), offset.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64) -> Place {
        (SourcePartition::of("p", "a"), SourceOffset::of("at", offset))
    }

    #[test]
    fn each_request_holds_once_and_behind_the_last_record_of_its_place() {
        let requests = Requests::default();
        let polled = [place(1), place(2), place(2), place(3)];
        requests.commit_record(&polled[1].0, &polled[1].1);
        requests.abort_record(&polled[0].0, &polled[0].1);
        requests.commit_record(&place(9).0, &place(9).1);
        assert_eq!(requests.inside(&polled).unwrap(), [(0, End::Abort), (2, End::Commit)]);
        assert_eq!(requests.inside(&polled).unwrap(), []);
        assert_eq!(requests.inside(&[place(9)]).unwrap(), [(0, End::Commit)]);
        assert_eq!(requests.batch().unwrap(), None);
        requests.abort_batch();
        assert_eq!(requests.batch().unwrap(), Some(End::Abort));
        assert_eq!(requests.batch().unwrap(), None);
    }

    #[test]
    fn commit_and_abort_of_one_thing_is_an_error() {
        let requests = Requests::default();
        requests.commit_batch();
        requests.abort_batch();
        let error = requests.batch().unwrap_err().to_string();
        assert_eq!(error, "Connector requested both commit and abort of same transaction");
        requests.commit_record(&place(1).0, &place(1).1);
        requests.abort_record(&place(1).0, &place(1).1);
        let error = requests.inside(&[place(1)]).unwrap_err().to_string();
        assert!(error.starts_with("Connector requested both commit and abort of same record"), "{error}");
    }
}
