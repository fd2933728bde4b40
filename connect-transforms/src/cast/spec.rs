//! What shall be cast to which type.

use connect_api::config::{ParsedValue, Validator};
use connect_api::data::Type;
use connect_api::{Error, Result, Str};

use crate::java_hash::sort_as_hash_map;

/// The types that can be cast to.
const OUTPUT: [Type; 8] = [
    Type::Int8,
    Type::Int16,
    Type::Int32,
    Type::Int64,
    Type::Float32,
    Type::Float64,
    Type::Boolean,
    Type::String,
];

/// What shall be cast.
#[derive(Debug, Default)]
pub(super) struct Spec {
    /// The type of the whole key or value.
    pub(super) whole: Option<Type>,
    /// The types of fields, in the order in which Java goes through them: it decides which of several errors is seen.
    pub(super) fields: Vec<(Str, Type)>,
}

pub(super) fn validator() -> Validator {
    let text = "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>";
    Validator::custom(text, |_, value| {
        Spec::parse(value.and_then(ParsedValue::as_list).unwrap_or_default()).map(drop)
    })
}

/// A config error of this key. Kafka's text names others.
fn refused(message: impl Into<String>) -> Error {
    Error::config("spec", message)
}

impl Spec {
    /// Reads `field:type` items, or one bare type.
    pub(super) fn parse(items: &[String]) -> Result<Self> {
        if items.is_empty() {
            return Err(refused("Must specify at least one field to cast."));
        }
        let mut spec = Self::default();
        for item in items {
            // Java's `split` leaves out empty parts at the end.
            let parts: Vec<&str> = match item.as_str() {
                "" => vec![""],
                item => item.trim_end_matches(':').split(':').collect(),
            };
            match parts[..] {
                [""] if !item.is_empty() => {
                    return Err(refused("Index 1 out of bounds for length 0")
                        .with_java_class("java.lang.ArrayIndexOutOfBoundsException"));
                }
                [ty] => spec.whole = Some(type_of(ty)?),
                [field, ty] => spec.put(trim(field), type_of(ty)?),
                _ => {
                    let all = items.join(", ");
                    return Err(refused(format!(
                        "Invalid value [{all}] for configuration renames: Invalid rename mapping: {item}"
                    )));
                }
            }
        }
        if spec.whole.is_some() && items.len() > 1 {
            return Err(refused(
                "Cast transformations that specify a type to cast the entire value to may only specify a single cast \
                 in their spec",
            ));
        }
        sort_as_hash_map(&mut spec.fields, |(field, _)| field);
        Ok(spec)
    }

    /// The type to cast a field to.
    pub(super) fn of_field(&self, name: &str) -> Option<Type> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, ty)| *ty)
    }

    fn put(&mut self, field: &str, ty: Type) {
        match self.fields.iter_mut().find(|(other, _)| other == field) {
            Some((_, before)) => *before = ty,
            None => self.fields.push((field.into(), ty)),
        }
    }
}

/// Java's `trim`.
fn trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

/// The type of a name in any case, if it can be cast to.
fn type_of(name: &str) -> Result<Type> {
    let name = trim(name);
    let upper = name.to_uppercase();
    let Some(ty) = Type::ALL.into_iter().find(|ty| ty.to_string() == upper) else {
        return Err(refused(format!(
            "Invalid value java.lang.IllegalArgumentException: No enum constant \
             org.apache.kafka.connect.data.Schema.Type.{upper} for configuration Invalid type found in casting spec: \
             {name}"
        )));
    };
    if OUTPUT.contains(&ty) {
        return Ok(ty);
    }
    let supported = OUTPUT.map(|ty| ty.to_string()).join(", ");
    Err(refused(format!(
        "Cast transformation does not support casting to {ty}; supported types are [{supported}]"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_gone_through_as_java_goes_through_them() {
        let items: Vec<String> = ["zz:int8", "b:int8", "a:int8", " zz : String"].map(str::to_owned).into();
        let spec = Spec::parse(&items).unwrap();
        let order: Vec<&str> = spec.fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(order, ["zz", "a", "b"]);
        assert_eq!(spec.of_field("zz"), Some(Type::String));
    }
}
