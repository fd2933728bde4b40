//! [`Error`]: what went wrong, whether trying again can help, and in which circumstances.

use std::fmt;

/// The result of everything that crosses the contract.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any foreign error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What kind of failure an [`Error`] is. The runtime decides by kind and by [`Error::is_retriable`].
///
/// | kind | Java class | what the runtime does |
/// | --- | --- | --- |
/// | `Connect` | `ConnectException` | fails the connector or task |
/// | `Data` | `DataException` | in a converter or transformation: tolerated or fatal, as `errors.tolerance` says |
/// | `SchemaBuilder` | `SchemaBuilderException` | as `Data` |
/// | `SchemaProjector` | `SchemaProjectorException` | as `Data` |
/// | `Config` | `ConfigException` | rejects the configuration, naming the key |
/// | `NotFound` | `NotFoundException` | REST 404 |
/// | `AlreadyExists` | `AlreadyExistsException` | REST 409 |
/// | `IllegalState` | `IllegalWorkerStateException` | as `Connect` |
/// | `Unsupported` | `UnsupportedOperationException` | the operation is not available |
/// | `Unresolved` | none | in a converter: the runtime awaits `Converter::resolve`, then converts again |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Anything that has no better name.
    Connect,
    /// This record, or this value, cannot be processed.
    Data,
    /// A schema was built against the rules.
    SchemaBuilder,
    /// A value cannot be projected onto another schema.
    SchemaProjector,
    /// A configuration is not usable.
    Config,
    /// The thing asked for does not exist.
    NotFound,
    /// The thing to be created exists.
    AlreadyExists,
    /// The call is not allowed now.
    IllegalState,
    /// The operation is not implemented by this plugin.
    Unsupported,
    /// A converter needs something that it has to load first.
    Unresolved,
}

