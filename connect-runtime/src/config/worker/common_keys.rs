//! The worker keys that every mode has, in Kafka's order.

use connect_api::config::Importance::{High, Low, Medium};
use connect_api::config::Type::{Boolean, Class, Int, List, Long, Password, String};

use super::checks;
use crate::config::keys::Check::{Any, AtLeast, Between, Custom, Distinct, OneOf, OneOfIgnoringCase};
use crate::config::keys::Row;
use crate::config::keys::Unset::{Is, Null, Required};

/// Kafka's `WorkerConfig`.
#[rustfmt::skip]
pub(crate) const COMMON_KEYS: &[Row] = &[
    ("bootstrap.servers", List, Required, High, Distinct { empty: false, unset: false }, "Host and port pairs of Kafka brokers, separated by commas. The worker's own clients use them, and every connector's clients unless they override them."),
    ("client.dns.lookup", String, Is("use_all_dns_ips"), Medium, OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]), "How the clients look up the names of brokers."),
    ("key.converter", Class, Required, High, Any, "The converter of record keys, for connectors that name none."),
    ("key.converter.plugin.version", String, Null, Low, Any, "The version of the key converter. One version is compiled in, so this has no effect."),
    ("value.converter", Class, Required, High, Any, "The converter of record values, for connectors that name none."),
    ("value.converter.plugin.version", String, Null, Low, Any, "The version of the value converter. One version is compiled in, so this has no effect."),
    ("task.shutdown.graceful.timeout.ms", Long, Is("5000"), Low, Any, "How long all tasks together may take to stop, in milliseconds."),
    ("offset.flush.interval.ms", Long, Is("60000"), Low, Any, "How often tasks commit offsets, in milliseconds."),
    ("offset.flush.timeout.ms", Long, Is("5000"), Low, Any, "How long a commit of offsets may take, in milliseconds, before it counts as failed and is tried again later."),
    ("plugin.path", List, Null, Low, Distinct { empty: false, unset: true }, "Directories of plugins. Plugins are compiled in, so this has no effect."),
    ("plugin.discovery", String, Is("hybrid_warn"), Low, OneOfIgnoringCase(&["ONLY_SCAN", "SERVICE_LOAD", "HYBRID_WARN", "HYBRID_FAIL"]), "How plugins are found. Plugins are compiled in, so this has no effect."),
    ("metrics.sample.window.ms", Long, Is("30000"), Low, AtLeast(0), "The length of one sample of a metric, in milliseconds."),
    ("metrics.num.samples", Int, Is("2"), Low, AtLeast(1), "How many samples of a metric are kept."),
    ("metrics.recording.level", String, Is("INFO"), Low, OneOf(&["INFO", "DEBUG"]), "The most detailed level of metrics that is recorded."),
    ("metric.reporters", List, Is("org.apache.kafka.common.metrics.JmxReporter"), Low, Distinct { empty: true, unset: false }, "Java classes that report metrics. They have no effect."),
    ("header.converter", Class, Is("org.apache.kafka.connect.storage.SimpleHeaderConverter"), Low, Any, "The converter of header values, for connectors that name none."),
    ("header.converter.plugin.version", String, Null, Low, Any, "The version of the header converter. One version is compiled in, so this has no effect."),
    ("config.providers", List, Is(""), Low, Distinct { empty: true, unset: false }, "The names of config providers. Each needs config.providers.<name>.class and may have config.providers.<name>.param.<key>."),
    ("connector.client.config.override.policy", String, Is("All"), Medium, Any, "Which client settings connectors may override: All, None, Principal or Allowlist."),
    ("topic.creation.enable", Boolean, Is("true"), Low, Any, "Whether source connectors with topic.creation settings may create topics."),
    ("ssl.protocol", String, Is("TLSv1.3"), Medium, Any, "The TLS version that is preferred."),
    ("ssl.provider", String, Null, Medium, Any, "The Java security provider. It has no effect."),
    ("ssl.cipher.suites", List, Is(""), Low, Distinct { empty: true, unset: false }, "The cipher suites that may be used; empty for all that the TLS library offers."),
    ("ssl.enabled.protocols", List, Is("TLSv1.2,TLSv1.3"), Medium, Distinct { empty: true, unset: false }, "The TLS versions that may be used."),
    ("ssl.keystore.type", String, Is("JKS"), Medium, Any, "The format of the key store."),
    ("ssl.keystore.location", String, Null, High, Any, "The file of the key store, for brokers that ask for a client certificate."),
    ("ssl.keystore.password", Password, Null, High, Any, "The password of the key store."),
    ("ssl.key.password", Password, Null, High, Any, "The password of the private key."),
    ("ssl.keystore.key", Password, Null, High, Any, "The private key itself, in PEM."),
    ("ssl.keystore.certificate.chain", Password, Null, High, Any, "The certificate chain itself, in PEM."),
    ("ssl.truststore.certificates", Password, Null, High, Any, "The trusted certificates themselves, in PEM."),
    ("ssl.truststore.type", String, Is("JKS"), Medium, Any, "The format of the trust store."),
    ("ssl.truststore.location", String, Null, High, Any, "The file of the trust store."),
    ("ssl.truststore.password", Password, Null, High, Any, "The password of the trust store."),
    ("ssl.keymanager.algorithm", String, Is("SunX509"), Low, Any, "The Java key manager. It has no effect."),
    ("ssl.trustmanager.algorithm", String, Is("PKIX"), Low, Any, "The Java trust manager. It has no effect."),
    ("ssl.endpoint.identification.algorithm", String, Is("https"), Low, Any, "How the name of the server is checked against its certificate: https, or empty for not at all."),
    ("ssl.secure.random.implementation", String, Null, Low, Any, "The Java random number generator. It has no effect."),
    ("ssl.engine.factory.class", Class, Null, Low, Any, "The Java class that makes TLS engines. It has no effect."),
    ("topic.tracking.enable", Boolean, Is("true"), Low, Any, "Whether the topics that each connector uses are recorded."),
    ("topic.tracking.allow.reset", Boolean, Is("true"), Low, Any, "Whether the recorded topics of a connector may be reset."),
    ("listeners", List, Is("http://:8083"), Low, Custom(checks::listeners), "The addresses of the REST API, separated by commas. An empty host means all interfaces."),
    ("rest.advertised.host.name", String, Null, Low, Any, "The host under which other workers reach this one."),
    ("rest.advertised.port", Int, Null, Low, Any, "The port under which other workers reach this one."),
    ("rest.advertised.listener", String, Null, Low, Any, "The protocol, http or https, by which other workers reach this one."),
    ("access.control.allow.origin", String, Is(""), Low, Any, "The Access-Control-Allow-Origin header of REST answers; empty for none."),
    ("access.control.allow.methods", String, Is(""), Low, Any, "The methods that cross origin requests may use; empty for GET, POST and HEAD."),
    ("response.http.headers.config", String, Is(""), Low, Custom(checks::response_headers), "Rules for additional headers of REST answers, separated by commas."),
    ("ssl.client.auth", String, Is("none"), Low, OneOf(&["required", "requested", "none"]), "Whether REST clients need a certificate."),
    ("rest.extension.classes", List, Is(""), Low, Distinct { empty: true, unset: false }, "Java classes that extend the REST API. They have no effect."),
    ("admin.listeners", List, Null, Low, Distinct { empty: true, unset: true }, "The addresses of the administrative part of the REST API. Unset means the same as listeners, empty turns it off."),
];

/// What Kafka does not have, in every mode.
#[rustfmt::skip]
pub(crate) const EXTENSION_KEYS: &[Row] = &[
    ("tasks.conversion.parallelism", Int, Is("1"), Low, Between(1, 256), "How many lanes convert and transform the records of one task at the same time, for connectors that set none. Records and their deliveries stay in order."),
    ("tasks.buffer.memory", Long, Null, Low, AtLeast(65_536), "How many bytes of records each task holds at most, for connectors that set none. Unset means what the clients' own settings allow."),
];
