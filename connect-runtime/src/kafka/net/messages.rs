//! The requests that every client needs: versions and metadata.

use super::codec::{Decoder, Encoder, Uuid};
use super::error::Code;
use super::request::Request;
use crate::kafka::Result;

/// Asks which versions a broker speaks.
#[derive(Clone, Copy, Debug)]
pub(in crate::kafka) struct ApiVersions;

/// The versions that a broker speaks.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Versions {
    pub(in crate::kafka) code: i16,
    /// API, oldest, newest.
    pub(in crate::kafka) apis: Vec<(i16, i16, i16)>,
    /// The level of the feature `transaction.version`.
    pub(in crate::kafka) transaction_version: i16,
}

impl Request for ApiVersions {
    const KEY: i16 = 18;
    const NAME: &'static str = "ApiVersions";
    const OLDEST: i16 = 0;
    const NEWEST: i16 = 3;
    const FLEXIBLE: i16 = 3;
    const TAGGED_ANSWER: bool = false;
    type Response = Versions;

    fn encode(&self, version: i16, to: &mut Encoder) {
        if version >= 3 {
            to.string("connect-rust");
            to.string(env!("CARGO_PKG_VERSION"));
        }
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Versions> {
        let mut versions = Versions { code: from.i16()?, ..Versions::default() };
        if Code(versions.code) == Code::UNSUPPORTED_VERSION {
            // A broker that does not know the version answers in version 0.
            return Ok(versions);
        }
        versions.apis = from.array(|from| {
            let api = (from.i16()?, from.i16()?, from.i16()?);
            from.skip_tags()?;
            Ok(api)
        })?;
        if version >= 1 {
            from.i32()?;
        }
        from.tags(|tag, mut from| {
            if tag == 2 {
                let finalized = from.array(|from| {
                    let feature = (from.string()?, from.i16()?);
                    from.i16()?;
                    from.skip_tags()?;
                    Ok(feature)
                })?;
                let level = finalized.iter().find(|(name, _)| *name == "transaction.version");
                versions.transaction_version = level.map_or(0, |(_, level)| *level);
            }
            Ok(())
        })?;
        Ok(versions)
    }
}

/// Asks for brokers, topics, partitions and their leaders.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Metadata {
    /// The topics; none is none, not all.
    pub(in crate::kafka) topics: Vec<String>,
    /// Whether topics that do not exist may be made.
    pub(in crate::kafka) create: bool,
}

/// What a broker knows of the cluster.
#[derive(Debug)]
pub(in crate::kafka) struct Cluster {
    pub(in crate::kafka) brokers: Vec<Broker>,
    pub(in crate::kafka) topics: Vec<TopicMetadata>,
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) struct Broker {
    pub(in crate::kafka) id: i32,
    /// `host:port`.
    pub(in crate::kafka) address: String,
}

/// A topic of the metadata.
#[derive(Debug)]
pub(in crate::kafka) struct TopicMetadata {
    pub(in crate::kafka) code: Code,
    pub(in crate::kafka) name: String,
    pub(in crate::kafka) id: Uuid,
    pub(in crate::kafka) partitions: Vec<PartitionMetadata>,
}

/// A partition of the metadata.
#[derive(Debug)]
pub(in crate::kafka) struct PartitionMetadata {
    pub(in crate::kafka) index: i32,
    /// -1: none for now.
    pub(in crate::kafka) leader: i32,
    pub(in crate::kafka) leader_epoch: i32,
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn address(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

impl Request for Metadata {
    const KEY: i16 = 3;
    const NAME: &'static str = "Metadata";
    const OLDEST: i16 = 7;
    const NEWEST: i16 = 12;
    const FLEXIBLE: i16 = 9;
    type Response = Cluster;

    fn encode(&self, version: i16, to: &mut Encoder) {
        to.array(&self.topics, |to, topic| {
            if version >= 10 {
                to.uuid(&[0; 16]);
            }
            to.string(topic);
            to.no_tags();
        });
        to.bool(self.create);
        if (8..=10).contains(&version) {
            to.bool(false);
        }
        if version >= 8 {
            to.bool(false);
        }
        to.no_tags();
    }

    fn decode(version: i16, from: &mut Decoder<'_>) -> Result<Cluster> {
        from.i32()?;
        let brokers = from.array(|from| {
            let id = from.i32()?;
            let broker = Broker { id, address: address(from.string()?, from.i32()?) };
            from.nullable_string()?;
            from.skip_tags()?;
            Ok(broker)
        })?;
        from.nullable_string()?;
        from.i32()?;
        let topics = from.array(|from| {
            let code = Code(from.i16()?);
            let name = from.string()?.to_owned();
            let id = if version >= 10 { from.uuid()? } else { [0; 16] };
            from.bool()?;
            let partitions = from.array(partition)?;
            if version >= 8 {
                from.i32()?;
            }
            from.skip_tags()?;
            Ok(TopicMetadata { code, name, id, partitions })
        })?;
        Ok(Cluster { brokers, topics })
    }
}

fn partition(from: &mut Decoder<'_>) -> Result<PartitionMetadata> {
    // The error repeats what the leader says: -1 is none.
    from.i16()?;
    let partition = PartitionMetadata { index: from.i32()?, leader: from.i32()?, leader_epoch: from.i32()? };
    for _ in 0..3 {
        from.array(Decoder::i32)?;
    }
    from.skip_tags()?;
    Ok(partition)
}
