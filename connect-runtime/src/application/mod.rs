//! The application as a connector: a source that it feeds and a sink that is one of its closures.
//!
//! Both are plugins like any other: registered under a name, configured with properties, transformed, converted,
//! restarted, counted. What the application adds is state that no configuration can carry, a channel or a closure.

mod sink;
mod source;

pub use sink::sink;
pub use source::{Ack, Delivered, RecordReceiver, RecordSender, SendError, channel};
