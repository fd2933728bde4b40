//! What brokers say of the cluster, taken into the state.

use connect_api::Str;

use super::partition::Partition;
use super::settings::Settings;
use super::state::State;
use crate::kafka::net::{Cluster, Code, TopicMetadata};
use crate::kafka::{KafkaError, KafkaErrorKind};

impl State {
    /// Takes news of the cluster in. Who leads what may have changed, so all lanes should look again.
    pub(super) fn learn(&mut self, cluster: Cluster, settings: &Settings) {
        self.unreachable = None;
        if !cluster.brokers.is_empty() {
            self.brokers = cluster.brokers.into_iter().map(|broker| (broker.id, broker.address)).collect();
        }
        for topic in &cluster.topics {
            self.learn_topic(topic, settings);
        }
    }

    fn learn_topic(&mut self, news: &TopicMetadata, settings: &Settings) {
        let name = Str::from(news.name.as_str());
        let Some(mut topic) = self.topics.remove(&name) else { return };
        let refused = match news.code {
            Code::NONE | Code::LEADER_NOT_AVAILABLE => None,
            // It may be about to be made, or a broker is behind: what is known stays.
            code if code.is_retriable() => {
                self.topics.insert(name, topic);
                return;
            }
            code => Some(code.failed(format_args!("writing to topic `{name}`"), None)),
        };
        topic.refusal = refused;
        let mut numbers: Vec<_> = news.partitions.iter().map(|partition| partition.index).collect();
        numbers.sort_unstable();
        // Partitions are numbered without gaps; what comes after one would be out of place.
        let count =
            numbers.iter().enumerate().take_while(|(at, number)| usize::try_from(**number) == Ok(*at));
        for number in topic.partitions.len()..count.count() {
            topic.partitions.push(self.partitions.len());
            let number = i32::try_from(number).unwrap_or(i32::MAX);
            self.partitions.push(Partition::new(name.clone(), news.id, number, settings.batch_size));
        }
        for found in &news.partitions {
            let at = usize::try_from(found.index).ok().and_then(|number| topic.partitions.get(number));
            let Some(partition) = at.and_then(|at| self.partitions.get_mut(*at)) else { continue };
            let same = partition.topic_id == news.id;
            // A broker that is behind must not bring back the leader before.
            if same && found.leader_epoch >= 0 && found.leader_epoch < partition.leader_epoch {
                continue;
            }
            partition.topic_id = news.id;
            partition.leader_epoch = found.leader_epoch;
            partition.leader = Some(found.leader).filter(|leader| *leader >= 0);
        }
        if topic.refusal.is_none() && !news.partitions.is_empty() {
            self.give_up_vanished(&topic.partitions, news.partitions.len());
        }
        self.topics.insert(name, topic);
    }

    /// A topic that was made anew may have fewer partitions.
    fn give_up_vanished(&mut self, partitions: &[usize], left: usize) {
        for at in partitions.iter().skip(left).copied() {
            let Some(partition) = self.partitions.get_mut(at) else { continue };
            partition.leader = None;
            if !partition.in_flight && !partition.queue.is_empty() {
                let message =
                    format!("writing to partition {}-{}: it is gone", partition.topic, partition.index);
                let error = KafkaError::new(KafkaErrorKind::UnknownTopic, message);
                self.give_up(at, &error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::native::records::Identity;
    use crate::kafka::native::settings::tests::settings;
    use crate::kafka::native::state::Shared;
    use crate::kafka::native::topics::unknown;
    use crate::kafka::net::{Broker, PartitionMetadata};

    fn news(code: Code, leaders: &[(i32, i32)]) -> Cluster {
        let partitions = leaders.iter().zip(0..);
        let partitions = partitions
            .map(|((leader, leader_epoch), index)| PartitionMetadata {
                index,
                leader: *leader,
                leader_epoch: *leader_epoch,
            })
            .collect();
        let topic = TopicMetadata { code, name: "t".to_owned(), id: [1; 16], partitions };
        Cluster { brokers: vec![Broker { id: 1, address: "a:1".to_owned() }], topics: vec![topic] }
    }

    #[test]
    fn an_older_leader_does_not_come_back_and_new_partitions_join() {
        let settings = settings(&[]).unwrap();
        let shared = Shared::new(settings.clone(), Identity::NONE);
        let mut state = shared.lock();
        state.topics.insert("t".into(), unknown(&"t".into()));
        assert!(state.wants_news());
        state.learn(news(Code::NONE, &[(1, 5)]), &settings);
        assert!(!state.wants_news());
        state.learn(news(Code::NONE, &[(2, 4), (1, 0)]), &settings);
        let leaders: Vec<_> = state.partitions.iter().map(|partition| partition.leader).collect();
        assert_eq!(leaders, [Some(1), Some(1)]);
        state.learn(news(Code::NONE, &[(-1, 6), (1, 0)]), &settings);
        assert_eq!(state.partitions[0].leader, None);
    }

    #[test]
    fn what_is_known_outlasts_a_broker_that_does_not_know_the_topic() {
        let settings = settings(&[]).unwrap();
        let shared = Shared::new(settings.clone(), Identity::NONE);
        let mut state = shared.lock();
        state.topics.insert("t".into(), unknown(&"t".into()));
        state.learn(news(Code::NONE, &[(1, 5)]), &settings);
        state.learn(news(Code::UNKNOWN_TOPIC_OR_PARTITION, &[]), &settings);
        assert_eq!(state.partitions[0].leader, Some(1));
        state.learn(news(Code::TOPIC_AUTHORIZATION_FAILED, &[]), &settings);
        assert_eq!(
            state.topics["t"].refusal.as_ref().map(KafkaError::kind),
            Some(KafkaErrorKind::Authorization)
        );
        state.learn(news(Code::NONE, &[(1, 5)]), &settings);
        assert!(state.topics["t"].refusal.is_none());
    }
}
