//! The contract that connectors, converters and transformations for Kafka Connect in Rust implement.

// The derive macro writes `::connect_api::…`, also inside this crate.
#[allow(unused_extern_crates, reason = "used where the derive is, which may be tests only")]
extern crate self as connect_api;

pub mod config;
mod converter;
pub mod data;
mod error;
pub mod header;
#[doc(hidden)]
pub mod host;
pub mod plugins;
mod record;
pub mod sink;
pub mod source;
pub mod transform;

pub use async_trait::async_trait;
pub use bytes::{Bytes, BytesMut};

#[cfg(feature = "derive")]
pub use connect_derive::{Config, ConfigEnum};

pub use config::{
    Config, ConfigData, ConfigDef, ConfigEnum, ConfigKey, ConfigProvider, ConfigValue, Password, Properties,
};
pub use converter::{Converter, ConverterType, DataItem, Encoded, HeaderConverter, RawItem};
pub use data::{Schema, SchemaAndValue, Str, Struct, Value};
pub use error::{BoxError, Error, ErrorKind, Result, ResultExt};
pub use header::{Header, Headers, RawHeaders};
pub use plugins::{Bundle, Plugins};
pub use record::{Record, RecordMetadata, TimestampType};
pub use sink::{
    ErrantRecordReporter, Offsets, SinkConnector, SinkConnectorContext, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition,
};
pub use source::{
    ConnectorTransactionBoundaries, ExactlyOnceSupport, OffsetStorageReader, OffsetValue, SourceConnector,
    SourceConnectorContext, SourceOffset, SourcePartition, SourceRecord, SourceTask, SourceTaskContext,
    TransactionContext,
};
pub use transform::{Outcome, Predicate, Target, Transformation};
