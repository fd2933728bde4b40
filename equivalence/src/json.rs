//! JSON as the notation needs it: members in order, numbers exact, and the lenient readings (`as_text`, `as_int`)
//! by which Java's Jackson turns any node into a text or a number.

mod parse;
mod write;

use connect_api::data::Decimal;

/// One JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without point and exponent.
    Integer(Decimal),
    /// Any other number.
    Decimal(Decimal),
    /// A text.
    Text(String),
    /// A list.
    Array(Vec<Self>),
    /// Members in order; names are distinct.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads one value; what follows it is not looked at.
    ///
    /// # Errors
    ///
    /// A description of what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text)
    }

    /// An object of these members.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// An object of one member.
    pub fn tagged(tag: &str, value: impl Into<Self>) -> Self {
        Self::object([(tag, value.into())])
    }

    /// Adds a member to an object, or replaces it.
    pub fn set(&mut self, name: &str, value: impl Into<Self>) {
        if let Self::Object(members) = self {
            match members.iter_mut().find(|(other, _)| other == name) {
                Some((_, slot)) => *slot = value.into(),
                None => members.push((name.to_owned(), value.into())),
            }
        }
    }

    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The member of an object, unless it is null.
    pub fn some(&self, name: &str) -> Option<&Self> {
        self.get(name).filter(|value| **value != Self::Null)
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The element of a list.
    pub fn at(&self, index: usize) -> Option<&Self> {
        match self {
            Self::Array(elements) => elements.get(index),
            _ => None,
        }
    }

    /// The elements of a list or the values of an object; none of anything else.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Array(elements) => elements.iter().collect(),
            _ => self.members().iter().map(|(_, value)| value).collect(),
        }
    }

    /// A member as text, whatever it is; `None` where it is missing or null.
    pub fn text(&self, name: &str) -> Option<String> {
        self.some(name).map(Self::as_text)
    }

    /// Whether a member is true; `None` where it is missing or says neither.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Self::as_bool)
    }

    /// The text of a scalar; nothing for lists and objects.
    pub fn as_text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(number) | Self::Decimal(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Array(_) | Self::Object(_) => String::new(),
        }
    }

    /// The number of a scalar, wrapped to 64 bits, with 0 for what is none.
    pub fn as_long(&self) -> i64 {
        self.number().unwrap_or(0)
    }

    /// The number of a scalar, wrapped to 32 bits, with 0 for what is none.
    pub fn as_int(&self) -> i32 {
        self.number().unwrap_or(0) as i32
    }

    /// The number of a scalar, wrapped to 64 bits.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Integer(number) | Self::Decimal(number) => Some(number.to_i64_wrapping()),
            Self::Text(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().map(|number: f64| number as i64))
            }
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The truth value of a scalar.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Integer(number) => Some(!number.is_zero()),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Decimal(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

impl std::fmt::Display for Json {
    /// On one line, with numbers in plain digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write::write(self, f)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<i16> for Json {
    fn from(value: i16) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Self>> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}
