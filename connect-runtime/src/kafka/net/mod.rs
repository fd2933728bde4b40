//! Kafka's protocol over connections of our own: what the native clients and the membership of a cluster share.
//!
//! [`Connector`] makes connections (TLS, login), [`Connection`] carries requests, several at a time,
//! [`Contact`] asks whichever broker answers, and [`Request`] is what a message implements. Error codes have their
//! meaning in one place, [`Code`]. Versions are agreed on with each broker.

mod codec;
mod connection;
mod connector;
mod contact;
mod coordinator;
mod error;
mod group;
mod member;
mod messages;
mod request;
mod sasl;
mod scram;

pub(super) use codec::{Decoder, Encoder, Uuid, put_varint, varint_len};
pub(super) use connection::{Connection, Sent, decode};
pub(super) use connector::Connector;
pub(super) use contact::Contact;
pub(super) use coordinator::{Coordinator, CoordinatorOf};
pub(super) use error::{Code, again, timed_out};
pub(super) use member::NetMember;
#[cfg(test)]
pub(super) use messages::{Broker, PartitionMetadata};
pub(super) use messages::{Cluster, Metadata, TopicMetadata};
pub(super) use request::Request;
