//! The group protocol in which the broker assigns (KIP-848); brokers before Kafka 4 do not speak it.

use super::broker::Broker;
use super::suite::groups::closes_while_it_joins;
use super::{krafka, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_closed_while_it_joins_is_no_member() {
    run(krafka(), None, Broker::shared(), async |fixture| {
        closes_while_it_joins(fixture, &[("group.protocol", "consumer")]).await;
    })
    .await;
}

#[cfg(feature = "native")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_native_consumer_that_is_closed_while_it_joins_is_no_member() {
    run(super::native(), None, Broker::shared(), async |fixture| {
        closes_while_it_joins(fixture, &[("group.protocol", "consumer")]).await;
    })
    .await;
}
