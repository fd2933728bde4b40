//! [`SerdeConfig`]: the keys that all converters of this crate share.

use std::time::Duration;

use connect_api::{Config, Password, Properties};

use crate::subject::{SubjectNameStrategy, check};

/// How to reach the registry, and which schema and subject to use. The keys are those of Confluent's converters.
///
/// Converters flatten it into their own configuration.
#[derive(Clone, Debug, Config)]
pub struct SerdeConfig {
    /// The URLs of the registry, separated by commas. They are tried in turn, beginning with the one that answered
    /// last. `mock://NAME` is a registry in this process, where the program has one.
    #[config(importance = High, key = "schema.registry.url", validate = not_empty)]
    pub schema_registry_url: Vec<String>,

    /// Whether the converter registers a schema that the registry does not know. Otherwise it must be there, and is
    /// looked up.
    #[config(default = true)]
    pub auto_register_schemas: bool,

    /// Whether to write with the latest schema of the subject. Takes effect when auto.register.schemas is false.
    #[config(default = false, importance = Low)]
    pub use_latest_version: bool,

    /// Whether the latest schema of the subject must be able to read what is written. With use.latest.version.
    #[config(default = true, importance = Low)]
    pub latest_compatibility_strict: bool,

    /// How many seconds the latest schema of a subject counts as the latest, when use.latest.version is set. A negative
    /// number: for ever.
    #[config(default = -1_i64, importance = Low)]
    pub latest_cache_ttl_sec: i64,

    /// The id of the schema to write with; a negative number for none. Takes effect when auto.register.schemas is
    /// false.
    #[config(default = -1, importance = Low)]
    pub use_schema_id: i32,

    /// Whether the schema of use.schema.id must be able to read what is written.
    #[config(default = true, importance = Low)]
    pub id_compatibility_strict: bool,

    /// Whether the registry normalizes schemas before it compares them.
    #[config(default = false, importance = Low)]
    pub normalize_schemas: bool,

    /// The number of schemas that each cache of the converter may hold.
    #[config(default = 1000, importance = Low)]
    pub max_schemas_per_subject: i32,

    /// How the subject of a key's schema is named: TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy of
    /// the package io.confluent.kafka.serializers.subject, which may be left out.
    #[config(default = "io.confluent.kafka.serializers.subject.TopicNameStrategy", validate = check)]
    pub key_subject_name_strategy: String,

    /// How the subject of a value's schema is named; see key.subject.name.strategy.
    #[config(default = "io.confluent.kafka.serializers.subject.TopicNameStrategy", validate = check)]
    pub value_subject_name_strategy: String,

    /// Where the id of a key's schema is written: PrefixSchemaIdSerializer (in front of the data) or
    /// HeaderSchemaIdSerializer (as a GUID in the header __key_schema_id, for which the registry must have GUIDs) of the
    /// package io.confluent.kafka.serializers.schema.id, which may be left out.
    #[config(default = "io.confluent.kafka.serializers.schema.id.PrefixSchemaIdSerializer", importance = Low, validate = check_id_serializer)]
    pub key_schema_id_serializer: String,

    /// Where the id of a value's schema is written; see key.schema.id.serializer. The header is __value_schema_id.
    #[config(default = "io.confluent.kafka.serializers.schema.id.PrefixSchemaIdSerializer", importance = Low, validate = check_id_serializer)]
    pub value_schema_id_serializer: String,

    /// Where the id of a key's schema is looked for: DualSchemaIdDeserializer (in the header, then in front of the data)
    /// or PrefixSchemaIdDeserializer (in front of the data) of the package io.confluent.kafka.serializers.schema.id,
    /// which may be left out.
    #[config(default = "io.confluent.kafka.serializers.schema.id.DualSchemaIdDeserializer", importance = Low, validate = check_id_deserializer)]
    pub key_schema_id_deserializer: String,

    /// Where the id of a value's schema is looked for; see key.schema.id.deserializer.
    #[config(default = "io.confluent.kafka.serializers.schema.id.DualSchemaIdDeserializer", importance = Low, validate = check_id_deserializer)]
    pub value_schema_id_deserializer: String,

    /// Where the credentials for basic authentication are: URL (in the registry's URL, `http://user:password@host`),
    /// USER_INFO (in basic.auth.user.info), or SASL_INHERIT (in sasl.jaas.config).
    #[config(default = "URL")]
    pub basic_auth_credentials_source: String,

    /// User and password as `user:password`.
    #[config(key = "basic.auth.user.info")]
    pub basic_auth_user_info: Option<Password>,

    /// The same under its old name.
    #[config(key = "schema.registry.basic.auth.user.info")]
    pub old_basic_auth_user_info: Option<Password>,

    /// The login that SASL_INHERIT takes user and password from.
    pub sasl_jaas_config: Option<Password>,

    /// Where the bearer token comes from: STATIC_TOKEN (bearer.auth.token) or OAUTHBEARER (the client credentials of
    /// the other bearer.auth keys).
    #[config(default = "STATIC_TOKEN")]
    pub bearer_auth_credentials_source: String,

    /// A bearer token.
    pub bearer_auth_token: Option<Password>,

    /// The URL that issues tokens for client credentials.
    #[config(key = "bearer.auth.issuer.endpoint.url")]
    pub bearer_auth_issuer_endpoint_url: Option<String>,

    /// The client id.
    pub bearer_auth_client_id: Option<String>,

    /// The client's secret.
    pub bearer_auth_client_secret: Option<Password>,

    /// The scope to ask for.
    pub bearer_auth_scope: Option<String>,

    /// How many seconds before its end a token is replaced.
    #[config(key = "bearer.auth.cache.expiry.buffer.seconds", default = 300)]
    pub bearer_auth_cache_expiry_buffer_seconds: u64,

