//! [`ConfigProvider`]: where `${provider:path:key}` is looked up.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;
use crate::config::Config;

/// Answers the references `${provider:path:key}` in configurations: files, the environment, a vault.
///
/// The runtime makes one instance per name in `config.providers` and passes it the keys below
/// `config.providers.<name>.param.`. A reference that the provider does not answer stays in the text as it is.
///
/// # Errors
///
/// An error rejects the configuration that holds the reference.
///
/// ```
/// use connect_api::config::NoConfig;
/// use connect_api::{ConfigData, ConfigProvider, Result, async_trait};
///
/// struct Fixed;
/// #[async_trait]
/// impl ConfigProvider for Fixed {
///     type Config = NoConfig;
///     fn configure(_: NoConfig) -> Result<Self> {
///         Ok(Self)
///     }
///     async fn get(&self, _path: &str, keys: &[&str]) -> Result<ConfigData> {
///         Ok(ConfigData::new(keys.iter().map(|key| (*key, format!("the {key}")))))
///     }
/// }
/// ```
#[async_trait]
#[doc(alias = "org.apache.kafka.common.config.provider.ConfigProvider")]
pub trait ConfigProvider: Send + Sync + 'static {
    /// The provider's configuration.
    type Config: Config
    where
        Self: Sized;

    /// Makes the provider.
    fn configure(config: Self::Config) -> Result<Self>
    where
        Self: Sized;

    /// The values of `keys` at `path`, which is empty for `${provider:key}`. Keys that do not exist are left out.
    async fn get(&self, path: &str, keys: &[&str]) -> Result<ConfigData>;
}

/// What a [`ConfigProvider`] answers: values by key, and how long they hold.
///
/// `Debug` prints keys only.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigData {
    /// The values found.
    pub data: BTreeMap<String, String>,
    /// How long they hold. When it has passed, the runtime restarts the connector, as `config.action.reload` says.
    pub ttl: Option<Duration>,
}

impl ConfigData {
    /// Values that hold until further notice.
    pub fn new<K: Into<String>, V: Into<String>>(data: impl IntoIterator<Item = (K, V)>) -> Self {
        Self { data: data.into_iter().map(|(key, value)| (key.into(), value.into())).collect(), ttl: None }
    }

    /// The same values, holding for this long.
    #[must_use]
    pub fn with_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }
}

impl fmt::Debug for ConfigData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigData")
            .field("keys", &self.data.keys().collect::<Vec<_>>())
            .field("ttl", &self.ttl)
            .finish()
    }
}
