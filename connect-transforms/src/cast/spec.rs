//! What shall be cast to which type.

use connect_api::config::{ParsedValue, Validator};
use connect_api::data::Type;
use connect_api::{Error, Result};

use crate::field_path::{FieldPath, FieldSyntaxVersion};
use crate::field_tree::FieldTree;
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
    pub(super) fields: FieldTree<Type>,
}

/// What can be said without knowing how names of fields are read. The rest is said of the whole configuration.
pub(super) fn validator() -> Validator {
    let text = "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>";
    Validator::custom(text, |_, value| {
        let items = value.and_then(ParsedValue::as_list).unwrap_or_default();
        let spec = Spec::parse(items, FieldSyntaxVersion::V1);
        spec.or_else(|error| Spec::parse(items, FieldSyntaxVersion::V2).map_err(|_| error)).map(drop)
    })
}

/// A config error of this key. Kafka's text names others.
fn refused(message: impl Into<String>) -> Error {
    Error::config("spec", message)
}

impl Spec {
    /// Reads `field:type` items, or one bare type. A path may have colons; the last one parts it and its type.
    pub(super) fn parse(items: &[String], version: FieldSyntaxVersion) -> Result<Self> {
        if items.is_empty() {
            return Err(refused("Must specify at least one field to cast."));
        }
        let mut spec = Self::default();
        let mut fields: Vec<(&str, Type)> = Vec::new();
        for item in items {
            // Java's `split` leaves out empty parts at the end.
            let parts: Vec<&str> = match item.as_str() {
                "" => vec![""],
                item if version == FieldSyntaxVersion::V2 => {
                    item.rsplit_once(':').map_or_else(|| vec![item], |(path, ty)| vec![path, ty])
                }
                item => item.trim_end_matches(':').split(':').collect(),
            };
            match parts[..] {
                [""] if !item.is_empty() => {
                    return Err(refused("Index 1 out of bounds for length 0")
                        .with_java_class("java.lang.ArrayIndexOutOfBoundsException"));
                }
                [ty] => spec.whole = Some(type_of(ty)?),
                [field, ty] => {
                    let (field, ty) = (trim(field), type_of(ty)?);
                    match fields.iter_mut().find(|(other, _)| *other == field) {
                        Some((_, before)) => *before = ty,
                        None => fields.push((field, ty)),
                    }
                }
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
        sort_as_hash_map(&mut fields, |(field, _)| field);
        for (field, ty) in fields {
            *spec.fields.entry(&FieldPath::parse(field, version)?)? = Some(ty);
        }
        match spec.fields.crossing() {
            Some(field) => {
                Err(refused(format!("The field {field} cannot be cast itself and have fields that are cast")))
            }
            None => Ok(spec),
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
        let spec = Spec::parse(&items, FieldSyntaxVersion::V1).unwrap();
        let order: Vec<&str> = spec.fields.branches().iter().map(|branch| branch.name.as_str()).collect();
        assert_eq!(order, ["zz", "a", "b"]);
        assert_eq!(spec.fields.get("zz").unwrap().here, Some(Type::String));
    }

    #[test]
    fn the_last_colon_parts_a_path_and_its_type() {
        let items = ["a.b:c:int8".to_owned(), " `x.y`.z : string ".to_owned()];
        let spec = Spec::parse(&items, FieldSyntaxVersion::V2).unwrap();
        let inner = |field: &str, path| spec.fields.get(field).unwrap().below.get(path).unwrap().here;
        assert_eq!(inner("a", "b:c"), Some(Type::Int8));
        assert_eq!(inner("x.y", "z"), Some(Type::String));
    }
}
