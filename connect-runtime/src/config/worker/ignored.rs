//! Keys that are accepted and do nothing: said once, so that nobody relies on them.

use connect_api::Properties;
use connect_api::config::ConfigDef;

use super::WorkerMode;
use super::common_keys::{COMMON_KEYS, EXTENSION_KEYS};
use super::distributed_keys::DISTRIBUTED_KEYS;

/// A key that the user set and that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The key.
    pub key: String,
    /// Why it has no effect, as a whole sentence.
    pub why: String,
}

const PLUGINS: &str = "Plugins are compiled into the program; nothing is loaded at run time.";
const VERSION: &str = "One version of each plugin is compiled into the program.";
const REPORTERS: &str = "Java metrics reporters cannot run here; metrics are offered by the runtime itself.";
const JAVA_TLS: &str = "It configures Java's TLS; the client brings its own.";
const JAVA_LOGIN: &str = "It names a Java class; SASL mechanisms are compiled into the client.";
const JAVA_REST: &str = "Java REST extensions cannot run here; mount your own routes beside the REST router.";
const INTERNAL: &str = "Kafka removed it in 3.0: internal topics always use schemaless JSON.";
const COMPACT: &str = "The topic is always compacted.";
const ONE_PARTITION: &str = "The config topic always has one partition.";

/// Keys that are defined, or known, and have no effect.
const NO_EFFECT: &[(&str, &str)] = &[
    ("plugin.path", PLUGINS),
    ("plugin.discovery", PLUGINS),
    ("key.converter.plugin.version", VERSION),
    ("value.converter.plugin.version", VERSION),
    ("header.converter.plugin.version", VERSION),
    ("metric.reporters", REPORTERS),
    ("auto.include.jmx.reporter", REPORTERS),
    ("ssl.provider", JAVA_TLS),
    ("ssl.keymanager.algorithm", JAVA_TLS),
    ("ssl.trustmanager.algorithm", JAVA_TLS),
    ("ssl.secure.random.implementation", JAVA_TLS),
    ("ssl.engine.factory.class", JAVA_TLS),
    ("sasl.client.callback.handler.class", JAVA_LOGIN),
    ("sasl.login.callback.handler.class", JAVA_LOGIN),
    ("sasl.login.class", JAVA_LOGIN),
    ("rest.extension.classes", JAVA_REST),
    ("internal.key.converter", INTERNAL),
    ("internal.value.converter", INTERNAL),
    ("offset.storage.cleanup.policy", COMPACT),
    ("config.storage.cleanup.policy", COMPACT),
    ("status.storage.cleanup.policy", COMPACT),
    ("config.storage.partitions", ONE_PARTITION),
];

const NO_EFFECT_PREFIXES: &[(&str, &str)] = &[
    ("metrics.context.", REPORTERS),
    ("metrics.jmx.", REPORTERS),
    ("internal.key.converter.", INTERNAL),
    ("internal.value.converter.", INTERNAL),
];

/// Prefixes below which anything may stand.
const OPEN_PREFIXES: &[&str] = &[
    "producer.",
    "consumer.",
    "admin.",
    "config.providers.",
    "listeners.https.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
];
const STORAGE_PREFIXES: &[&str] = &["offset.storage.", "config.storage.", "status.storage."];
const KNOWN: &[&str] = &[
    "connector.client.config.override.allowlist",
    "java.security.auth.login.config",
    "rest.basic.auth.file",
];

pub(super) fn find(def: &ConfigDef, properties: &Properties, mode: Option<&WorkerMode>) -> Vec<Ignored> {
    let ignored = |key: &str| why(def, key, mode).map(|why| Ignored { key: key.to_owned(), why });
    properties.keys().filter_map(ignored).collect()
}

fn why(def: &ConfigDef, key: &str, mode: Option<&WorkerMode>) -> Option<String> {
    let below = |prefix: &&str| key.starts_with(prefix);
    if let Some((_, why)) = NO_EFFECT.iter().find(|(name, _)| *name == key) {
        return Some((*why).to_owned());
    }
    if let Some((_, why)) = NO_EFFECT_PREFIXES.iter().find(|(prefix, _)| below(prefix)) {
        return Some((*why).to_owned());
    }
    if def.key(key).is_some() || KNOWN.contains(&key) || OPEN_PREFIXES.iter().any(below) {
        return None;
    }
    let standalone = !matches!(mode, Some(WorkerMode::Distributed(_)));
    if STORAGE_PREFIXES.iter().any(below) {
        let used = match mode {
            Some(WorkerMode::Distributed(_)) => key != "offset.storage.file.filename",
            Some(WorkerMode::Embedded) => key.starts_with("offset.storage."),
            // It keeps them in a topic where it writes exactly once.
            Some(WorkerMode::Standalone) => {
                def.key("offset.storage.topic").is_some() && key.starts_with("offset.storage.")
            }
            None => false,
        };
        return (!used).then(|| match standalone {
            true => "Only distributed workers keep this in topics.".to_owned(),
            false => "Distributed workers keep offsets in offset.storage.topic.".to_owned(),
        });
    }
    if key == "exactly.once.source.id" {
        return Some(
            "A distributed worker writes exactly once with exactly.once.source.support; its id is group.id."
                .to_owned(),
        );
    }
    if standalone && key == "exactly.once.source.support" {
        return Some(
            "Only distributed workers use it; a worker of its own writes exactly once with exactly.once.source.id."
                .to_owned(),
        );
    }
    if standalone && let Some(row) = DISTRIBUTED_KEYS.iter().find(|row| row.0 == key) {
        // Settings of clients reach the worker's own clients in every mode.
        return only_distributed(row.0).then(|| "Only distributed workers use it.".to_owned());
    }
    Some("It is not a key of the worker; look for a typing mistake.".to_owned())
}

/// Whether a key is for the worker itself and means nothing to its clients. Java passes such keys to its admin client,
/// which ignores them; here a client would have to warn about each.
pub(in crate::config) fn is_for_the_worker_only(key: &str) -> bool {
    let below = |prefix: &&str| key.starts_with(prefix);
    let client = key == "bootstrap.servers" || key == "client.dns.lookup" || key.starts_with("ssl.");
    let defined = COMMON_KEYS.iter().chain(EXTENSION_KEYS).any(|row| row.0 == key)
        && (!client || key == "ssl.client.auth");
    defined
        || only_distributed(key)
        || KNOWN.contains(&key)
        || NO_EFFECT.iter().any(|(name, _)| *name == key)
        || NO_EFFECT_PREFIXES.iter().any(|(prefix, _)| below(prefix))
        || OPEN_PREFIXES.iter().chain(STORAGE_PREFIXES).any(below)
}

/// Whether a key of distributed workers is about the group and its topics, not about clients.
fn only_distributed(key: &str) -> bool {
    const OWN: [&str; 7] = [
        "group.id",
        "rebalance.timeout.ms",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "exactly.once.source.support",
        "exactly.once.source.id",
        "connect.protocol",
    ];
    OWN.contains(&key)
        || ["worker.", "inter.worker.", "scheduled.", "internal.topics."]
            .iter()
            .any(|prefix| key.starts_with(prefix))
}
