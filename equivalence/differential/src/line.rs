//! A case as a line of JSON, with the tag of every value first, where readers of the notation look for it.

use serde_json::Value;

/// The line, without its end.
pub(crate) fn line(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            const FIRST: [&str; 3] = ["struct", "case", "op"];
            let first = FIRST.into_iter().find(|name| members.contains_key(*name));
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_by_key(|name| first != Some(name.as_str()));
            out.push('{');
            for (place, name) in names.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write(&members[name], out);
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tag_of_a_struct_with_a_schema_of_its_own_comes_first() {
        let value = json!({"a": [{"schema": "x", "struct": {"struct": 1, "a": "\n"}}]});
        assert_eq!(line(&value), r#"{"a":[{"struct":{"struct":1,"a":"\n"},"schema":"x"}]}"#);
    }
}
