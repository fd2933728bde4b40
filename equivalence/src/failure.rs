//! What goes wrong while a case is answered.

use connect_api::Error;

use crate::Json;

/// Why there is no `ok`.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The notation was misused.
    BadCase(String),
    /// The code under test failed.
    Thrown(Thrown),
    /// The case asks for something that cannot be said here; the reason is for people.
    Skip(&'static str),
}

/// The result of everything that answers.
pub type Answer<T = Json> = Result<T, Failure>;

/// An error as Java would show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Thrown {
    /// The name of the Java class.
    pub class: String,
    /// The message, if it has one.
    pub message: Option<String>,
    /// What caused it.
    pub cause: Option<Box<Self>>,
    /// At what stage of the case.
    pub stage: Option<&'static str>,
}

impl Thrown {
    /// One without a cause.
    pub fn new(class: &str, message: impl Into<String>) -> Self {
        Self { class: class.to_owned(), message: Some(message.into()), cause: None, stage: None }
    }

    /// The same for maps of the class that Java's reader of the notation makes, where our texts name the class that its
    /// converters make.
    pub(crate) fn with_linked_maps(mut self) -> Self {
        self.message = self.message.map(|text| text.replace("java.util.HashMap", "java.util.LinkedHashMap"));
        self.cause = self.cause.map(|cause| Box::new(cause.with_linked_maps()));
        self
    }

    /// Its place in an answer.
    pub fn to_json(&self) -> Json {
        let mut json = Json::object([
            ("class", self.class.as_str().into()),
            ("message", self.message.as_deref().into()),
        ]);
        if let Some(cause) = &self.cause {
            json.set("cause", cause.to_json());
        }
        if let Some(stage) = self.stage {
            json.set("stage", stage);
        }
        json
    }
}

impl From<&Error> for Thrown {
    fn from(error: &Error) -> Self {
        let mut thrown = Self::new(error.java_class(), error.message());
        thrown.cause = std::error::Error::source(error).map(|cause| Box::new(foreign(cause)));
        thrown
    }
}

fn foreign(error: &(dyn std::error::Error + 'static)) -> Thrown {
    match error.downcast_ref::<Error>() {
        Some(own) => own.into(),
        None => Thrown::new("java.lang.Exception", error.to_string()),
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Thrown(Thrown::from(&error))
    }
}

impl From<Thrown> for Failure {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

/// Misuse of the notation.
pub(crate) fn bad_case<T>(message: impl Into<String>) -> Answer<T> {
    Err(Failure::BadCase(message.into()))
}

/// A Java exception of the notation itself.
pub(crate) fn thrown<T>(class: &str, message: impl Into<String>) -> Answer<T> {
    Err(Thrown::new(class, message).into())
}

/// What Java throws where something is missing.
pub(crate) fn null_pointer<T>(message: impl Into<String>) -> Answer<T> {
    thrown("java.lang.NullPointerException", message)
}

/// Says at what stage a failure happened.
pub(crate) fn staged<T>(stage: &'static str, result: Answer<T>) -> Answer<T> {
    result.map_err(|failure| match failure {
        Failure::Thrown(mut thrown) => {
            thrown.stage.get_or_insert(stage);
            Failure::Thrown(thrown)
        }
        other => other,
    })
}
