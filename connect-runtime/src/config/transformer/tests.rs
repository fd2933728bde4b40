//! References, their secrets, and how long they hold.

use std::sync::Mutex;

use connect_api::config::{ConfigKey, NoConfig};
use connect_api::{ConfigData, Error, async_trait};

use super::*;
use crate::config::{WorkerConfig, validate_connector};

/// Answers `<path>/<key>`, except for keys that begin with `no`; remembers what it was asked.
#[derive(Default)]
struct Echo {
    asked: Mutex<Vec<String>>,
    ttl: Option<Duration>,
}

#[async_trait]
impl ConfigProvider for Echo {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self> {
        Ok(Self::default())
    }

    async fn get(&self, path: &str, keys: &[&str]) -> Result<ConfigData> {
        if path == "broken" {
            return Err(Error::connect("the vault is closed"));
        }
        self.asked.lock().unwrap().push(format!("{path}:{}", keys.join(",")));
        let found = keys.iter().filter(|key| !key.starts_with("no"));
        let data = ConfigData::new(found.map(|key| (*key, format!("{path}/{key}"))));
        Ok(match self.ttl {
            Some(ttl) => data.with_ttl(ttl),
            None => data,
        })
    }
}

async fn resolve(text: &str) -> String {
    let transformer = ConfigTransformer::default().with("e", Arc::new(Echo::default()));
    let resolved = transformer.resolve(&Properties::from([("k", text)])).await.unwrap();
    resolved.properties.get("k").unwrap().to_owned()
}

#[tokio::test]
async fn references_are_replaced_wherever_they_stand() {
    assert_eq!(resolve("${e:p:a}").await, "p/a");
    assert_eq!(resolve("x ${e:p:a} y ${e:q:b}${e:c} z").await, "x p/a y q/b/c z");
    assert_eq!(resolve("${e:/etc/a.properties:db:password}").await, "/etc/a.properties/db:password");
    assert_eq!(resolve("${e:p:}").await, "p/");
    assert_eq!(resolve("plain $ {e:p:a} ${e} ${}").await, "plain $ {e:p:a} ${e} ${}");
}

#[tokio::test]
async fn what_nobody_answers_stays_as_it_is() {
    assert_eq!(resolve("${other:p:a} ${e:p:no} ${e:p:a}").await, "${other:p:a} ${e:p:no} p/a");
}

#[tokio::test]
async fn answers_are_not_searched_for_references() {
    struct Nested;
    #[async_trait]
    impl ConfigProvider for Nested {
        type Config = NoConfig;

        fn configure(_: NoConfig) -> Result<Self> {
            Ok(Self)
        }

        async fn get(&self, _: &str, keys: &[&str]) -> Result<ConfigData> {
            Ok(ConfigData::new(keys.iter().map(|key| (*key, "${n:x}"))))
        }
    }
    let transformer = ConfigTransformer::default().with("n", Arc::new(Nested));
    let resolved = transformer.resolve(&Properties::from([("k", "${n:a}")])).await.unwrap();
    assert_eq!(resolved.properties.get("k"), Some("${n:x}"));
}

#[tokio::test]
async fn each_path_is_asked_once() {
    let echo = Arc::new(Echo::default());
    let transformer = ConfigTransformer::default().with("e", Arc::clone(&echo) as _);
    let properties = Properties::from([("a", "${e:p:x}${e:p:y}"), ("b", "${e:p:x}"), ("c", "${e:q:x}")]);
    transformer.resolve(&properties).await.unwrap();
    assert_eq!(*echo.asked.lock().unwrap(), ["p:x,y", "q:x"]);
}

