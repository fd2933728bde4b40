//! Rust tokens as one line of text, with the spaces where rustfmt puts them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;

/// One line for anything that syn parsed.
pub(super) fn line(tokens: impl ToTokens) -> String {
    let mut text = String::new();
    print(tokens.to_token_stream(), &mut text);
    text.replace(",)", ")").replace(", >", ">").replace(",>", ">").trim().to_owned()
}

fn print(tokens: TokenStream, text: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::None => ("", ""),
                };
                let after_colon = text.ends_with(':') && !text.ends_with("::");
                let words = ["for", "in", "where", "dyn", "mut", "as", "impl"];
                if (open == "(" || open == "[") && (after_colon || ends_with_word(text, &words)) {
                    text.push(' ');
                }
                text.push_str(open);
                print(group.stream(), text);
                while text.ends_with(' ') {
                    text.pop();
                }
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let c = punct.as_char();
                match c {
                    ',' | ';' => {
                        text.push(c);
                        text.push(' ');
                    }
                    ':' if text.ends_with(':') => text.push(c),
                    '+' | '|' => {
                        text.push(' ');
                        text.push(c);
                        text.push(' ');
                    }
                    '=' => text.push_str(" = "),
                    '-' => text.push_str(" -"),
                    '>' if text.ends_with(" -") => text.push_str("> "),
                    '&' | '*' | '\'' | '#' | '?' | '!' if needs_space(text) => {
                        text.push(' ');
                        text.push(c);
                    }
                    '<' if ends_with_word(text, &["for", "as", "in", "where", "impl", "dyn"]) => {
                        // `for<'a>` and `impl<T>` stand together, `as <T>` does not.
                        if ends_with_word(text, &["as", "in", "where"]) {
                            text.push(' ');
                        }
                        text.push(c);
                    }
                    _ => text.push(c),
                }
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if needs_space(text) {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
            }
        }
    }
}

/// Whether a word, or a sign that opens a type, needs a space before it.
fn needs_space(text: &str) -> bool {
    let Some(last) = text.chars().last() else { return false };
    match last {
        ':' => !text.ends_with("::"),
        _ => {
            last.is_alphanumeric() || last == '_' || last == '>' || last == ')' || last == ']' || last == '"'
        }
    }
}

fn ends_with_word(text: &str, words: &[&str]) -> bool {
    let last = text.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    words.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) {
        let tokens: TokenStream = text.parse().unwrap();
        assert_eq!(line(tokens), text);
    }

    #[test]
    fn signatures_look_as_rustfmt_writes_them() {
        same("fn start(config: Self::Config, context: &SinkTaskContext) -> Result<Self> where Self: Sized");
        same("async fn poll(&mut self) -> Result<Option<Vec<(A, B)>>>");
        same(
            "fn f<'a, T: Into<Cow<'a, str>> + Send + 'static>(t: &'a mut T, n: [u8; 4]) -> impl Iterator<Item = &'a str>",
        );
        same("fn g(f: Box<dyn Fn(&str) -> bool + Send + Sync>, p: *const u8)");
        same("fn h<F>(f: F) where F: for<'a> FnOnce(&'a str), T: ?Sized");
        same("const N: usize = 4");
        same("fn n(pair: (A, B), f: fn(A) -> B) -> [A; 2]");
        same("impl From<X> for [u8; 4]");
        same("fn k(x: &[(Str, Value)], y: bytes::Bytes)");
        same("impl<'a> From<&'a str> for Value");
        same("fn m(x: impl Into<Str>) -> &dyn Any");
        same("trait T: Send + Sync + 'static");
    }

    #[test]
    fn trailing_commas_go() {
        let tokens: TokenStream = "fn f(a: A, b: B,) -> X<A, B,>".parse().unwrap();
        assert_eq!(line(tokens), "fn f(a: A, b: B) -> X<A, B>");
    }
}
