//! Transformations and predicates.

use connect_api::Outcome;
use connect_api::plugins::PluginKind;

use super::{Program, properties};
use crate::failure::{Answer, Failure, staged};
use crate::notation::{NO_TOPIC, read_record, write_record};
use crate::{Json, Thrown};

const NO_NULL_TOPIC: Failure = Failure::Skip("a topic is never null here, and this answer depends on it");

/// What asks for the topic of every record, so that Java fails where there is none.
const ASK_FOR_TOPIC: [&str; 3] = ["RegexRouter", "TimestampRouter", "TopicNameMatches"];

fn asks_for_topic(class: &str) -> bool {
    ASK_FOR_TOPIC.iter().any(|name| class.ends_with(name))
}

pub(super) fn transform(program: &Program, case: &Json) -> Answer {
    let class = program.find(case, "null", PluginKind::Transformation)?;
    let transformation = program.plugins.find_transformation(&class)?;
    let transformation =
        staged("configure", transformation.configure(&properties(case)).map_err(Failure::from))?;
    let mut record = staged("input", read_record(case.get("record")))?;
    let topicless = record.topic == NO_TOPIC;
    if topicless && asks_for_topic(&class) {
        return Err(NO_NULL_TOPIC);
    }
    let outcome = staged("apply", transformation.apply(&mut record).map_err(Failure::from));
    let answer = outcome.map(|outcome| match outcome {
        Outcome::Keep => write_record(&record),
        Outcome::Drop => Json::Null,
    });
    match topicless && reads_topic(&answer) {
        true => Err(NO_NULL_TOPIC),
        false => answer,
    }
}

/// Whether the stand-in for no topic went anywhere.
fn reads_topic(answer: &Answer) -> bool {
    let text = match answer {
        Ok(answer) => answer.to_string(),
        Err(Failure::Thrown(Thrown { message, .. })) => message.clone().unwrap_or_default(),
        Err(_) => return false,
    };
    text.contains("\\u0000null\\u0000") || text.contains(NO_TOPIC)
}

pub(super) fn predicate(program: &Program, case: &Json) -> Answer {
    let class = program.find(case, "null", PluginKind::Predicate)?;
    let predicate = program.plugins.find_predicate(&class)?;
    let predicate = staged("configure", predicate.configure(&properties(case)).map_err(Failure::from))?;
    let record = staged("input", read_record(case.get("record")))?;
    if record.topic == NO_TOPIC && asks_for_topic(&class) {
        return Err(NO_NULL_TOPIC);
    }
    staged("apply", predicate.test(&record).map(Json::from).map_err(Failure::from))
}
