//! What a group member subscribes to, kept up with the topics that come, go and grow.

use std::collections::BTreeMap;
use std::time::Duration;

use connect_regex::JavaRegex;
use krafka::admin::{AdminClient, DescribeTopicsOptions, ListTopicsOptions};
use krafka::consumer::Consumer;
use tokio::time::Instant;

use super::Result;
use super::error::failed;
use crate::kafka::{KafkaError, KafkaErrorKind, Subscription};

/// How long a look at the topics may take: records wait meanwhile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// A subscription and what is known of its topics.
pub(super) struct Upkeep {
    wanted: Wanted,
    /// The topics subscribed to, and how many partitions each has; 0: it does not exist.
    topics: BTreeMap<String, usize>,
    every: Duration,
    next: Instant,
}

enum Wanted {
    Topics(Vec<String>),
    Pattern(JavaRegex),
}

impl Upkeep {
    pub(super) fn new(subscription: Subscription, every: Duration) -> Result<Self> {
        let wanted = match subscription {
            Subscription::Topics(topics) => {
                Wanted::Topics(topics.iter().map(|topic| topic.as_str().to_owned()).collect())
            }
            Subscription::Pattern(pattern) => Wanted::Pattern(JavaRegex::new(&pattern).map_err(|error| {
                let message = format!("the topic pattern `{pattern}` is not a regular expression");
                KafkaError::new(KafkaErrorKind::Config, message).with_source(error)
            })?),
        };
        Ok(Self { wanted, topics: BTreeMap::new(), every, next: Instant::now() })
    }

    /// Subscribes for the first time.
    pub(super) async fn start(&mut self, consumer: &Consumer, admin: &AdminClient) -> Result<()> {
        if let Wanted::Topics(topics) = &self.wanted {
            // This also lets the broker create them, where it does so.
            let subscribed = consumer.subscribe(topics).await;
            subscribed
                .map_err(|error| failed(format_args!("subscribing to {}", topics.join(", ")), error))?;
            self.topics = self.look(admin).await?;
        } else {
            self.topics = self.look(admin).await?;
            if !self.topics.is_empty() {
                self.subscribe(consumer).await?;
            }
        }
        self.next = Instant::now() + self.every;
        Ok(())
    }

    /// Looks at the topics again if it is time, and lets the group know when they changed. The client's classic
    /// protocol does neither by itself.
    pub(super) async fn keep_up(&mut self, consumer: &Consumer, admin: &AdminClient) {
        if Instant::now() < self.next {
            return;
        }
        if let Err(error) = self.look_again(consumer, admin).await {
            tracing::warn!(%error, "the topics of the subscription could not be looked up; trying again later");
        }
        self.next = Instant::now() + self.every;
    }

    async fn look_again(&mut self, consumer: &Consumer, admin: &AdminClient) -> Result<()> {
        let topics = self.look(admin).await?;
        if topics == self.topics {
            return Ok(());
        }
        let same_names = topics.keys().eq(self.topics.keys());
        self.topics = topics;
        if self.topics.is_empty() {
            tracing::info!("no topic matches the subscription any more");
            let left = consumer.unsubscribe().await;
            return left.map_err(|error| failed("leaving the group, because no topic matches", error));
        }
        tracing::info!(topics = self.topics.len(), "the topics of the subscription changed");
        if same_names { self.join_again(consumer).await } else { self.subscribe(consumer).await }
    }

    async fn subscribe(&self, consumer: &Consumer) -> Result<()> {
        let subscribed = consumer.subscribe(self.topics.keys()).await;
        subscribed.map_err(|error| failed(format_args!("subscribing to {} topics", self.topics.len()), error))
    }

    /// Makes the group assign partitions anew although the names are the same. The client joins again only when its
    /// subscription changes, so it changes for a moment in which nothing is sent.
    async fn join_again(&self, consumer: &Consumer) -> Result<()> {
        let changed = if consumer.assignment().await.is_empty() {
            consumer.unsubscribe().await
        } else {
            consumer.subscribe(std::iter::empty::<&str>()).await
        };
        changed.map_err(|error| failed("joining the group again, because topics have grown", error))?;
        self.subscribe(consumer).await
    }

    async fn look(&self, admin: &AdminClient) -> Result<BTreeMap<String, usize>> {
        let names = match &self.wanted {
            Wanted::Topics(topics) => topics.clone(),
            Wanted::Pattern(pattern) => {
                let topics = admin.list_topics(ListTopicsOptions::default().timeout(LOOK_TIMEOUT)).await;
                let mut topics = topics.map_err(|error| failed("listing topics", error))?;
                topics.retain(|topic| pattern.is_match(topic));
                topics
            }
        };
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let options = DescribeTopicsOptions::default().timeout(LOOK_TIMEOUT);
        let described = admin.describe_topics(&names, options).await;
        let mut described = described.map_err(|error| failed("describing topics", error))?;
        let mut topics = BTreeMap::new();
        for name in names {
            let partitions = match described.remove(&name) {
                Some(Ok(topic)) => topic.partitions.len(),
                // Deleted a moment ago, or not there yet.
                Some(Err(error)) if is_unknown(&error) => 0,
                None => 0,
                Some(Err(error)) => return Err(failed(format_args!("describing topic `{name}`"), error)),
            };
            topics.insert(name, partitions);
        }
        Ok(topics)
    }
}

fn is_unknown(error: &krafka::KrafkaError) -> bool {
    super::error::classify(error).0 == KafkaErrorKind::UnknownTopic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        let upkeep =
            Upkeep::new(Subscription::Pattern("a|b.*".to_owned()), Duration::from_secs(1)).ok().unwrap();
        let Wanted::Pattern(pattern) = upkeep.wanted else { panic!("it is a pattern") };
        assert!(pattern.is_match("a") && pattern.is_match("bcd"));
        assert!(!pattern.is_match("ab") && !pattern.is_match("xb"));
    }

    #[test]
    fn a_malformed_pattern_is_a_config_error_that_shows_it() {
        let error =
            Upkeep::new(Subscription::Pattern("a(".to_owned()), Duration::from_secs(1)).err().unwrap();
        assert_eq!(error.kind(), KafkaErrorKind::Config);
        assert!(error.to_string().contains("`a(`"), "{error}");
    }
}
