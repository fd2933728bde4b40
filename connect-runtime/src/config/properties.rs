//! A reader for `.properties` files, as `java.util.Properties` reads them.

use std::borrow::Cow;

use connect_api::{Error, Properties, Result};

/// Parses the text of a `.properties` file.
///
/// The rules are Java's: `#` and `!` start comment lines; a key ends at the first `=`, `:` or blank that has no
/// backslash before it; a line that ends in an odd number of backslashes goes on in the next one, whose leading
/// blanks do not count; `\t`, `\n`, `\r`, `\f` and `\uXXXX` are escapes, and any other escaped character stands for
/// itself. When a key occurs twice the last one counts.
///
/// # Errors
///
/// A config error with the line number for a malformed `\uXXXX`. Nothing else is an error.
///
/// ```
/// use connect_runtime::config::parse_properties;
///
/// let properties = parse_properties("# worker\nbootstrap.servers = a:9092,\\\n    b:9092\n")?;
/// assert_eq!(properties.get("bootstrap.servers"), Some("a:9092,b:9092"));
///
/// let error = parse_properties("a=1\nb=\\u00g1\n").unwrap_err();
/// assert!(error.to_string().starts_with("Line 2: malformed \\uxxxx encoding"));
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn parse_properties(text: &str) -> Result<Properties> {
    let mut properties = Properties::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = natural_lines(text).enumerate();
    while let Some((index, first)) = lines.next() {
        let first = skip_blanks(first);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = Cow::Borrowed(first);
        while ends_in_continuation(&logical) {
            let mut line = logical.into_owned();
            line.pop();
            let next = lines.next();
            if let Some((_, next)) = next {
                line.push_str(skip_blanks(next));
            }
            logical = Cow::Owned(line);
            if next.is_none() {
                break;
            }
        }
        let (key, value) = split(&logical);
        let at_line = |error: Malformed| {
            Error::new(
                connect_api::ErrorKind::Config,
                format!(
                    "Line {}: malformed \\uxxxx encoding '{}'; \\u wants four hexadecimal digits that name a \
                     character, and a backslash that stands for itself is written twice",
                    index + 1,
                    error.0
                ),
            )
        };
        properties.insert(unescape(key).map_err(at_line)?, unescape(value).map_err(at_line)?);
    }
    Ok(properties)
}

/// The text of a properties file. Java's worker reads Latin-1 with `\uXXXX` escapes, while people save UTF-8: bytes
/// that are valid UTF-8 are taken as such, anything else as Latin-1. Plain ASCII is the same in both.
///
/// ```
/// use connect_runtime::config::decode_properties;
/// assert_eq!(decode_properties("ä".as_bytes()), "ä");
/// assert_eq!(decode_properties(&[0xe4]), "ä");
/// ```
pub fn decode_properties(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// Lines that end in `\n`, `\r` or `\r\n`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        match current.find(['\n', '\r']) {
            None => {
                rest = None;
                Some(current)
            }
            Some(end) => {
                let length = if current[end..].starts_with("\r\n") { 2 } else { 1 };
                rest = Some(&current[end + length..]);
                Some(&current[..end])
            }
        }
    })
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(is_blank)
}

fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Key and value, both still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (index, c) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '=' || c == ':' || is_blank(c) {
            let rest = skip_blanks(&line[index..]);
            let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..index], skip_blanks(rest));
        }
    }
    (line, "")
}

struct Malformed(String);

fn unescape(text: &str) -> Result<String, Malformed> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let mut chars = rest[at + 1..].chars();
        match chars.next() {
            None => return Ok(out),
            Some('u') => {
                let (c, after) = unicode(&rest[at..])?;
                out.push(c);
                rest = after;
                continue;
            }
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\x0c'),
            Some(other) => out.push(other),
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    Ok(out)
}

/// One `\uXXXX`, or two of them that are a surrogate pair.
fn unicode(text: &str) -> Result<(char, &str), Malformed> {
    let malformed = || Malformed(text.chars().take(6).collect());
    let (high, rest) = code_unit(text).ok_or_else(malformed)?;
    if let Some(c) = char::from_u32(high.into()) {
        return Ok((c, rest));
    }
    let (low, rest) = code_unit(rest).ok_or_else(malformed)?;
    let c = char::decode_utf16([high, low]).next().and_then(std::result::Result::ok).ok_or_else(malformed)?;
    Ok((c, rest))
}

fn code_unit(text: &str) -> Option<(u16, &str)> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some((u16::from_str_radix(digits, 16).ok()?, &text[6..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse_properties(text).unwrap().into_iter().collect()
    }

    fn one(text: &str) -> (String, String) {
        let mut all = parsed(text);
        assert_eq!(all.len(), 1, "{text:?} has one entry");
        all.remove(0)
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn a_key_ends_at_the_first_separator_without_a_backslash() {
        for text in ["a=b", "a:b", "a b", "a = b", "  a\t:\tb", "a  =b", "\x0ca b"] {
            assert_eq!(one(text), pair("a", "b"), "{text:?}");
        }
        assert_eq!(one("a==b"), pair("a", "=b"));
        assert_eq!(one("a = = b"), pair("a", "= b"));
        assert_eq!(one("a\\=b=c"), pair("a=b", "c"));
        assert_eq!(one("a\\ b\\:c d"), pair("a b:c", "d"));
        assert_eq!(one("lonely"), pair("lonely", ""));
        assert_eq!(one("=v"), pair("", "v"));
    }

    #[test]
    fn blanks_at_the_end_of_a_value_belong_to_it() {
        assert_eq!(one("a= b  "), pair("a", "b  "));
    }

    #[test]
    fn comments_and_blank_lines_do_not_count_and_are_never_continued() {
        assert_eq!(
            parsed("# x \\\na=1\n \t\n  ! y\r\nb=2\rc=3"),
            [pair("a", "1"), pair("b", "2"), pair("c", "3")]
        );
    }

    #[test]
    fn a_line_goes_on_after_an_odd_number_of_backslashes() {
        assert_eq!(one("a=1,\\\n   2,\\\r\n\t3"), pair("a", "1,2,3"));
        assert_eq!(one("a=1\\\n#2"), pair("a", "1#2"));
        assert_eq!(parsed("a=1\\\\\nb=2"), [pair("a", "1\\"), pair("b", "2")]);
        assert_eq!(parsed("a=1\\\n\nb=2"), [pair("a", "1"), pair("b", "2")]);
        assert_eq!(one("a=1\\"), pair("a", "1"));
    }

    #[test]
    fn escapes_are_javas() {
        assert_eq!(one(r"a=\t\n\r\f\q\\\u00e4\uD83D\uDE00"), pair("a", "\t\n\r\x0cq\\ä😀"));
        assert_eq!(one(r"\u0061=b"), pair("a", "b"));
        assert_eq!(one(r"a=C:\temp"), pair("a", "C:\temp"));
    }

    #[test]
    fn a_malformed_unicode_escape_names_its_line() {
        for text in [r"\u12", r"\u12g4", r"\uD83D", r"\uD83Dx", r"\u+123", "\\u12é4"] {
            let error = parse_properties(&format!("\n# x\nk={text}\n")).unwrap_err().to_string();
            assert!(error.starts_with("Line 3: malformed \\uxxxx encoding"), "{error}");
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(one("a=1\na=2"), pair("a", "2"));
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_key() {
        assert_eq!(one("\u{feff}a=1"), pair("a", "1"));
    }
}
