//! Kafka's basic-auth extension: who may use the API.

use axum::http::HeaderValue;
use base64::Engine as _;
use connect_api::config::Properties;

use crate::config::jaas::{self, Flag};
use crate::config::{WorkerConfig, read_properties_file};
use crate::error::{Error, Result};

/// The name under which Kafka's extension stands in `rest.extension.classes`.
pub(super) const EXTENSION: &str = "BasicAuthSecurityRestExtension";
/// Where the users and their passwords stand: what the option `file` of Kafka's `PropertyFileLoginModule` is.
pub(super) const FILE: &str = "rest.basic.auth.file";

/// The JAAS file, under the name that it has as a system property of Java's worker.
pub(super) const JAAS_FILE: &str = "java.security.auth.login.config";
/// The entry that Kafka's extension looks for in it.
const ENTRY: &str = "KafkaConnect";
/// The only login module that there is here.
const MODULE: &str = "PropertyFileLoginModule";

/// Who has which password, in one file or several.
pub(super) struct BasicAuth(Vec<(Flag, Properties)>);

impl BasicAuth {
    /// Reads the users, if `rest.extension.classes` names Kafka's extension.
    pub(super) async fn read(config: &WorkerConfig) -> Result<Option<Self>> {
        let properties = config.properties();
        let classes = properties.get("rest.extension.classes").unwrap_or_default();
        let wanted = classes.split(',').any(|class| class.trim().rsplit('.').next() == Some(EXTENSION));
        if !wanted {
            return Ok(None);
        }
        let logins = match (properties.get(FILE), properties.get(JAAS_FILE)) {
            (Some(file), _) => vec![(Flag::Required, users(FILE, file.trim()).await?)],
            (None, Some(jaas)) => Self::of_jaas(jaas.trim()).await?,
            (None, None) => {
                return Err(Error::Config(format!(
                    "rest.extension.classes names {EXTENSION}, but neither {JAAS_FILE} nor {FILE} is set; name the \
                     JAAS file of Java's worker, or a file with lines user=password"
                )));
            }
        };
        Ok(Some(Self(logins)))
    }

    /// What the modules of the entry `KafkaConnect` say.
    async fn of_jaas(file: &str) -> Result<Vec<(Flag, Properties)>> {
        let wrong = |why: &str| {
            Error::Config(format!(
                "{JAAS_FILE}: {file}: {why}; it looks like {ENTRY} {{ \
                 org.apache.kafka.connect.rest.basic.auth.extension.{MODULE} required file=\"/path/users.properties\"; }};"
            ))
        };
        let text = tokio::fs::read_to_string(file).await.map_err(|error| wrong(&error.to_string()))?;
        let mut entries = jaas::entries(&text).map_err(wrong)?;
        let modules = entries.remove(ENTRY).unwrap_or_default();
        if modules.is_empty() {
            return Err(wrong(&format!("there is no login module in an entry {ENTRY}")));
        }
        let mut logins = Vec::with_capacity(modules.len());
        for module in modules {
            if module.class.rsplit('.').next() != Some(MODULE) {
                return Err(wrong(&format!("there is no login module {} here", module.class)));
            }
            let Some(named) = module.options.get("file") else {
                return Err(wrong("the option file is missing"));
            };
            logins.push((module.flag, users(JAAS_FILE, named.trim()).await?));
        }
        Ok(logins)
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
        // As JAAS does it: who is needed must agree, and where nobody is needed one must.
        let (mut agreed, mut refused) = (false, false);
        for (flag, users) in &self.0 {
            let known = users.get(user).is_some_and(|known| same(known.as_bytes(), password.as_bytes()));
            agreed |= known;
            match (flag, known) {
                (Flag::Requisite, false) => return false,
                (Flag::Required, false) => refused = true,
                (Flag::Sufficient, true) if !refused => return true,
                _ => {}
            }
        }
        agreed && !refused
    }
}

async fn users(key: &str, file: &str) -> Result<Properties> {
    let users = read_properties_file(std::path::Path::new(file)).await?;
    match users.is_empty() {
        true => Err(Error::Config(format!("{key}: {file} holds no users; Kafka would let everybody in"))),
        false => Ok(users),
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
        let auth = BasicAuth(vec![(Flag::Required, Properties::from([("ann", "pass:word")]))]);
        let admits = |text: &str| auth.admits(Some(&HeaderValue::from_str(text).unwrap()));
        assert!(admits("Basic YW5uOnBhc3M6d29yZA=="));
        assert!(!admits("Basic YW5uOnBhc3M="));
        assert!(!admits("Bearer YW5uOnBhc3M6d29yZA=="));
        assert!(!admits("Basic"));
        assert!(!auth.admits(None));
    }

    #[test]
    fn modules_count_as_their_flags_say() {
        use Flag::{Optional, Required, Requisite, Sufficient};
        let (ann, bob) = (Properties::from([("ann", "a")]), Properties::from([("bob", "b")]));
        let admits = |logins: &[(Flag, &Properties)], text: &str| {
            let auth = BasicAuth(logins.iter().map(|(flag, users)| (*flag, (*users).clone())).collect());
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            auth.admits(Some(&HeaderValue::from_str(&format!("Basic {encoded}")).unwrap()))
        };
        for (flags, is_ann, is_bob) in [
            ([Required, Required], false, false),
            ([Required, Optional], true, false),
            ([Sufficient, Required], true, true),
            ([Sufficient, Requisite], true, true),
            ([Requisite, Sufficient], true, false),
            ([Optional, Optional], true, true),
            ([Required, Sufficient], true, false),
        ] {
            let logins = [(flags[0], &ann), (flags[1], &bob)];
            assert_eq!(
                (admits(&logins, "ann:a"), admits(&logins, "bob:b"), admits(&logins, "ann:b")),
                (is_ann, is_bob, false),
                "{flags:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_jaas_file_names_the_users() {
        let directory = tempfile::tempdir().unwrap();
        let (jaas, users) = (directory.path().join("jaas.conf"), directory.path().join("users"));
        std::fs::write(&users, "ann=secret\n").unwrap();
        let read = async |text: String| {
            std::fs::write(&jaas, text).unwrap();
            BasicAuth::of_jaas(jaas.to_str().unwrap()).await
        };
        let module = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
        let users = users.display();
        let auth =
            read(format!("KafkaConnect {{\n {module} required\n file=\"{users}\";\n}};")).await.ok().unwrap();
        assert!(BasicAuth(auth).admits(Some(&HeaderValue::from_static("Basic YW5uOnNlY3JldA=="))));
        for (text, why) in [
            (format!("Other {{ {module} required file=\"{users}\"; }};"), "no login module in an entry"),
            ("KafkaConnect { com.sun.LdapLoginModule required; };".to_owned(), "com.sun.LdapLoginModule"),
            (format!("KafkaConnect {{ {module} required; }};"), "option file is missing"),
            (format!("KafkaConnect {{ {module} required file=\"{users}-not\"; }};"), "-not"),
            ("KafkaConnect {".to_owned(), "jaas.conf"),
        ] {
            let error = read(text).await.err().unwrap().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
