//! Names of messages, fields and maps, as Protobuf and Confluent's converter write them.

/// Makes a legal identifier of a name, as `scrub.invalid.names` does it: other characters become `_`, or the bytes of
/// their UTF-8 in hexadecimal.
pub(super) fn scrub(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    if name.starts_with(|first: char| first == '_' || first.is_ascii_digit()) {
        out.push('x');
    }
    for letter in name.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => out.push(letter),
            '-' | '.' | ' ' | '*' => out.push('_'),
            other => {
                for byte in other.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("_{byte:02X}"));
                }
            }
        }
    }
    out
}

/// The same for every part of a full name.
pub(super) fn scrub_full(name: &str) -> String {
    name.split('.').map(scrub).collect::<Vec<_>>().join(".")
}

/// The part behind the last dot.
pub(super) fn unqualified(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

/// Package and name of a full name.
pub(super) fn split(full: &str) -> (Option<&str>, &str) {
    let full = full.trim_end_matches('.');
    match full.rsplit_once('.') {
        Some((package, name)) => (Some(package), name),
        None => (None, full),
    }
}

/// Whether a name can stand in a schema.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && letters.all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}

/// `my_map` as `MyMap`; a name without underscores stays as it is.
fn camel(name: &str) -> String {
    if !name.contains('_') {
        return name.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    out
}

/// The message that holds the entries of a map of this name.
pub(super) fn map_entry(name: &str) -> String {
    camel(name) + ENTRY
}

/// How the names of messages with the entries of maps end.
pub(super) const ENTRY: &str = "Entry";

/// The name of a map whose entries are in a message of this name: `MyMapEntry` gives `my_map`.
pub(super) fn of_map_entry(message: &str) -> String {
    let name = message.strip_suffix(ENTRY).unwrap_or(message);
    let mut out = String::with_capacity(name.len() + 4);
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The name of the map in a field that is declared as a map.
pub(super) fn of_map_field(field: &str) -> String {
    of_map_entry(&map_entry(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_letters_are_scrubbed_as_confluent_does() {
        for (name, scrubbed) in [
            ("a-b", "a_b"),
            ("1a", "x1a"),
            ("_x", "x_x"),
            (".C", "_C"),
            ("a$b", "a_24b"),
            ("\u{dc}", "_C3_9C"),
            ("y/z", "y_2Fz"),
            ("a.1b.C", "a_1b_C"),
        ] {
            assert_eq!(scrub(name), scrubbed);
        }
        assert_eq!(scrub_full("a.1b.C"), "a.x1b.C");
    }

    #[test]
    fn maps_and_the_messages_of_their_entries_are_named_after_each_other() {
        for (map, message) in
            [("a", "aEntry"), ("my_map_z", "MyMapZEntry"), ("a__b", "ABEntry"), ("x1_2y", "X12yEntry")]
        {
            assert_eq!(map_entry(map), message);
        }
        for (message, map) in
            [("ConnectDefault1Entry", "connect_default1"), ("XMLHttp2Entry", "x_m_l_http2"), ("Entry", "")]
        {
            assert_eq!(of_map_entry(message), map);
        }
        for (field, map) in [("aB", "a_b"), ("_a", "a"), ("a__b", "a_b"), ("URL", "u_r_l"), ("A_b", "a_b")] {
            assert_eq!(of_map_field(field), map);
        }
    }

    #[test]
    fn a_full_name_is_split_at_its_last_dot() {
        assert_eq!(split("x.y.Z"), (Some("x.y"), "Z"));
        assert_eq!(split("Z."), (None, "Z"));
        assert_eq!(unqualified("x.y.Z"), "Z");
    }
}