/// An error that crosses the contract between plugins and the runtime. One machine word.
///
/// It answers: what kind ([`kind`](Self::kind)), may it be retried ([`is_retriable`](Self::is_retriable)),
/// with which ids ([`with`](Self::with)), caused by what ([`std::error::Error::source`]).
///
/// There is deliberately no `From<E: std::error::Error>`: a bare `?` on a foreign error would decide,
/// silently, whether a pipeline stops or tries again. Use [`ResultExt`].
///
/// ```
/// use connect_api::{Error, ErrorKind, ResultExt};
///
/// fn read() -> connect_api::Result<String> {
///     std::fs::read_to_string("/does/not/exist").fatal("read the input")
/// }
/// let error = read().unwrap_err().with("file", "/does/not/exist");
/// assert_eq!(error.kind(), ErrorKind::Connect);
/// assert!(!error.is_retriable());
/// assert!(error.to_string().starts_with("read the input (file=/does/not/exist): No such file"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retriable: bool,
    message: String,
    java_class: Option<&'static str>,
    key: Option<String>,
    context: Vec<(&'static str, String)>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of a kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retriable: false,
            message: message.into(),
            java_class: None,
            key: None,
            context: Vec::new(),
            source: None,
        }))
    }

    /// `ConnectException`: the connector or task fails.
    pub fn connect(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Connect, message)
    }

    /// `RetriableException`: the runtime calls again with the same input, later.
    pub fn retriable(message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Connect, message);
        error.0.retriable = true;
        error
    }

    /// `DataException`: this record is bad.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// `ConfigException` for a key. The message says what was wrong and what would be right.
    pub fn config(key: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Config, message);
        error.0.key = Some(key.into());
        error
    }

    /// `NotFoundException`.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// `AlreadyExistsException`.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AlreadyExists, message)
    }

    /// `IllegalWorkerStateException`: the call is not allowed now.
    pub fn illegal_state(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::IllegalState, message)
    }

    /// `UnsupportedOperationException`.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// A converter lacks something that [`Converter::resolve`](crate::Converter::resolve) can load.
    pub fn unresolved(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unresolved, message)
    }

    /// Marks the error as one after which the same call may succeed.
    #[must_use]
    pub fn into_retriable(mut self) -> Self {
        self.0.retriable = true;
        self
    }

    /// The Java class that Kafka Connect throws in this place, where the kind does not say it already
    /// (`java.lang.NullPointerException`, say). It shows in dead letter headers and in [`java_class`](Self::java_class).
    #[must_use]
    pub fn with_java_class(mut self, class: &'static str) -> Self {
        self.0.java_class = Some(class);
        self
    }

    /// Adds a name and a value of what the call was about; both appear in the text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((name, value.to_string()));
        self
    }

    /// The error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// The message alone, without context and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// For a configuration error, the key.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The names and values given with [`with`](Self::with), in order.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The class that Java's Connect would have thrown, as it stands in the header
    /// `__connect.errors.exception.class.name` of a dead letter.
    pub fn java_class(&self) -> &'static str {
        if let Some(class) = self.0.java_class {
            return class;
        }
        if self.0.retriable {
            return "org.apache.kafka.connect.errors.RetriableException";
        }
        match self.0.kind {
            ErrorKind::Connect | ErrorKind::Unresolved => "org.apache.kafka.connect.errors.ConnectException",
            ErrorKind::Data => "org.apache.kafka.connect.errors.DataException",
            ErrorKind::SchemaBuilder => "org.apache.kafka.connect.errors.SchemaBuilderException",
            ErrorKind::SchemaProjector => "org.apache.kafka.connect.errors.SchemaProjectorException",
            ErrorKind::Config => "org.apache.kafka.common.config.ConfigException",
            ErrorKind::NotFound => "org.apache.kafka.connect.errors.NotFoundException",
            ErrorKind::AlreadyExists => "org.apache.kafka.connect.errors.AlreadyExistsException",
            ErrorKind::IllegalState => "org.apache.kafka.connect.errors.IllegalWorkerStateException",
            ErrorKind::Unsupported => "java.lang.UnsupportedOperationException",
        }
    }

    /// The message with context, and every cause in its own line: what goes into a status trace.
    pub fn trace(&self) -> String {
        use fmt::Write as _;
        let mut text = self.head();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let _ = write!(text, "\ncaused by: ");
            match error.downcast_ref::<Self>() {
                Some(own) => text.push_str(&own.head()),
                None => {
                    let _ = write!(text, "{error}");
                }
            }
            cause = error.source();
        }
        text
    }

    fn head(&self) -> String {
        use fmt::Write as _;
        let mut text = self.0.message.clone();
        for (index, (name, value)) in self.0.context.iter().enumerate() {
            let _ = write!(text, "{}{name}={value}", if index == 0 { " (" } else { ", " });
        }
        if !self.0.context.is_empty() {
            text.push(')');
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head())?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retriable", &self.0.retriable)
            .field("message", &self.head())
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Classifies a foreign error at the `?`, by the one who knows.
///
/// `doing` completes the sentence "could not …", in the imperative: `"fetch page"`.
pub trait ResultExt<T> {
    /// The same call may succeed later: [`Error::retriable`].
    fn retriable(self, doing: &'static str) -> Result<T>;
    /// The task cannot go on: [`Error::connect`].
    fn fatal(self, doing: &'static str) -> Result<T>;
    /// This record is bad: [`Error::data`].
    fn data_err(self, doing: &'static str) -> Result<T>;
}

impl<T, E: Into<BoxError>> ResultExt<T> for std::result::Result<T, E> {
    fn retriable(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::retriable(doing).with_source(error))
    }

    fn fatal(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::connect(doing).with_source(error))
    }

    fn data_err(self, doing: &'static str) -> Result<T> {
        self.map_err(|error| Error::data(doing).with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_trace_names_every_cause_once() {
        let inner = Error::data("bad digit").with("offset", 7);
        let outer = Error::connect("convert").with_source(inner);
        assert_eq!(outer.trace(), "convert\ncaused by: bad digit (offset=7)");
        assert_eq!(outer.to_string(), "convert: bad digit (offset=7)");
    }

    #[test]
    fn a_foreign_error_is_classified_where_it_enters() {
        let result: std::result::Result<(), std::fmt::Error> = Err(std::fmt::Error);
        assert!(result.retriable("format").unwrap_err().is_retriable());
        assert_eq!(result.data_err("format").unwrap_err().kind(), ErrorKind::Data);
    }
}
