//! Places in a JSON document, as the part of a reference behind `#` names them.

use crate::json::Json;

/// The place of a pointer (`/properties/a`, empty for the whole), or of an anchor (`name`).
pub(super) fn find<'a>(document: &'a Json, pointer: &str) -> Option<&'a Json> {
    let pointer = decoded(pointer)?;
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return anchor(document, &pointer);
    }
    pointer.split('/').skip(1).try_fold(document, |place, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match place {
            Json::Array(items) => items.get(part.parse::<usize>().ok()?),
            place => place.get(&part),
        }
    })
}

/// The pointer with one part more.
pub(super) fn below(pointer: &str, part: &str) -> String {
    use std::fmt::Write as _;
    let mut out = format!("{pointer}/");
    for byte in part.replace('~', "~0").replace('/', "~1").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte.into()),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// The schema that calls itself so, by `$anchor`, or by `$id` in older drafts.
fn anchor<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    let is = |key: &str, name: &str| json.get(key).and_then(Json::as_text) == Some(name);
    let hashed = format!("#{name}");
    if is("$anchor", name) || is("$id", &hashed) || is("id", &hashed) {
        return Some(json);
    }
    match json {
        Json::Array(items) => items.iter().find_map(|item| anchor(item, name)),
        json => json.members().iter().find_map(|(_, member)| anchor(member, name)),
    }
}

/// Without the escapes of a URI.
fn decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_its_pointer_and_by_its_name() {
        let json =
            Json::parse(r##"{"a/b":[{"x y":1}],"c":{"$id":"#n","z":2},"d":{"$anchor":"m"}}"##).unwrap();
        assert_eq!(find(&json, ""), Some(&json));
        let pointer = below(&below(&below("", "a/b"), "0"), "x y");
        assert_eq!(pointer, "/a~1b/0/x%20y");
        assert_eq!(find(&json, &pointer), Some(&Json::Int(1)));
        assert_eq!(find(&json, "n").and_then(|json| json.get("z")), Some(&Json::Int(2)));
        assert!(find(&json, "m").is_some());
        assert_eq!((find(&json, "/nowhere"), find(&json, "o"), find(&json, "/%zz")), (None, None, None));
    }
}
