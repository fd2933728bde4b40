//! [`JavaRegex`]: Java's regular expressions by means of the `regex` crate.
//!
//! What both write alike means the same. What they write differently is translated; what would silently mean something
//! else, or does not exist here, is refused when the configuration is checked.

use connect_api::config::{Validator, invalid};
use connect_api::{Error, Result};
use regex::{Captures, Regex};

/// Accepts expressions that [`JavaRegex::parse`] accepts.
pub(crate) fn validator() -> Validator {
    Validator::custom("valid regex", |name, value| {
        value.and_then(|value| value.as_str()).map_or(Ok(()), |text| JavaRegex::parse(name, text).map(drop))
    })
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct JavaRegex {
    /// Java's `Matcher.matches`: the text as a whole.
    whole: Regex,
    /// Java's `Matcher.find`: anywhere in the text.
    anywhere: Regex,
}

impl JavaRegex {
    /// Compiles the value of a configuration key.
    pub(crate) fn parse(name: &str, pattern: &str) -> Result<Self> {
        let refused = |problem: String| invalid(name, pattern, format_args!("Invalid regex: {problem}"));
        let translated = Translator::default().translate(pattern).map_err(refused)?;
        let compile = |pattern: &str| Regex::new(pattern).map_err(|error| refused(error.to_string()));
        let anywhere = compile(&translated)?;
        Ok(Self { whole: compile(&format!(r"\A(?:{translated})\z"))?, anywhere })
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }

    /// Java's `Matcher.replaceFirst`. As in Java, the first match may be shorter than the text even where the
    /// expression also matches the text as a whole.
    pub(crate) fn replace_first(&self, text: &str, replacement: &str) -> Result<String> {
        let Some(captures) = self.anywhere.captures(text) else { return Ok(text.to_owned()) };
        let Some(found) = captures.get(0) else { return Ok(text.to_owned()) };
        let mut replaced = text[..found.start()].to_owned();
        self.expand(&captures, replacement, &mut replaced)?;
        replaced.push_str(&text[found.end()..]);
        Ok(replaced)
    }
}

impl JavaRegex {
    /// Java's replacement strings: `$1`, `${name}`, and `\` before a character that stands for itself.
    fn expand(&self, captures: &Captures<'_>, replacement: &str, out: &mut String) -> Result<()> {
        let mut rest = replacement.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '\\' => {
                    out.push(
                        rest.next()
                            .ok_or_else(|| illegal("character to be escaped is missing".to_owned()))?,
                    );
                }
                '$' => match rest.peek().copied() {
                    None => {
                        return Err(illegal("Illegal group reference: group index is missing".to_owned()));
                    }
                    Some('{') => {
                        rest.next();
                        let mut name = String::new();
                        while let Some(letter) = rest.next_if(char::is_ascii_alphanumeric) {
                            name.push(letter);
                        }
                        if name.is_empty() {
                            return Err(illegal("named capturing group has 0 length name".to_owned()));
                        }
                        if rest.next() != Some('}') {
                            return Err(illegal("named capturing group is missing trailing '}'".to_owned()));
                        }
                        if name.starts_with(|first: char| first.is_ascii_digit()) {
                            return Err(illegal(format!(
                                "capturing group name {{{name}}} starts with digit character"
                            )));
                        }
                        if !self.anywhere.capture_names().flatten().any(|known| known == name) {
                            return Err(illegal(format!("No group with name {{{name}}}")));
                        }
                        out.push_str(captures.name(&name).map_or("", |group| group.as_str()));
                    }
                    Some(first) => {
                        let Some(mut group) = first.to_digit(10) else {
                            return Err(illegal("Illegal group reference".to_owned()));
                        };
                        rest.next();
                        // More digits belong to the number as long as there is a group of that number.
                        while let Some(digit) = rest.peek().and_then(|next| next.to_digit(10)) {
                            let longer = group.saturating_mul(10).saturating_add(digit);
                            if longer as usize >= captures.len() {
                                break;
                            }
                            group = longer;
                            rest.next();
                        }
                        if group as usize >= captures.len() {
                            return Err(Error::connect(format!("No group {group}"))
                                .with_java_class("java.lang.IndexOutOfBoundsException"));
                        }
                        out.push_str(captures.get(group as usize).map_or("", |group| group.as_str()));
                    }
                },
                other => out.push(other),
            }
        }
        Ok(())
    }
}

fn illegal(message: String) -> Error {
    Error::connect(message).with_java_class("java.lang.IllegalArgumentException")
}

/// Writes a Java expression as one of the `regex` crate.
#[derive(Default)]
struct Translator {
    out: String,
    in_class: bool,
    /// Whether the part just written can take a `+` that makes it possessive.
    after_quantifier: bool,
}

type Translated<T> = Result<T, String>;

