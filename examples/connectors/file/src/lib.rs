#![doc = include_str!("../README.md")]
//!
//! # Registering
//!
//! ```
//! let mut plugins = connect_api::Plugins::default();
//! connect_file::register(&mut plugins);
//! ```

mod config;
mod input;
mod lines;
mod output;
mod sink;
mod source;

pub use config::{FileStreamSinkConfig, FileStreamSourceConfig};
pub use sink::{FileStreamSink, FileStreamSinkTask};
pub use source::{FileStreamSource, FileStreamSourceTask};

use connect_api::Plugins;

/// Registers `FileStreamSource` and `FileStreamSink`, also under their Java class names.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .source::<FileStreamSource>("FileStreamSource")
        .alias("org.apache.kafka.connect.file.FileStreamSourceConnector")
        .sink::<FileStreamSink>("FileStreamSink")
        .alias("org.apache.kafka.connect.file.FileStreamSinkConnector");
}
