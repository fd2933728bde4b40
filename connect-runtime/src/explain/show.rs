//! The explanation as text for a person and as JSON for a program.

use std::fmt;

use serde_json::{Value as Json, json};

use super::{Change, ExplainedStage, Explanation, Part, StageOutcome};

/// Longer values are cut off in the text; the JSON has them whole.
const WIDTH: usize = 72;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} {}", self.connector, self.kind.as_str(), self.class)?;
        writeln!(f, "sample: {}", self.sample)?;
        list(f, &self.before)?;
        for (index, stage) in self.stages.iter().enumerate() {
            write!(f, "\n{}. ", index + 1)?;
            stage.show(f)?;
        }
        let last = self.stages.last().map(|stage| &stage.outcome);
        match last {
            Some(StageOutcome::Dropped) => writeln!(f, "\nresult: the record is dropped, on purpose")?,
            Some(StageOutcome::Failed { .. }) => {
                writeln!(f, "\nresult: none, the last stage refuses the record")?
            }
            _ => {
                writeln!(f, "\nresult:")?;
                list(f, &self.after)?;
            }
        }
        let build = if cfg!(debug_assertions) { ", by a build without optimisation" } else { "" };
        match self.nanos() {
            0 => Ok(()),
            nanos => writeln!(
                f,
                "\nabout {nanos} ns per record in all: an estimate, measured on this machine with this one record{build}"
            ),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, parts: &[Part]) -> fmt::Result {
    let paths = width(parts.iter().map(|part| part.path.as_str()));
    let types = width(parts.iter().map(|part| part.ty.as_str()));
    for part in parts {
        let line = format!("  {:paths$}  {:types$}  {}", part.path, part.ty, short(&part.text));
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or_default().min(40)
}

fn short(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl ExplainedStage {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.stage, self.key, self.class)?;
        if let Some(predicate) = &self.predicate {
            let not = if predicate.negate { "not " } else { "" };
            let holds = match predicate.holds {
                Some(true) => "holds",
                Some(false) => "does not hold",
                None => "fails",
            };
            write!(f, ", where {not}{} ({}), which {holds}", predicate.alias, predicate.class)?;
        }
        if let Some(nanos) = self.nanos_per_record {
            write!(f, ", about {nanos} ns")?;
        }
        writeln!(f)?;
        if !self.reads.is_empty() {
            writeln!(f, "   reads   {}", self.reads.join(", "))?;
        }
        for (index, change) in self.writes.iter().enumerate() {
            writeln!(f, "   {}  {}", if index == 0 { "writes" } else { "      " }, change.text())?;
        }
        if !self.drops.is_empty() {
            writeln!(f, "   drops   {}", self.drops.join(", "))?;
        }
        match &self.outcome {
            StageOutcome::Kept if self.writes.is_empty() && self.drops.is_empty() => {
                writeln!(f, "   leaves the record as it is")
            }
            StageOutcome::Kept | StageOutcome::Dropped => Ok(()),
            StageOutcome::Passed => writeln!(f, "   is not applied"),
            StageOutcome::Failed { error, java_class, advice } => {
                for (index, line) in error.lines().enumerate() {
                    writeln!(f, "   {}{line}", if index == 0 { "fails   " } else { "        " })?;
                }
                writeln!(f, "           ({java_class})")?;
                writeln!(f, "   {advice}")
            }
        }
    }

    fn json(&self) -> Json {
        let (outcome, error) = match &self.outcome {
            StageOutcome::Kept => ("kept", Json::Null),
            StageOutcome::Passed => ("passed", Json::Null),
            StageOutcome::Dropped => ("dropped", Json::Null),
            StageOutcome::Failed { error, java_class, advice } => {
                ("failed", json!({"message": error, "class": java_class, "advice": advice}))
            }
        };
        let predicate = self.predicate.as_ref().map(|predicate| {
            json!({
                "alias": predicate.alias, "class": predicate.class, "negate": predicate.negate,
                "holds": predicate.holds,
            })
        });
        json!({
            "stage": self.stage, "key": self.key, "class": self.class, "predicate": predicate,
            "outcome": outcome, "error": error, "reads": self.reads,
            "writes": self.writes.iter().map(Change::json).collect::<Vec<_>>(), "drops": self.drops,
            "nanos_per_record_estimate": self.nanos_per_record,
        })
    }
}

impl Change {
    fn text(&self) -> String {
        let value = |part: &Part| format!("{} {}", part.ty, short(&part.text)).trim_end().to_owned();
        match &self.before {
            None => format!("{} = {}", self.after.path, value(&self.after)),
            Some(before) => format!("{} = {}, was {}", self.after.path, value(&self.after), value(before)),
        }
    }

    fn json(&self) -> Json {
        json!({"before": self.before.as_ref().map(Part::json), "after": self.after.json()})
    }
}

impl Part {
    fn json(&self) -> Json {
        json!({"path": self.path, "type": self.ty, "text": self.text})
    }
}

impl Explanation {
    /// The same for a program: an object with `connector`, `class`, `type`, `sample`, `before`, `stages`, `after` and
    /// `nanos_per_record_estimate`.
    pub fn to_json(&self) -> Json {
        let list = |parts: &[Part]| parts.iter().map(Part::json).collect::<Vec<_>>();
        json!({
            "connector": self.connector, "class": self.class, "type": self.kind.as_str(), "sample": self.sample,
            "before": list(&self.before),
            "stages": self.stages.iter().map(ExplainedStage::json).collect::<Vec<_>>(),
            "after": list(&self.after),
            "nanos_per_record_estimate": self.nanos(),
        })
    }

    fn nanos(&self) -> u64 {
        self.stages.iter().filter_map(|stage| stage.nanos_per_record).sum()
    }

    /// Every text that may quote data or settings, changed.
    pub(super) fn map_texts(mut self, change: &dyn Fn(&str) -> String) -> Self {
        let part = |part: &mut Part| {
            part.path = change(&part.path);
            part.ty = change(&part.ty);
            part.text = hidden_base64(&part.text, change).unwrap_or_else(|| change(&part.text));
        };
        self.sample = change(&self.sample);
        self.before.iter_mut().for_each(part);
        self.after.iter_mut().for_each(part);
        for stage in &mut self.stages {
            stage.writes.iter_mut().for_each(|Change { before, after }| {
                before.iter_mut().for_each(part);
                part(after);
            });
            stage.reads.iter_mut().chain(&mut stage.drops).for_each(|text| *text = change(text));
            if let StageOutcome::Failed { error, .. } = &mut stage.outcome {
                *error = change(error);
            }
        }
        self
    }
}

/// Bytes that are shown as Base64 may have a secret in them, too.
fn hidden_base64(text: &str, change: &dyn Fn(&str) -> String) -> Option<String> {
    let bytes =
        connect_api::data::java::base64_decode(text.strip_prefix("base64:").unwrap_or(text).as_bytes())?;
    let bytes = String::from_utf8_lossy(&bytes);
    (change(&bytes) != bytes).then(|| connect_api::Password::HIDDEN.to_owned())
}
