#![doc = include_str!("../README.md")]
//!
//! # Registering
//!
//! ```
//! let mut plugins = connect_api::Plugins::default();
//! connect_datagen::register(&mut plugins);
//! ```

mod config;
mod generator;
mod pattern;
mod random;
mod schema;
mod source;

pub use config::{DatagenConfig, DatagenTaskConfig, Quickstart};
pub use source::{DatagenSource, DatagenTask};

use connect_api::Plugins;

/// Registers `DatagenSource`, also under the class name of the well-known Java connector.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .source::<DatagenSource>("DatagenSource")
        .alias("io.confluent.kafka.connect.datagen.DatagenConnector");
}
