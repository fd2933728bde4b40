//! Java's replacement strings: `$1`, `${name}`, and `\` before a character that stands for itself.

use connect_api::{Error, Result};

/// What a replacement needs to know of a match: the text of a group, by its number.
pub(crate) trait Groups {
    /// How many groups there are, without the whole match.
    fn count(&self) -> u32;
    /// The text of a group; empty if it did not take part.
    fn text(&self, number: u32) -> &str;
    /// The number of a named group.
    fn named(&self, name: &str) -> Option<u32>;
}

/// Appends the replacement with its references resolved.
///
/// # Errors
///
/// Where Java throws: with its class and message.
pub(crate) fn expand(replacement: &str, groups: &impl Groups, out: &mut String) -> Result<()> {
    let mut rest = replacement.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => out.push(rest.next().ok_or_else(|| illegal("character to be escaped is missing"))?),
            '$' => match rest.peek().copied() {
                None => return Err(illegal("Illegal group reference: group index is missing")),
                Some('{') => {
                    rest.next();
                    let mut name = String::new();
                    while let Some(letter) = rest.next_if(char::is_ascii_alphanumeric) {
                        name.push(letter);
                    }
                    out.push_str(groups.text(named(&name, rest.next(), groups)?));
                }
                Some(first) => {
                    let digit = first.to_digit(10).ok_or_else(|| illegal("Illegal group reference"))?;
                    rest.next();
                    out.push_str(groups.text(numbered(digit, &mut rest, groups)?));
                }
            },
            other => out.push(other),
        }
    }
    Ok(())
}

fn named(name: &str, after: Option<char>, groups: &impl Groups) -> Result<u32> {
    if name.is_empty() {
        return Err(illegal("named capturing group has 0 length name"));
    }
    if after != Some('}') {
        return Err(illegal("named capturing group is missing trailing '}'"));
    }
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(illegal(format!("capturing group name {{{name}}} starts with digit character")));
    }
    groups.named(name).ok_or_else(|| illegal(format!("No group with name {{{name}}}")))
}

/// As many digits as make the number of a group.
fn numbered(
    first: u32,
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    groups: &impl Groups,
) -> Result<u32> {
    let mut number = first;
    if number > groups.count() {
        let message = format!("No group {number}");
        return Err(Error::connect(message).with_java_class("java.lang.IndexOutOfBoundsException"));
    }
    while let Some(digit) = rest.peek().and_then(|next| next.to_digit(10)) {
        let longer = number.saturating_mul(10).saturating_add(digit);
        if longer > groups.count() {
            break;
        }
        number = longer;
        rest.next();
    }
    Ok(number)
}

fn illegal(message: impl Into<String>) -> Error {
    Error::connect(message).with_java_class("java.lang.IllegalArgumentException")
}
