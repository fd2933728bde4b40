#![doc = include_str!("../README.md")]
//!
//! # Registering
//!
//! ```
//! let mut plugins = connect_api::Plugins::default();
//! connect_template::register(&mut plugins);
//!
//! let source = plugins.find_source("org.example.CounterSourceConnector")?;
//! assert_eq!(source.name(), "CounterSource");
//! # Ok::<(), connect_api::Error>(())
//! ```

mod config;
mod sink;
mod source;
pub mod store;

pub use config::{CollectingSinkConfig, CounterSourceConfig};
pub use sink::{CollectingSink, CollectingTask};
pub use source::{CounterSource, CounterTask};

use connect_api::Plugins;

/// Says what is in this crate. An application calls it for its runtime.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .source::<CounterSource>("CounterSource")
        .alias("org.example.CounterSourceConnector")
        .sink::<CollectingSink>("CollectingSink")
        .alias("org.example.CollectingSinkConnector");
}
