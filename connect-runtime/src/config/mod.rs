//! What the worker and its connectors are told: keys, their types and defaults, files, references to secrets.
//!
//! | Kafka's name | here |
//! | --- | --- |
//! | `StandaloneConfig`, `DistributedConfig` | [`WorkerConfig`] |
//! | `SourceConnectorConfig`, `SinkConnectorConfig` | [`SourceConnectorConfig`], [`SinkConnectorConfig`] |
//! | `ConnectorClientConfigOverridePolicy` | [`OverridePolicy`] |
//!
//! Everything here is pure except the readers of files.

pub mod clients;
mod connector;
mod files;
#[cfg(any(feature = "krafka", feature = "rskafka", feature = "rest"))]
#[cfg_attr(
    not(all(feature = "rest", any(feature = "krafka", feature = "rskafka"))),
    expect(dead_code, reason = "the clients read one module, the REST API reads files")
)]
pub(crate) mod jaas;
mod keys;
mod policy;
mod problems;
mod properties;
pub mod providers;
mod transformer;
mod validate;
mod worker;

pub use connector::{
    ConnectorConfig, ConverterSpec, DeadLetterQueue, ErrorHandling, ExactlyOnceRequirement, NewTopicSettings,
    PredicateSpec, ReloadAction, RestartMode, RestartPolicy, SinkConnectorConfig, SourceConnectorConfig,
    TopicCreation, TopicCreationGroup, TopicPattern, TopicSelection, TransactionBoundary, TransformSpec,
};
pub use files::{
    ConnectorFile, InitialState, parse_connector_file, read_connector_file, read_properties_file,
};
pub use policy::OverridePolicy;
pub use properties::{decode_properties, parse_properties};
pub use transformer::{ConfigTransformer, Resolved, without_providers};
#[cfg(feature = "rest")]
pub(crate) use validate::plugin_version_matches;
pub use validate::{ConfigInfo, ConfigInfos, validate_connector};
pub use worker::{
    ConnectProtocol, DistributedConfig, Ignored, InternalTopic, OffsetStorage, RestConfig, SourceExactlyOnce,
    WorkerConfig, WorkerMode,
};
