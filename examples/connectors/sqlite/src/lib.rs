#![doc = include_str!("../README.md")]
//!
//! # Registering
//!
//! ```
//! let mut plugins = connect_api::Plugins::default();
//! connect_sqlite::register(&mut plugins);
//! ```

mod cell;
mod config;
mod sink;
mod store;

pub use config::SqliteSinkConfig;
pub use sink::{SqliteSink, SqliteSinkTask};

use connect_api::Plugins;

/// Registers `SqliteSink`.
pub fn register(plugins: &mut Plugins) {
    plugins.bundle(env!("CARGO_PKG_VERSION")).sink::<SqliteSink>("SqliteSink");
}
