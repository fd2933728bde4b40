//! Reading Java client properties: typed, with errors that name the key, and an account of what nobody read.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::{ClientProperties, KafkaError, KafkaErrorKind, Result};

/// The longest time that the protocol can carry. Java's `Long.MAX_VALUE` ("for ever") ends here as well.
const MAX_MILLIS: u64 = i32::MAX as u64;

/// Keys that mean something only inside a JVM, or to a worker that hands all its settings down. Nothing is lost by
/// leaving them out, so nobody needs to hear of it.
const SILENT: &[&str] = &[
    "auto.include.jmx.reporter",
    "auto.commit.interval.ms",
    "check.crcs",
    "client.dns.lookup",
    "config.providers",
    "exclude.internal.topics",
    "internal.leave.group.on.close",
    "internal.throw.on.fetch.stable.offset.unsupported",
    "key.deserializer",
    "key.serializer",
    "max.in.flight.requests.per.connection",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "security.providers",
    "ssl.engine.factory.class",
    "ssl.keymanager.algorithm",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "value.deserializer",
    "value.serializer",
];

/// The same by prefix.
const SILENT_PREFIXES: &[&str] =
    &["metrics.context.", "sasl.kerberos.", "sasl.login.refresh.", "sasl.login.retry."];

/// A malformed value.
pub(super) fn invalid(key: &str, value: impl Display, right: impl Display) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Config, format!("`{key}` is `{value}`, but must be {right}"))
}

/// A configuration that cannot work, in a sentence that names the key.
pub(super) fn refused(message: impl Into<String>) -> KafkaError {
    KafkaError::new(KafkaErrorKind::Config, message)
}

/// Reads properties and remembers which.
pub(super) struct Reader<'a> {
    properties: &'a ClientProperties,
    read: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(properties: &'a ClientProperties) -> Self {
        Self { properties, read: BTreeSet::new() }
    }

    /// The text of a key, trimmed. Empty text counts as not set, as in most of Kafka's own settings.
    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        self.raw(key).filter(|text| !text.is_empty())
    }

    /// The text of a key where empty text means something.
    pub(super) fn raw(&mut self, key: &str) -> Option<&'a str> {
        let (key, value) = self.properties.get_key_value(key)?;
        self.read.insert(key);
        Some(value.trim())
    }

    /// A required text.
    pub(super) fn required(&mut self, key: &str) -> Result<&'a str> {
        self.text(key).ok_or_else(|| refused(format!("`{key}` is missing")))
    }

    /// The parts of a list.
    pub(super) fn list(&mut self, key: &str) -> Vec<&'a str> {
        let parts = self.text(key).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).collect()
    }

    /// A number within bounds.
    pub(super) fn number<T>(&mut self, key: &str, bounds: RangeInclusive<T>) -> Result<Option<T>>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(key) else { return Ok(None) };
        match text.parse::<T>() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => {
                let right = format!("a whole number from {} to {}", bounds.start(), bounds.end());
                Err(invalid(key, text, right))
            }
        }
    }

    /// A number of bytes.
    pub(super) fn bytes(&mut self, key: &str) -> Result<Option<usize>> {
        Ok(self.number(key, 0..=i64::MAX)?.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)))
    }

    /// A time in milliseconds.
    pub(super) fn millis(&mut self, key: &str) -> Result<Option<Duration>> {
        let millis = self.number(key, 0..=i64::MAX as u64)?;
        Ok(millis.map(|millis| Duration::from_millis(millis.min(MAX_MILLIS))))
    }

    /// A time in milliseconds where -1 means "none": `Some(None)`.
    #[cfg(feature = "krafka")]
    pub(super) fn optional_millis(&mut self, key: &str) -> Result<Option<Option<Duration>>> {
        let millis = self.number(key, -1..=i64::MAX)?;
        Ok(millis.map(|millis| {
            u64::try_from(millis).ok().map(|millis| Duration::from_millis(millis.min(MAX_MILLIS)))
        }))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>> {
        match self.text(key) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(invalid(key, text, "true or false")),
        }
    }

    /// One of several words, case ignored.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                Err(invalid(key, text, format!("one of {}", words.join(", "))))
            }
        }
    }

    /// Marks keys as known here although they change nothing.
    pub(super) fn accept(&mut self, keys: &[&str]) {
        for key in keys {
            let _ = self.raw(key);
        }
    }

    /// The keys that nobody read and that are not meaningless here.
    pub(super) fn unread(&self) -> Vec<&'a str> {
        let silent =
            |key: &str| SILENT.contains(&key) || SILENT_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
        let keys = self.properties.keys().map(String::as_str);
        keys.filter(|key| !self.read.contains(key) && !silent(key)).collect()
    }

    /// Logs the keys that cannot be honoured, each by name and never with its value.
    pub(super) fn warn_about_unread(&self, client: &str) {
        for key in self.unread() {
            tracing::warn!(
                client,
                key,
                "this setting has no effect here: the Kafka client has no such setting"
            );
        }
    }
}

