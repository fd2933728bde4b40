//! The offsets of a connector as a tool: read, alter, reset, look before (KIP-875).

mod body;
mod preview;
mod sink;
mod source;

use connect_api::Error as ConnectError;
use connect_api::config::Properties;
use connect_api::plugins::ConnectorPlugin;

pub use self::body::{ConnectorOffset, ConnectorOffsets, JsonMap};
pub use self::preview::{OffsetChange, OffsetsPreview};
use super::Worker;
use crate::error::{Error, Result};

impl Worker {
    /// The committed offsets of a connector. `config` is its configuration as it was given.
    pub(crate) async fn connector_offsets(
        &self,
        name: &str,
        config: &Properties,
    ) -> Result<ConnectorOffsets> {
        let config = self.resolve(name, config).await?.properties;
        match self.plugin(&config)? {
            ConnectorPlugin::Source(_) => self.source_offsets(name, &config).await,
            ConnectorPlugin::Sink(_) => self.sink(name, &config).await?.read().await,
        }
    }

    /// Alters the offsets of a stopped connector, or with `None` resets all of them; answers Kafka's message.
    pub(crate) async fn modify_offsets(
        &self,
        name: &str,
        config: &Properties,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<String> {
        let config = self.resolve(name, config).await?.properties;
        let altered = match self.plugin(&config)? {
            ConnectorPlugin::Source(plugin) => {
                self.modify_source_offsets(name, &config, &plugin, offsets).await?
            }
            ConnectorPlugin::Sink(plugin) => self.sink(name, &config).await?.modify(&plugin, offsets).await?,
        };
        let done = if offsets.is_some() { "altered" } else { "reset" };
        Ok(match altered {
            true => format!("The offsets for this connector have been {done} successfully"),
            false => format!(
                "The Connect framework-managed offsets for this connector have been {done} successfully. However, if \
                 this connector manages offsets externally, they will need to be manually {done} in the system that \
                 the connector uses."
            ),
        })
    }

    /// What [`modify_offsets`](Self::modify_offsets) would do.
    pub(crate) async fn preview_offsets(
        &self,
        name: &str,
        config: &Properties,
        offsets: Option<&ConnectorOffsets>,
    ) -> Result<OffsetsPreview> {
        let config = self.resolve(name, config).await?.properties;
        match self.plugin(&config)? {
            ConnectorPlugin::Source(_) => self.preview_source_offsets(name, &config, offsets).await,
            ConnectorPlugin::Sink(_) => self.sink(name, &config).await?.preview(offsets).await,
        }
    }

    /// The offsets that bring a sink back to a time, for [`modify_offsets`](Self::modify_offsets).
    pub(crate) async fn offsets_at(
        &self,
        name: &str,
        config: &Properties,
        timestamp: i64,
    ) -> Result<ConnectorOffsets> {
        let config = self.resolve(name, config).await?.properties;
        match self.plugin(&config)? {
            ConnectorPlugin::Source(_) => Err(Error::BadRequest(format!(
                "Connector {name} is a source: only the connector itself knows what its offsets mean, so they cannot \
                 be looked up by time; alter them instead"
            ))),
            ConnectorPlugin::Sink(_) => self.sink(name, &config).await?.at(timestamp).await,
        }
    }
}

/// What the connector's own `alter_offsets` said.
fn own_answer(name: &str, answer: connect_api::Result<bool>) -> Result<bool> {
    answer.map_err(|error| match error.kind() {
        connect_api::ErrorKind::Unsupported => Error::Plugin(
            ConnectError::connect(format!(
                "Failed to modify offsets for connector {name} because it doesn't support external modification of \
                 offsets"
            ))
            .with_source(error),
        ),
        _ => Error::Plugin(error),
    })
}
