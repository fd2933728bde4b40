//! Which client settings a connector may override: Kafka's `ConnectorClientConfigOverridePolicy`.

use connect_api::config::Type;
use connect_api::{Error, Properties, Result};

/// Decides which `producer.override.`, `consumer.override.` and `admin.override.` settings a connector may have.
///
/// ```
/// use connect_api::Properties;
/// use connect_runtime::config::OverridePolicy;
///
/// let policy = OverridePolicy::Principal;
/// assert_eq!(policy.violation("sasl.mechanism"), None);
/// assert_eq!(
///     policy.violation("acks").as_deref(),
///     Some("The 'Principal' policy does not allow 'acks' to be overridden in the connector configuration."),
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OverridePolicy {
    /// Every setting. The default.
    #[default]
    All,
    /// None.
    None,
    /// Who the client is: `sasl.jaas.config`, `sasl.mechanism`, `security.protocol`.
    Principal,
    /// The settings listed in the worker's `connector.client.config.override.allowlist`.
    Allowlist(Vec<String>),
}

const KEY: &str = "connector.client.config.override.policy";
const ALLOWLIST_KEY: &str = "connector.client.config.override.allowlist";
const PRINCIPAL: [&str; 3] = ["sasl.jaas.config", "sasl.mechanism", "security.protocol"];

impl OverridePolicy {
    /// Reads the policy's name: `All`, or a Java class name that ends in `AllConnectorClientConfigOverridePolicy`.
    /// `worker` gives the list of the `Allowlist` policy.
    ///
    /// # Errors
    ///
    /// A config error that lists the policies.
    pub fn parse(name: &str, worker: &Properties) -> Result<Self> {
        let simple = name.rsplit('.').next().unwrap_or(name);
        match simple.strip_suffix("ConnectorClientConfigOverridePolicy").unwrap_or(simple) {
            "All" => Ok(Self::All),
            "None" => Ok(Self::None),
            "Principal" => Ok(Self::Principal),
            "Allowlist" => {
                let text = worker.get(ALLOWLIST_KEY).unwrap_or_default();
                let parsed = Type::List.parse(ALLOWLIST_KEY, text)?;
                Ok(Self::Allowlist(parsed.as_list().unwrap_or_default().to_vec()))
            }
            _ => Err(Error::config(
                KEY,
                format!(
                    "Invalid value {name} for configuration {KEY}: must be one of All, None, Principal, Allowlist"
                ),
            )),
        }
    }

    /// The policy's name: `All`, `None`, `Principal`, `Allowlist`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::All => "All",
            Self::None => "None",
            Self::Principal => "Principal",
            Self::Allowlist(_) => "Allowlist",
        }
    }

    /// Why the setting (its prefix taken off) may not be overridden; `None` when it may.
    pub fn violation(&self, setting: &str) -> Option<String> {
        let allowed = match self {
            Self::All => true,
            Self::None => false,
            Self::Principal => PRINCIPAL.contains(&setting),
            Self::Allowlist(allowed) => allowed.iter().any(|one| one == setting),
        };
        (!allowed).then(|| {
            format!(
                "The '{}' policy does not allow '{setting}' to be overridden in the connector configuration.",
                self.name()
            )
        })
    }

    /// Checks all overrides of one client.
    ///
    /// # Errors
    ///
    /// A config error that names every setting that is not allowed.
    pub fn check(&self, overrides: &Properties) -> Result<()> {
        let violations: Vec<String> = overrides.keys().filter_map(|key| self.violation(key)).collect();
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Error::config(
                KEY,
                format!("Client Config Overrides not allowed [{}]", violations.join(", ")),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_known_by_short_and_by_java_names() {
        let worker = Properties::from([(ALLOWLIST_KEY, "acks, linger.ms")]);
        let parse = |name: &str| OverridePolicy::parse(name, &worker).unwrap();
        assert_eq!(parse("All"), OverridePolicy::All);
        assert_eq!(
            parse("org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy"),
            OverridePolicy::None
        );
        assert_eq!(parse("Allowlist"), OverridePolicy::Allowlist(vec!["acks".into(), "linger.ms".into()]));
        let error = OverridePolicy::parse("Some", &worker).unwrap_err().to_string();
        assert!(error.contains("Some") && error.contains("All, None, Principal, Allowlist"), "{error}");
    }

    #[test]
    fn every_setting_that_is_not_allowed_is_named() {
        let overrides = Properties::from([("acks", "1"), ("linger.ms", "5"), ("sasl.mechanism", "PLAIN")]);
        assert!(OverridePolicy::All.check(&overrides).is_ok());
        let error = OverridePolicy::Allowlist(vec!["acks".into()]).check(&overrides).unwrap_err().to_string();
        assert_eq!(
            error,
            "Client Config Overrides not allowed [The 'Allowlist' policy does not allow 'linger.ms' to be overridden \
             in the connector configuration., The 'Allowlist' policy does not allow 'sasl.mechanism' to be \
             overridden in the connector configuration.]"
        );
        assert!(OverridePolicy::None.check(&overrides).unwrap_err().to_string().contains("'acks'"));
        assert!(OverridePolicy::None.check(&Properties::new()).is_ok());
    }
}
