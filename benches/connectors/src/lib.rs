//! The connectors of the side-by-side measurement: `perf.PerfSource` and `perf.PerfSink`.
//!
//! They have the names, the configuration and the behaviour of the Java classes in `benches/side-by-side/plugin`, so that
//! the same files run on both workers. They cost as little as they can: what is measured is the worker around them.

mod sink;
mod source;

pub use sink::{PerfSink, PerfSinkConfig, PerfSinkTask};
pub use source::{PerfSource, PerfSourceConfig, PerfSourceTask};

use connect_api::Plugins;

/// Registers both.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .source::<PerfSource>("perf.PerfSource")
        .sink::<PerfSink>("perf.PerfSink");
}
