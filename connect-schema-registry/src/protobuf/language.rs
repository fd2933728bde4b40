//! What the registry in memory knows of Protobuf.

use std::sync::Arc;

use connect_api::Result;

use super::compatible;
use super::schema::ProtoSchema;

/// The text under which the registry in memory keeps a schema: without comments, with single spaces.
pub(crate) fn canonical(text: &str, references: &[(String, Arc<str>)]) -> Result<String> {
    ProtoSchema::parse(text, references)?;
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => {
                out.push(letter);
                out.extend(letters.next());
            }
            (Some(open), _) => {
                out.push(letter);
                quote = Some(open).filter(|open| *open != letter);
            }
            (None, '"' | '\'') => {
                out.push(letter);
                quote = Some(letter);
            }
            (None, '/') if letters.peek() == Some(&'/') => {
                while letters.next_if(|letter| *letter != '\n').is_some() {}
            }
            (None, '/') if letters.peek() == Some(&'*') => {
                letters.next();
                while let Some(letter) = letters.next() {
                    if letter == '*' && letters.next_if_eq(&'/').is_some() {
                        break;
                    }
                }
                out.push(' ');
            }
            (None, _) if letter.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            (None, _) => out.push(letter),
        }
    }
    Ok(out.trim().to_owned())
}

/// Whether the first schema reads all that the second writes. The error says why not.
pub(crate) fn reads(
    reader: (&str, &[(String, Arc<str>)]),
    writer: (&str, &[(String, Arc<str>)]),
) -> std::result::Result<(), String> {
    let parse = |(text, references)| ProtoSchema::parse(text, references).map_err(|error| error.to_string());
    compatible::objection(&parse(reader)?, &parse(writer)?).map_or(Ok(()), Err)
}
