//! [`FieldPath`]: where a field is, as KIP-821 writes it.

use connect_api::data::{Field, Map, MapRef, ValueRef};
use connect_api::{ConfigEnum, Error, ErrorKind, Result, Schema, Str, Struct, Value};

use crate::requirements::{not_a_map, require_struct};

/// What a transformation does that follows a path, for messages.
pub(crate) const NESTED: &str = "nested field access";

/// How a transformation reads the names of fields in its configuration: the values of `field.syntax.version`.
///
/// | version | `a.b` names | `` `a.b`.c `` names |
/// | --- | --- | --- |
/// | `V1` | the field `a.b` | the field `` `a.b`.c `` |
/// | `V2` | the field `b` inside the field `a` | the field `c` inside the field `a.b` |
///
/// In `V2` dots separate steps. A step that has dots itself stands in backticks; a backtick ends such a step only
/// before a dot or at the end, and not after a backslash, which then is left out. Backticks elsewhere mean themselves.
///
/// Source: KIP-821.
///
/// ```
/// use connect_api::Properties;
/// use connect_api::{Record, SchemaAndValue, data::Map};
/// let mut plugins = connect_api::Plugins::default();
/// connect_transforms::register(&mut plugins);
///
/// let extract = plugins.find_transformation("ExtractField$Value")?;
/// let config = Properties::from([("field", "customer.`e.mail`"), ("field.syntax.version", "V2")]);
/// let customer = Map::from([("e.mail", "ada@example.com")]);
/// let mut record = Record::new("orders", SchemaAndValue::schemaless(Map::from([("customer", customer)])));
/// let _ = extract.configure(&config)?.apply(&mut record)?;
/// assert_eq!(record.value.value.as_str(), Some("ada@example.com"));
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ConfigEnum)]
#[config(ignore_case)]
#[doc(alias = "org.apache.kafka.connect.transforms.field.FieldSyntaxVersion")]
pub enum FieldSyntaxVersion {
    /// The text is the name of a field.
    #[default]
    #[config(name = "V1")]
    V1,
    /// The text is a path.
    #[config(name = "V2")]
    V2,
}

/// The way to one field.
#[derive(Clone, Debug)]
pub(crate) struct FieldPath {
    text: Str,
    /// Empty for the empty path of version 2, which names nothing.
    steps: Vec<Str>,
}

impl FieldPath {
    pub(crate) fn parse(text: &str, version: FieldSyntaxVersion) -> Result<Self> {
        let steps = match version {
            FieldSyntaxVersion::V1 => vec![text.into()],
            FieldSyntaxVersion::V2 => parse_steps(text)?,
        };
        Ok(Self { text: text.into(), steps })
    }

    /// The path as it was written.
    pub(crate) fn text(&self) -> &Str {
        &self.text
    }

    /// The last step and those before it.
    pub(crate) fn split(&self) -> Result<(&Str, &[Str])> {
        self.steps.split_last().ok_or_else(|| {
            Error::new(ErrorKind::Data, "fromIndex(0) > toIndex(-1)")
                .with_java_class("java.lang.IllegalArgumentException")
        })
    }