#[tokio::test]
async fn the_time_for_which_values_hold_is_collected_by_path() {
    let hour = Duration::from_secs(3600);
    let short = Arc::new(Echo { ttl: Some(Duration::from_secs(1)), ..Echo::default() });
    let long = Arc::new(Echo { ttl: Some(hour), ..Echo::default() });
    let transformer =
        ConfigTransformer::default().with("s", short).with("l", long).with("e", Arc::new(Echo::default()));
    let resolve = |text: &str| {
        let (transformer, properties) = (transformer.clone(), Properties::from([("k", text)]));
        async move { transformer.resolve(&properties).await.unwrap() }
    };
    assert_eq!(resolve("${e:a}").await.ttl(), None);
    let resolved = resolve("${l:p:a}${s:q:a}").await;
    assert_eq!(resolved.ttl(), Some(Duration::from_secs(1)));
    assert_eq!(resolved.ttls[&("l".to_owned(), "p".to_owned())], hour);
}

#[tokio::test]
async fn a_provider_that_fails_is_named() {
    let transformer = ConfigTransformer::default().with("e", Arc::new(Echo::default()));
    let error = transformer.resolve(&Properties::from([("k", "${e:broken:a}")])).await.unwrap_err();
    assert_eq!(error.to_string(), "the vault is closed (config provider=e, path=broken)");
}

#[test]
fn providers_without_class_or_of_unknown_class_are_all_named() {
    let mut plugins = Plugins::new();
    plugins.bundle("1").config_provider::<Echo>("Echo");
    let worker = Properties::from([
        ("config.providers", "a, b, c"),
        ("config.providers.b.class", "Missing"),
        ("config.providers.c.class", "Echo"),
    ]);
    let error = ConfigTransformer::new(&plugins, &worker).unwrap_err().to_string();
    assert!(error.contains("\"config.providers.a.class\""), "{error}");
    assert!(
        error.contains("Config provider b (Missing) cannot be used: Failed to find any configprovider"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 2, "{error}");
}

#[tokio::test]
async fn secrets_are_hidden_in_any_text() {
    let transformer = ConfigTransformer::default().with("e", Arc::new(Echo::default()));
    let properties =
        Properties::from([("url", "jdbc://${e:p:user}@db"), ("password", "hunter2"), ("open", "sesame")]);
    let def = ConfigDef::new().define(ConfigKey::new("password", Type::Password));
    let resolved = transformer.resolve(&properties).await.unwrap().with_passwords_of(&def);
    assert_eq!(resolved.secret_keys, BTreeSet::from(["password".to_owned(), "url".to_owned()]));
    let text = resolved.redact("connect jdbc://p/user@db with hunter2, sesame");
    assert_eq!(text, "connect jdbc://[hidden]@db with [hidden], sesame");
    assert!(!format!("{resolved:?}").contains("hunter2"));
}

#[test]
fn very_short_secrets_are_hidden_as_words_only() {
    assert_eq!(replace_secret("a banana, a", "a"), "[hidden] banana, [hidden]");
    assert_eq!(replace_secret("banana", "ana"), "b[hidden]na");
}

#[tokio::test]
async fn a_validation_shows_references_instead_of_what_they_stand_for() {
    let transformer = ConfigTransformer::default().with("e", Arc::new(Echo::default()));
    let raw = Properties::from([("name", "n"), ("connector.class", "X"), ("tasks.max", "${e:secret:value}")]);
    let resolved = transformer.resolve(&raw).await.unwrap();
    let worker = WorkerConfig::embedded(&Properties::new()).unwrap();
    let mut infos = validate_connector(&Plugins::new(), &worker, &resolved.properties).unwrap();
    resolved.redact_infos(&mut infos);
    let value = infos.value("tasks.max").unwrap();
    assert_eq!(
        value.error_messages,
        [
            "Invalid value for configuration 'tasks.max': the value resolved from the config provider reference failed \
          validation"
        ]
    );
    assert!(!infos.into_result().unwrap_err().to_string().contains("secret/value"));
}

#[test]
fn a_connector_cannot_bring_providers() {
    let properties =
        Properties::from([("config.providers", "a"), ("config.providers.a.class", "A"), ("b", "c")]);
    assert_eq!(without_providers(&properties), Properties::from([("b", "c")]));
}
