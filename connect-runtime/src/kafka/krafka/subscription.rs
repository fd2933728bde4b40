//! What a group member subscribes to, kept up with the topics that come, go and grow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use connect_regex::JavaRegex;
use krafka::admin::{
    AdminClient, ConsumerGroupDescription, DescribeConsumerGroupsOptions, DescribeTopicsOptions, GroupType,
    ListTopicsOptions,
};
use krafka::consumer::Consumer;
use tokio::time::Instant;

use super::Result;
use super::error::failed;
use crate::kafka::{KafkaError, KafkaErrorKind, Subscription};

/// How long a look at the topics may take: records wait meanwhile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Between looks while a topic is missing, and before the group is checked after a change.
const SOON: Duration = Duration::from_secs(1);
/// The longest wait between two checks of a group that does not take a change in.
const LONGEST_DOUBT: Duration = Duration::from_secs(60);

/// A subscription and what is known of its topics.
pub(super) struct Upkeep {
    wanted: Wanted,
    /// The topics subscribed to, and how many partitions each has; 0: it does not exist.
    topics: BTreeMap<String, usize>,
    every: Duration,
    next: Instant,
    group: String,
    /// When to check whether the group has taken the last change in, and how long to wait for the check after it.
    check: Option<(Instant, Duration)>,
}

enum Wanted {
    Topics(Vec<String>),
    Pattern(JavaRegex),
}

impl Upkeep {
    pub(super) fn new(subscription: Subscription, group: String, every: Duration) -> Result<Self> {
        let wanted = match subscription {
            Subscription::Topics(topics) => {
                Wanted::Topics(topics.iter().map(|topic| topic.as_str().to_owned()).collect())
            }
            Subscription::Pattern(pattern) => Wanted::Pattern(JavaRegex::new(&pattern).map_err(|error| {
                let message = format!("the topic pattern `{pattern}` is not a regular expression");
                KafkaError::new(KafkaErrorKind::Config, message).with_source(error)
            })?),
        };
        Ok(Self { wanted, topics: BTreeMap::new(), every, next: Instant::now(), group, check: None })
    }

    /// Subscribes for the first time.
    pub(super) async fn start(&mut self, consumer: &Consumer, admin: &AdminClient) -> Result<()> {
        // What the member joins with is at least as new as this: a topic that comes in between is found by a later
        // look, and none is taken for known that the group was not told of.
        self.topics = self.look(admin).await?;
        if let Wanted::Topics(topics) = &self.wanted {
            // This also lets the broker create them, where it does so.
            let subscribed = consumer.subscribe(topics).await;
            subscribed
                .map_err(|error| failed(format_args!("subscribing to {}", topics.join(", ")), error))?;
        } else if !self.topics.is_empty() {
            self.subscribe(consumer).await?;
        }
        self.check_soon();
        self.schedule();
        Ok(())
    }

    fn schedule(&mut self) {
        let missing =
            matches!(self.wanted, Wanted::Topics(_)) && self.topics.values().any(|count| *count == 0);
        self.next = Instant::now() + if missing { SOON.min(self.every) } else { self.every };
    }

    fn check_soon(&mut self) {
        self.check = Some((Instant::now() + SOON, SOON));
    }

    /// Looks at the topics again if it is time, and lets the group know when they changed. The client's classic
    /// protocol does neither by itself.
    pub(super) async fn keep_up(&mut self, consumer: &Consumer, admin: &AdminClient) {
        if Instant::now() >= self.next {
            if let Err(error) = self.look_again(consumer, admin).await {
                tracing::warn!(%error, "the topics of the subscription could not be looked up; trying again later");
            }
            self.schedule();
        }
        if let Some((at, pause)) = self.check
            && Instant::now() >= at
        {
            self.check = self.check(consumer, admin, pause).await;
        }
    }

    /// Checks that the group has given out every partition, and that this member knows its own. A change that comes
    /// while the client is joining is lost to it; joining once more mends that. Answers when to check again.
    async fn check(
        &self,
        consumer: &Consumer,
        admin: &AdminClient,
        pause: Duration,
    ) -> Option<(Instant, Duration)> {
        if self.topics.values().all(|count| *count == 0) {
            return None;
        }
        let options = DescribeConsumerGroupsOptions::default().timeout(LOOK_TIMEOUT);
        let described = admin.describe_consumer_groups([&self.group], options).await;
        let described = described.and_then(|mut groups| groups.remove(&self.group).transpose());
        let group = match described {
            // The newer protocol assigns in the broker, which sees topics itself.
            Ok(Some(group)) if group.group_type != GroupType::Consumer => group,
            Ok(_) => return None,
            Err(error) => {
                tracing::debug!(%error, group = self.group, "the group cannot be described, so it is not checked");
                return None;
            }
        };
        let again = |pause| Some((Instant::now() + pause, pause));
        if group.state != "Stable" {
            return again(pause);
        }
        let member = consumer.group_metadata().await;
        let own = member.as_ref().map_or("", |member| member.member_id());
        let mut known = consumer.assignment().await;
        known.retain(|_, partitions| !partitions.is_empty());
        if self.is_settled(&group, own, &known) {
            return None;
        }
        // At first it may only be slow: a member that gives partitions away takes its time.
        if pause > SOON {
            tracing::info!(group = self.group, "the group has missed a change of its topics; joining again");
            if let Err(error) = self.join_again(consumer).await {
                tracing::warn!(%error, "joining the group again failed; trying again later");
            }
        }
        again((pause * 2).min(LONGEST_DOUBT))
    }

    fn is_settled(
        &self,
        group: &ConsumerGroupDescription,
        own: &str,
        known: &std::collections::HashMap<String, Vec<i32>>,
    ) -> bool {
        let mut given = BTreeSet::new();
        let mut mine = BTreeSet::new();
        for member in &group.members {
            // A member that says it in another language cannot be judged.
            let Some(assignment) = &member.assignment else { return true };
            for topic in assignment {
                let partitions = topic.partitions.iter().map(|number| (topic.topic_name.as_str(), *number));
                given.extend(partitions.clone());
                if member.member_id == own {
                    mine.extend(partitions);
                }
            }
        }
        let known: BTreeSet<_> = known
            .iter()
            .flat_map(|(topic, partitions)| partitions.iter().map(|number| (topic.as_str(), *number)))
            .collect();
        let complete = self.topics.iter().all(|(topic, count)| {
            let count = i32::try_from(*count).unwrap_or(i32::MAX);
            (0..count).all(|number| given.contains(&(topic.as_str(), number)))
        });
        complete && mine == known
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
        self.check_soon();
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
            Upkeep::new(Subscription::Pattern("a|b.*".to_owned()), "g".to_owned(), Duration::from_secs(1))
                .ok()
                .unwrap();
        let Wanted::Pattern(pattern) = upkeep.wanted else { panic!("it is a pattern") };
        assert!(pattern.is_match("a") && pattern.is_match("bcd"));
        assert!(!pattern.is_match("ab") && !pattern.is_match("xb"));
    }

    #[test]
    fn a_malformed_pattern_is_a_config_error_that_shows_it() {
        let error =
            Upkeep::new(Subscription::Pattern("a(".to_owned()), "g".to_owned(), Duration::from_secs(1))
                .err()
                .unwrap();
        assert_eq!(error.kind(), KafkaErrorKind::Config);
        assert!(error.to_string().contains("`a(`"), "{error}");
    }
}