/// The brokers to start from, without protocol prefixes.
pub(super) fn bootstrap_servers(reader: &mut Reader<'_>) -> Result<Vec<String>> {
    reader.required("bootstrap.servers")?;
    let mut servers = Vec::new();
    for server in reader.list("bootstrap.servers") {
        let address = server.split_once("://").map_or(server, |(_, address)| address);
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(invalid("bootstrap.servers", server, "host:port, several separated by commas"));
        }
        servers.push(address.to_owned());
    }
    if servers.is_empty() {
        return Err(refused("`bootstrap.servers` names no broker"));
    }
    Ok(servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> ClientProperties {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_malformed_value_is_an_error_that_names_the_key_the_value_and_what_is_right() {
        let properties = properties(&[("linger.ms", "soon"), ("acks", "2"), ("enable.idempotence", "yes")]);
        let mut reader = Reader::new(&properties);
        let linger = reader.millis("linger.ms").unwrap_err();
        assert_eq!(linger.kind(), KafkaErrorKind::Config);
        assert!(
            linger.to_string().starts_with("`linger.ms` is `soon`, but must be a whole number"),
            "{linger}"
        );
        let acks = reader.choice("acks", &[("all", ()), ("1", ())]).unwrap_err();
        assert_eq!(acks.to_string(), "`acks` is `2`, but must be one of all, 1");
        let idempotence = reader.boolean("enable.idempotence").unwrap_err();
        assert_eq!(idempotence.to_string(), "`enable.idempotence` is `yes`, but must be true or false");
    }

    #[test]
    fn for_ever_is_the_longest_time_that_the_protocol_can_carry() {
        let properties = properties(&[("max.block.ms", "9223372036854775807")]);
        let time = Reader::new(&properties).millis("max.block.ms").unwrap();
        assert_eq!(time, Some(Duration::from_millis(i32::MAX as u64)));
    }

    #[test]
    fn keys_that_nobody_read_are_reported_but_not_those_of_the_jvm() {
        let properties = properties(&[
            ("linger.ms", "5"),
            ("value.serializer", "x"),
            ("interceptor.classes", "y"),
            ("sasl.kerberos.kinit.cmd", "z"),
        ]);
        let mut reader = Reader::new(&properties);
        reader.millis("linger.ms").unwrap();
        assert_eq!(reader.unread(), ["interceptor.classes"]);
    }

    #[test]
    fn bootstrap_servers_may_carry_a_protocol_and_need_a_port() {
        let given = properties(&[("bootstrap.servers", "PLAINTEXT://a:1, b:2")]);
        assert_eq!(bootstrap_servers(&mut Reader::new(&given)).unwrap(), ["a:1", "b:2"]);
        let given = properties(&[("bootstrap.servers", "a")]);
        let error = bootstrap_servers(&mut Reader::new(&given)).unwrap_err();
        assert!(error.to_string().contains("host:port"), "{error}");
        assert!(bootstrap_servers(&mut Reader::new(&properties(&[]))).is_err());
    }
}
