//! [`RegexRouter`]: renames topics by a regular expression.

use std::sync::{Mutex, PoisonError};

use connect_api::{Config, Outcome, Record, Result, Str, Transformation};
use connect_regex::{JavaRegex, validator};

/// The configuration of [`RegexRouter`].
#[derive(Clone, Debug, Config)]
pub struct RegexRouterConfig {
    /// Regular expression to use for matching.
    #[config(importance = High, validate = validator())]
    pub regex: String,
    /// Replacement string.
    #[config(importance = High)]
    pub replacement: String,
}

/// Gives a record another topic when its topic matches the expression as a whole: the first match is replaced.
///
/// In the replacement `$1` or `${name}` stands for a group, and `\` takes the meaning from the next character.
#[derive(Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.RegexRouter")]
pub struct RegexRouter {
    regex: JavaRegex,
    replacement: String,
    /// The last topic and what became of it: most records of a task have one topic.
    last: Mutex<Option<(Str, Str)>>,
}

impl Transformation for RegexRouter {
    type Config = RegexRouterConfig;

    fn configure(config: RegexRouterConfig) -> Result<Self> {
        Ok(Self {
            regex: JavaRegex::parse("regex", &config.regex)?,
            replacement: config.replacement,
            last: Mutex::default(),
        })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((from, to)) = &*last
            && *from == record.topic
        {
            record.topic = to.clone();
            return Ok(Outcome::Keep);
        }
        let from = record.topic.detach();
        if self.regex.matches(&from)? {
            record.topic = self.regex.replace_first(&from, &self.replacement)?.into();
        }
        *last = Some((from, record.topic.clone()));
        Ok(Outcome::Keep)
    }
}