impl Translator {
    fn translate(mut self, pattern: &str) -> Translated<String> {
        let chars: Vec<char> = pattern.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            at += if self.in_class { self.class_item(&chars[at..])? } else { self.item(&chars[at..])? };
        }
        Ok(self.out)
    }

    /// Translates what begins here, outside a class, and says how long it was.
    fn item(&mut self, rest: &[char]) -> Translated<usize> {
        let after_quantifier = std::mem::take(&mut self.after_quantifier);
        match rest {
            ['\\', ..] => self.escape(rest),
            ['[', '^', ']', ..] => self.open_class(r"[^\]", 3),
            ['[', ']', ..] => self.open_class(r"[\]", 2),
            ['[', '^', ..] => self.open_class("[^", 2),
            ['[', ..] => self.open_class("[", 1),
            ['(', '?', ..] => self.group(rest),
            ['+', ..] if after_quantifier => {
                Err("possessive quantifiers such as *+ are not supported; use the quantifier without the +"
                    .into())
            }
            ['?', ..] if after_quantifier => self.copy(rest, 1),
            ['*' | '+' | '?', ..] => {
                self.after_quantifier = true;
                self.copy(rest, 1)
            }
            ['{', ..] => {
                let length = rest.iter().position(|c| *c == '}').map_or(1, |end| end + 1);
                self.after_quantifier = true;
                self.copy(rest, length)
            }
            _ => self.copy(rest, 1),
        }
    }

    fn copy(&mut self, rest: &[char], length: usize) -> Translated<usize> {
        self.out.extend(&rest[..length]);
        Ok(length)
    }

    fn write(&mut self, text: &str, length: usize) -> Translated<usize> {
        self.out.push_str(text);
        Ok(length)
    }

    fn open_class(&mut self, text: &str, length: usize) -> Translated<usize> {
        self.in_class = true;
        self.write(text, length)
    }

    fn group(&mut self, rest: &[char]) -> Translated<usize> {
        match rest {
            ['(', '?', '=' | '!', ..] | ['(', '?', '<', '=' | '!', ..] => {
                Err("lookahead and lookbehind such as (?=…) and (?<!…) are not supported".into())
            }
            ['(', '?', '>', ..] => Err("atomic groups (?>…) are not supported".into()),
            ['(', '?', '<', ..] => self.copy(rest, 3),
            _ => {
                let flags = rest[2..].iter().take_while(|c| !matches!(c, ':' | ')')).collect::<String>();
                match flags.chars().find(|flag| !matches!(flag, 'i' | 'm' | 's' | 'u' | '-')) {
                    Some(flag) => return Err(format!("the inline flag or group (?{flag} is not supported")),
                    None if flags.split_once('-').is_some_and(|(_, off)| off.contains('u')) => {
                        return Err("the inline flag (?-u) is not supported".into());
                    }
                    None => {}
                }
                self.copy(rest, 2 + flags.chars().count())
            }
        }
    }

    /// Translates what begins here, inside a class.
    fn class_item(&mut self, rest: &[char]) -> Translated<usize> {
        match rest {
            [']', ..] => {
                self.in_class = false;
                self.copy(rest, 1)
            }
            ['\\', ..] => self.escape(rest),
            ['[', ..] => Err("a class inside a class, such as [a[bc]] or [[:alpha:]], is not supported; \
                              write a literal [ as \\[, and a POSIX class as \\p{Alpha}"
                .into()),
            ['&', '&', ..] => Err("intersections of classes such as [a-z&&b-d] are not supported".into()),
            ['-', '-', ..] | ['~', '~', ..] => {
                Err("-- and ~~ in a class are not supported; write the characters once, or with \\".into())
            }
            _ => self.copy(rest, 1),
        }
    }

    /// Translates an escape, inside or outside a class.
    fn escape(&mut self, rest: &[char]) -> Translated<usize> {
        let Some(&kind) = rest.get(1) else { return Err("the \\ at the end escapes nothing".into()) };
        // Java means ASCII where the regex crate means Unicode.
        let ascii = match kind {
            'd' => Some("0-9"),
            'w' => Some("0-9A-Za-z_"),
            's' => Some(r"\t-\r\x20"),
            _ => None,
        };
        if let Some(ascii) = ascii {
            return self.write(&if self.in_class { ascii.to_owned() } else { format!("[{ascii}]") }, 2);
        }
        match kind {
            'D' => self.write("[^0-9]", 2),
            'W' => self.write("[^0-9A-Za-z_]", 2),
            'S' => self.write(r"[^\t-\r\x20]", 2),
            'b' | 'B' if self.in_class || rest.get(2) == Some(&'{') => {
                Err(format!("\\{kind} is not supported here"))
            }
            'b' => self.write(r"(?-u:\b)", 2),
            'B' | 'A' | 'z' if !self.in_class => self.copy(rest, 2),
            't' | 'n' | 'r' | 'f' | 'a' | 'x' | 'u' => self.copy(rest, 2),
            'e' => self.write(r"\x1B", 2),
            'Q' => self.quoted(rest),
            'p' | 'P' => self.property(rest),
            '1'..='9' | 'k' => Err("back references such as \\1 and \\k<name> are not supported".into()),
            letter if letter.is_ascii_alphanumeric() => Err(format!("\\{letter} is not supported")),
            '<' | '>' => self.write(&kind.to_string(), 2),
            other => self.write(&regex::escape(&other.to_string()), 2),
        }
    }

    /// `\Q…\E`: everything between stands for itself.
    fn quoted(&mut self, rest: &[char]) -> Translated<usize> {
        let text = &rest[2..];
        let end = text.windows(2).position(|two| two == ['\\', 'E']);
        let quoted: String = text[..end.unwrap_or(text.len())].iter().collect();
        self.write(&regex::escape(&quoted), 2 + end.map_or(text.len(), |end| end + 2))
    }

    /// `\p{…}`: Java's POSIX names are ASCII; the others are left to the regex crate, which refuses what it lacks.
    fn property(&mut self, rest: &[char]) -> Translated<usize> {
        if rest.get(2) != Some(&'{') {
            return self.copy(rest, 2);
        }
        let Some(end) = rest.iter().position(|c| *c == '}') else { return Err("\\p{ has no }".into()) };
        let name: String = rest[3..end].iter().collect();
        let posix = match name.as_str() {
            "Lower" | "Upper" | "ASCII" | "Alpha" | "Digit" | "Alnum" | "Punct" | "Graph" | "Print"
            | "Blank" | "Cntrl" | "XDigit" | "Space" => name.to_ascii_lowercase(),
            _ => return self.copy(rest, end + 1),
        };
        let negated = if rest[1] == 'P' { "^" } else { "" };
        self.write(&format!("[[:{negated}{posix}:]]"), end + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> JavaRegex {
        JavaRegex::parse("regex", pattern).unwrap()
    }

    #[test]
    fn what_differs_is_translated() {
        for (pattern, text, matches) in [
            (r"\d+", "123", true),
            (r"\d+", "١٢٣", false),
            (r"\w", "é", false),
            (r"[\w.]+", "a_b.c", true),
            (r"[^\s]+", "a\u{a0}b", true),
            (r"\D\W\S", "a-b", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"\p{Lower}+", "abc", true),
            (r"\p{Lower}", "é", false),
            (r"[\p{Alpha}\P{ASCII}]+", "aé", true),
            (r"\<a\>", "<a>", true),
            (r"[]a]+", "]a", true),
            (r"[^]a]", "b", true),
            (r"(?i)ORDERS", "orders", true),
            (r"(?:a|ab)", "ab", true),
            (r"a{2,3}?", "aaa", true),
            (r"(?<year>\d{4})-.*", "2024-x", true),
            ("orders|orders\n#(", "orders", false),
        ] {
            let made = JavaRegex::parse("regex", pattern);
            assert_eq!(made.is_ok_and(|made| made.matches(text)), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_would_mean_something_else_is_refused_in_words() {
        for (pattern, part) in [
            ("a*+b", "possessive"),
            ("a{2}+", "possessive"),
            ("(?=a)", "lookahead"),
            ("(?<!a)b", "lookbehind"),
            ("(?>a)", "atomic"),
            ("(?U)a", "(?U"),
            ("(?x)a b", "(?x"),
            ("(?P<a>b)", "(?P"),
            ("(?-u)a", "(?-u)"),
            ("[[:alpha:]]", "class inside a class"),
            ("[a[bc]]", "class inside a class"),
            ("[a-z&&b]", "intersections"),
            (r"(a)\1", "back references"),
            (r"\Ra", r"\R is not supported"),
            (r"\p{javaLowerCase}", "Unicode property"),
            ("(", "unclosed group"),
            ("a\\", "escapes nothing"),
        ] {
            let error = JavaRegex::parse("regex", pattern).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!(
                    "Invalid value {pattern} for configuration regex: Invalid regex: "
                )),
                "{error}"
            );
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }

    #[test]
    fn the_first_match_is_replaced_as_java_does() {
        for (pattern, text, replacement, result) in [
            ("(or)(d)ers", "orders", "$2$1", "dor"),
            ("or|orders", "orders", "x", "xders"),
            ("(a)(b)?", "a", "[$1$2]", "[a]"),
            ("(a)", "a", "$10", "a0"),
            ("(?<n>a)b", "ab", "${n}-$n", "error Illegal group reference"),
            ("(?<n>a)b", "ab", r"${n}\$\\", r"a$\"),
            ("a", "a", "$", "error Illegal group reference: group index is missing"),
            ("a", "a", "\\", "error character to be escaped is missing"),
            ("a", "a", "${n", "error named capturing group is missing trailing '}'"),
            ("a", "a", "${n}", "error No group with name {n}"),
            ("a", "a", "$1", "error No group 1"),
        ] {
            let replaced = regex(pattern).replace_first(text, replacement);
            let replaced = replaced.unwrap_or_else(|error| format!("error {error}"));
            assert_eq!(replaced, result, "{pattern} on {text} with {replacement}");
        }
    }
}