    /// Sent as the header target-sr-cluster, which Confluent Cloud asks for with OAuth.
    pub bearer_auth_logical_cluster: Option<String>,

    /// Sent as the header Confluent-Identity-Pool-Id, which Confluent Cloud asks for with OAuth.
    #[config(key = "bearer.auth.identity.pool.id")]
    pub bearer_auth_identity_pool_id: Option<String>,

    /// How long connecting may take, in milliseconds.
    #[config(default = Duration::from_secs(60), importance = Low)]
    pub http_connect_timeout_ms: Duration,

    /// How long an answer may take, in milliseconds.
    #[config(default = Duration::from_secs(60), importance = Low)]
    pub http_read_timeout_ms: Duration,

    /// How many times a request goes out again when no URL answered.
    #[config(key = "max.retries", default = 3_usize, importance = Low)]
    pub max_retries: usize,

    /// How long to wait before the first of these, in milliseconds. Each further wait is twice as long.
    #[config(key = "retries.wait.ms", default = Duration::from_secs(1), importance = Low)]
    pub retries_wait_ms: Duration,

    /// The longest of these waits, in milliseconds.
    #[config(key = "retries.max.wait.ms", default = Duration::from_secs(20), importance = Low)]
    pub retries_max_wait_ms: Duration,

    /// The host of an HTTP proxy.
    #[config(importance = Low)]
    pub proxy_host: Option<String>,

    /// The port of the HTTP proxy.
    #[config(importance = Low)]
    pub proxy_port: Option<u16>,

    /// TLS: `truststore.type=PEM` with `truststore.location` or `truststore.certificates` for the authorities to trust,
    /// `keystore.type=PEM` with `keystore.location`, or `keystore.certificate.chain` and `keystore.key`, for the own
    /// certificate.
    #[config(flatten, prefix = "schema.registry.ssl.")]
    pub ssl: SslConfig,

    /// Further headers of each request.
    #[config(flatten, prefix = "request.header.")]
    pub request_headers: Properties,
}

/// TLS to the registry, as Kafka's own `ssl.` keys have it, in PEM.
#[derive(Clone, Debug, Default, Config)]
pub struct SslConfig {
    /// The form of the truststore. PEM is the one that is understood.
    #[config(key = "truststore.type")]
    pub truststore_type: Option<String>,

    /// A file of certificates to trust.
    #[config(key = "truststore.location", importance = High)]
    pub truststore_location: Option<String>,

    /// The certificates to trust themselves.
    #[config(key = "truststore.certificates", importance = High)]
    pub truststore_certificates: Option<Password>,

    /// The form of the keystore. PEM is the one that is understood.
    #[config(key = "keystore.type")]
    pub keystore_type: Option<String>,

    /// A file with the own certificate, those above it, and the private key.
    #[config(key = "keystore.location", importance = High)]
    pub keystore_location: Option<String>,

    /// The own certificate and those above it.
    #[config(key = "keystore.certificate.chain", importance = High)]
    pub keystore_certificate_chain: Option<Password>,

    /// The private key of the own certificate, not encrypted.
    #[config(key = "keystore.key", importance = High)]
    pub keystore_key: Option<Password>,
}

#[expect(clippy::ptr_arg, reason = "the derive passes a reference to the field")]
fn not_empty(urls: &Vec<String>) -> Result<(), &'static str> {
    if urls.iter().all(|url| url.trim().is_empty()) { Err("must name at least one URL") } else { Ok(()) }
}

fn id_class(class: &str) -> &str {
    class.strip_prefix("io.confluent.kafka.serializers.schema.id.").unwrap_or(class)
}

fn check_id_serializer(class: &String) -> Result<(), String> {
    match id_class(class) {
        "PrefixSchemaIdSerializer" | IN_HEADER => Ok(()),
        _ => Err(format!("Class {class} could not be found.")),
    }
}

fn check_id_deserializer(class: &String) -> Result<(), String> {
    match id_class(class) {
        "DualSchemaIdDeserializer" | ONLY_PREFIX => Ok(()),
        _ => Err(format!("Class {class} could not be found.")),
    }
}

const IN_HEADER: &str = "HeaderSchemaIdSerializer";
const ONLY_PREFIX: &str = "PrefixSchemaIdDeserializer";

impl SerdeConfig {
    /// Whether the ids of keys or values are written to a header.
    pub(crate) fn id_in_header(&self, is_key: bool) -> bool {
        let class = if is_key { &self.key_schema_id_serializer } else { &self.value_schema_id_serializer };
        id_class(class) == IN_HEADER
    }

    /// Whether they are looked for in a header.
    pub(crate) fn reads_headers(&self, is_key: bool) -> bool {
        let class =
            if is_key { &self.key_schema_id_deserializer } else { &self.value_schema_id_deserializer };
        id_class(class) != ONLY_PREFIX
    }

    /// What a registry at these URLs needs and nothing else: the defaults of all keys.
    ///
    /// # Errors
    ///
    /// A configuration error when there is no URL.
    pub fn of_url(url: &str) -> connect_api::Result<Self> {
        Self::parse(&Properties::from([("schema.registry.url", url)]))
    }

    /// The strategy for keys or values.
    pub fn strategy(&self, is_key: bool) -> SubjectNameStrategy {
        let name = if is_key { &self.key_subject_name_strategy } else { &self.value_subject_name_strategy };
        SubjectNameStrategy::of_class(name).unwrap_or_default()
    }

    /// The bound of each cache.
    pub fn cache_size(&self) -> usize {
        usize::try_from(self.max_schemas_per_subject).unwrap_or(0).max(1)
    }
}