    /// The field of a struct schema, if it is there.
    pub(crate) fn field_of<'a>(&self, schema: &'a Schema) -> Result<Option<&'a Field>> {
        let (last, before) = self.split()?;
        let mut schema = schema;
        for step in before {
            match schema.field(step)? {
                Some(field) => schema = field.schema(),
                None => return Ok(None),
            }
        }
        schema.field(last)
    }

    /// The field's value; null where it is not there, or a struct on the way is null or not there.
    pub(crate) fn value_in_struct<'a>(
        &self,
        value: &'a Struct,
        replace_null_with_default: bool,
    ) -> Result<&'a Value> {
        let get =
            |value: &'a Struct, step: &Str| match (value.schema().field(step)?, replace_null_with_default) {
                (None, _) => Ok(&Value::Null),
                (Some(field), true) => value.get(field),
                (Some(field), false) => value.get_without_default(field),
            };
        let (last, before) = self.split()?;
        let mut value = value;
        for step in before {
            match get(value, step)? {
                Value::Null => return Ok(&Value::Null),
                inner => value = require_struct(inner, NESTED)?,
            }
        }
        get(value, last)
    }

    /// The field's value; null where there is none.
    pub(crate) fn value_in_map(&self, value: &Map) -> Result<Value> {
        let (last, before) = self.split()?;
        let mut value: MapRef<'_> = value.as_ref();
        for step in before {
            match value.get(step) {
                None | Some(ValueRef::Null) => return Ok(Value::Null),
                Some(ValueRef::Map(inner)) => value = inner,
                Some(other) => return Err(not_a_map(other.to_value().java_class_name(), NESTED)),
            }
        }
        Ok(value.get(last).map(ValueRef::to_value).unwrap_or_default())
    }
}

/// The steps of a path of version 2.
fn parse_steps(path: &str) -> Result<Vec<Str>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('`') {
            None => match rest.find('.') {
                Some(dot) => (Str::from(&rest[..dot]), &rest[dot..]),
                None => (Str::from(rest), ""),
            },
            Some(inner) => wrapped_step(inner).ok_or_else(|| incomplete(path, rest))?,
        };
        steps.push(step);
        // A dot at the end is followed by an empty step.
        match after.strip_prefix('.') {
            Some("") => {
                steps.push(Str::default());
                break;
            }
            Some(next) => rest = next,
            None => break,
        }
    }
    Ok(steps)
}

/// The step that begins after a backtick, and what comes after its end; `None` if it does not end.
fn wrapped_step(inner: &str) -> Option<(Str, &str)> {
    let mut step = String::new();
    let mut copied = 0;
    for (tick, _) in inner.match_indices('`') {
        let after = &inner[tick + 1..];
        if !after.is_empty() && !after.starts_with('.') {
            continue;
        }
        let part = &inner[copied..tick];
        match part.strip_suffix('\\') {
            Some(part) => {
                step.push_str(part);
                copied = tick;
            }
            None => {
                step.push_str(part);
                return Some((step.into(), after));
            }
        }
    }
    None
}

#[cold]
fn incomplete(path: &str, rest: &str) -> Error {
    // Java counts in UTF-16.
    let position = path[..path.len() - rest.len()].encode_utf16().count();
    let message = format!(
        "Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at position {position} \
         to escape it"
    );
    Error::new(ErrorKind::Config, message)
}

/// The steps of a field path, for fuzzing: whatever the text, an answer or an error.
#[doc(hidden)]
pub fn parse_field_path(path: &str) -> Result<Vec<Str>> {
    parse_steps(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_at_dots_outside_of_backticks() {
        let steps = |path| parse_steps(path).unwrap();
        assert_eq!(steps(""), [""; 0]);
        assert_eq!(steps("a"), ["a"]);
        assert_eq!(steps("."), ["", ""]);
        assert_eq!(steps("a.."), ["a", "", ""]);
        assert_eq!(steps("a.b`c.`d.e`"), ["a", "b`c", "d.e"]);
        assert_eq!(steps("``.`a`b`."), ["", "a`b", ""]);
        assert_eq!(steps(r"`a\`.b\c`.d\`"), [r"a`.b\c", r"d\`"]);
        assert_eq!(steps(r"`a\\`.b`"), [r"a\`.b"]);
    }

    #[test]
    fn an_open_backtick_is_found_by_its_place_in_java() {
        let message = |path| parse_steps(path).unwrap_err().message().to_owned();
        assert_eq!(
            message("😀.`a"),
            "Incomplete backtick pair in path: [😀.`a], consider adding a backslash before backtick at position 3 to \
             escape it"
        );
        assert!(message(r"`a\`").contains("position 0"));
    }
}
