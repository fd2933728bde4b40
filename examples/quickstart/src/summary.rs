//! What was counted, and whether it adds up.

use std::fmt;

use connect_runtime::TaskMetrics;

/// The counts of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) read: u64,
    pub(crate) written: u64,
    pub(crate) dropped: u64,
    pub(crate) failed: u64,
}

impl From<TaskMetrics> for Side {
    fn from(metrics: TaskMetrics) -> Self {
        Self {
            read: metrics.records_read,
            written: metrics.records_delivered,
            dropped: metrics.records_filtered,
            failed: metrics.records_skipped,
        }
    }
}

impl Side {
    /// How many records have come to an end.
    pub(crate) fn settled(self) -> u64 {
        self.written + self.dropped + self.failed
    }
}

/// Both sides, and what stands in the files.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) lines_in: u64,
    pub(crate) source: Side,
    pub(crate) sink: Side,
    pub(crate) lines_out: u64,
}

impl Summary {
    /// One sentence per count that does not fit.
    pub(crate) fn problems(&self) -> Vec<String> {
        let equalities = [
            ("lines in the input file", self.lines_in, "records read by the source", self.source.read),
            ("records read by the source", self.source.read, "their ends", self.source.settled()),
            (
                "records written by the source",
                self.source.written,
                "records read by the sink",
                self.sink.read,
            ),
            ("records read by the sink", self.sink.read, "their ends", self.sink.settled()),
            ("records written by the sink", self.sink.written, "lines in the output file", self.lines_out),
        ];
        equalities
            .iter()
            .filter(|(_, one, _, other)| one != other)
            .map(|(what, one, is, other)| format!("{what}: {one}, but {is}: {other}"))
            .collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>16}{:>12}{:>12}{:>12}{:>12}", "", "read", "written", "dropped", "failed")?;
        for (what, side) in [("file to topic", self.source), ("topic to file", self.sink)] {
            let Side { read, written, dropped, failed } = side;
            writeln!(f, "{what:>16}{read:>12}{written:>12}{dropped:>12}{failed:>12}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Summary {
        Summary {
            lines_in: 5,
            source: Side { read: 5, written: 3, dropped: 2, failed: 0 },
            sink: Side { read: 3, written: 2, dropped: 0, failed: 1 },
            lines_out: 2,
        }
    }

    #[test]
    fn counts_that_add_up_are_no_problem() {
        assert_eq!(good().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_count_that_does_not_fit_is_named() {
        let mut summary = good();
        summary.lines_in = 6;
        summary.sink.failed = 0;
        summary.lines_out = 1;
        let problems = summary.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0], "lines in the input file: 6, but records read by the source: 5");
    }
}
