//! Kafka's basic-auth extension: who may use the API.

use axum::http::HeaderValue;
use base64::Engine as _;
use connect_api::config::Properties;

use crate::config::{WorkerConfig, read_properties_file};
use crate::error::{Error, Result};

/// The name under which Kafka's extension stands in `rest.extension.classes`.
pub(super) const EXTENSION: &str = "BasicAuthSecurityRestExtension";
/// Where the users and their passwords stand: what the option `file` of Kafka's `PropertyFileLoginModule` is.
pub(super) const FILE: &str = "rest.basic.auth.file";

/// Users and their passwords.
pub(super) struct BasicAuth(Properties);

impl BasicAuth {
    /// Reads the users, if `rest.extension.classes` names Kafka's extension.
    pub(super) async fn read(config: &WorkerConfig) -> Result<Option<Self>> {
        let properties = config.properties();
        let classes = properties.get("rest.extension.classes").unwrap_or_default();
        let wanted = classes.split(',').any(|class| class.trim().rsplit('.').next() == Some(EXTENSION));
        if !wanted {
            return Ok(None);
        }
        let Some(file) = properties.get(FILE) else {
            return Err(Error::Config(format!(
                "rest.extension.classes names {EXTENSION}, but {FILE} is not set; name the file with lines \
                 user=password that the option `file` of PropertyFileLoginModule names in Java's JAAS file"
            )));
        };
        let users = read_properties_file(std::path::Path::new(file.trim())).await?;
        if users.is_empty() {
            return Err(Error::Config(format!(
                "{FILE}: {file} holds no users; Kafka would let everybody in"
            )));
        }
        Ok(Some(Self(users)))
    }

    /// Whether the credentials of a request are those of a user.
    pub(super) fn admits(&self, credentials: Option<&HeaderValue>) -> bool {
        let given = credentials.and_then(|value| {
            let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
            let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
            scheme.eq_ignore_ascii_case("basic").then(|| String::from_utf8(decoded).ok())?
        });
        let Some((user, password)) = given.as_deref().and_then(|given| given.split_once(':')) else {
            return false;
        };
        self.0.get(user).is_some_and(|known| same(known.as_bytes(), password.as_bytes()))
    }
}

/// Compares in a time that says nothing about where the two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_with_the_right_password_is_admitted() {
        let auth = BasicAuth(Properties::from([("ann", "pass:word")]));
        let admits = |text: &str| auth.admits(Some(&HeaderValue::from_str(text).unwrap()));
        assert!(admits("Basic YW5uOnBhc3M6d29yZA=="));
        assert!(!admits("Basic YW5uOnBhc3M="));
        assert!(!admits("Bearer YW5uOnBhc3M6d29yZA=="));
        assert!(!admits("Basic"));
        assert!(!auth.admits(None));
    }
}
