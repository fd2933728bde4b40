//! [`Pattern`]: text that a simple regular expression describes.

use crate::random::Random;

/// How often `*` and `+` repeat beyond their least.
const UNBOUNDED: u32 = 8;
/// The largest number of repetitions that a pattern may ask for.
const MOST: u32 = 10_000;

/// A parsed expression: literals, `.`, classes, groups, alternatives, the quantifiers `?`, `*`, `+`, `{m,n}`, and the
/// escapes `\d`, `\w`, `\s`.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Literal(char),
    OneOf(Vec<char>),
    Sequence(Vec<Self>),
    Alternatives(Vec<Self>),
    Repeat(Box<Self>, u32, u32),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest: &[char] = &text.chars().collect::<Vec<_>>();
        let pattern = alternatives(&mut rest)?;
        match rest.first() {
            None => Ok(pattern),
            Some(other) => Err(format!("`{other}` stands where it cannot be")),
        }
    }

    /// Appends one text that the expression describes.
    pub(crate) fn generate(&self, random: &mut Random, out: &mut String) {
        match self {
            Self::Literal(letter) => out.push(*letter),
            Self::OneOf(letters) => out.push(letters[random.index(letters.len())]),
            Self::Sequence(parts) => parts.iter().for_each(|part| part.generate(random, out)),
            Self::Alternatives(parts) => parts[random.index(parts.len())].generate(random, out),
            Self::Repeat(part, least, most) => {
                let times = u64::from(*least) + random.below(u64::from(most - least) + 1);
                (0..times).for_each(|_| part.generate(random, out));
            }
        }
    }
}

fn alternatives(rest: &mut &[char]) -> Result<Pattern, String> {
    let mut parts = vec![sequence(rest)?];
    while let ['|', tail @ ..] = *rest {
        *rest = tail;
        parts.push(sequence(rest)?);
    }
    Ok(match parts.len() {
        1 => parts.remove(0),
        _ => Pattern::Alternatives(parts),
    })
}

fn sequence(rest: &mut &[char]) -> Result<Pattern, String> {
    let mut parts = Vec::new();
    while !matches!(*rest, [] | ['|' | ')', ..]) {
        let part = atom(rest)?;
        parts.push(quantified(part, rest)?);
    }
    Ok(Pattern::Sequence(parts))
}

fn atom(rest: &mut &[char]) -> Result<Pattern, String> {
    let [first, tail @ ..] = *rest else { return Err("the expression ends too early".to_owned()) };
    *rest = tail;
    match first {
        '(' => {
            if let ['?', ':', tail @ ..] = *rest {
                *rest = tail;
            }
            let inner = alternatives(rest)?;
            match *rest {
                [')', tail @ ..] => *rest = tail,
                _ => return Err("a group is not closed".to_owned()),
            }
            Ok(inner)
        }
        '[' => class(rest),
        '.' => Ok(Pattern::OneOf((' '..='~').collect())),
        '\\' => {
            let letters = escape(rest)?;
            Ok(if letters.len() == 1 { Pattern::Literal(letters[0]) } else { Pattern::OneOf(letters) })
        }
        '^' | '$' => Ok(Pattern::Sequence(Vec::new())),
        '?' | '*' | '+' | '{' => Err(format!("`{first}` repeats nothing")),
        other => Ok(Pattern::Literal(*other)),
    }
}

fn escape(rest: &mut &[char]) -> Result<Vec<char>, String> {
    let [kind, tail @ ..] = *rest else { return Err("the \\ at the end escapes nothing".to_owned()) };
    *rest = tail;
    Ok(match kind {
        'd' => ('0'..='9').collect(),
        'w' => ('0'..='9').chain('A'..='Z').chain(['_']).chain('a'..='z').collect(),
        's' => vec![' '],
        'n' => vec!['\n'],
        't' => vec!['\t'],
        letter if letter.is_ascii_alphanumeric() => return Err(format!("\\{letter} is not supported")),
        other => vec![*other],
    })
}

fn class(rest: &mut &[char]) -> Result<Pattern, String> {
    let negated = rest.first() == Some(&'^');
    if negated {
        *rest = &rest[1..];
    }
    let mut letters: Vec<char> = Vec::new();
    loop {
        match *rest {
            [] => return Err("a class is not closed".to_owned()),
            [']', tail @ ..] if !letters.is_empty() => {
                *rest = tail;
                break;
            }
            ['\\', tail @ ..] => {
                *rest = tail;
                letters.extend(escape(rest)?);
            }
            [from, '-', to, tail @ ..] if *to != ']' => {
                if from > to {
                    return Err(format!("the range {from}-{to} is empty"));
                }
                letters.extend(*from..=*to);
                *rest = tail;
            }
            [letter, tail @ ..] => {
                letters.push(*letter);
                *rest = tail;
            }
        }
    }
    if negated {
        letters = (' '..='~').filter(|letter| !letters.contains(letter)).collect();
    }
    match letters.is_empty() {
        true => Err("a class leaves no character".to_owned()),
        false => Ok(Pattern::OneOf(letters)),
    }
}

fn quantified(part: Pattern, rest: &mut &[char]) -> Result<Pattern, String> {
    let (least, most, length) = match *rest {
        ['?', ..] => (0, 1, 1),
        ['*', ..] => (0, UNBOUNDED, 1),
        ['+', ..] => (1, 1 + UNBOUNDED, 1),
        ['{', tail @ ..] => {
            let Some(end) = tail.iter().position(|c| *c == '}') else {
                return Err("a { is not closed".to_owned());
            };
            let text: String = tail[..end].iter().collect();
            let number = |text: &str| {
                let number = text.trim().parse::<u32>().ok().filter(|number| *number <= MOST);
                number.ok_or_else(|| format!("{{{text}}} is no number of repetitions up to {MOST}"))
            };
            let (least, most) = match text.split_once(',') {
                None => (number(&text)?, number(&text)?),
                Some((least, "")) => (number(least)?, number(least)? + UNBOUNDED),
                Some((least, most)) => (number(least)?, number(most)?),
            };
            if least > most {
                return Err(format!("{{{text}}} ends before it begins"));
            }
            (least, most, end + 2)
        }
        _ => return Ok(part),
    };
    *rest = &rest[length..];
    Ok(Pattern::Repeat(Box::new(part), least, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pattern: &str) -> std::collections::BTreeSet<String> {
        let parsed = Pattern::parse(pattern).unwrap();
        let text = |record| {
            let mut text = String::new();
            parsed.generate(&mut Random::of_record(0, 0, record), &mut text);
            text
        };
        (0..500).map(text).collect()
    }

    #[test]
    fn every_text_that_is_described_comes_and_no_other() {
        for (pattern, expected) in [
            ("User_[1-3]", &["User_1", "User_2", "User_3"][..]),
            ("a{0,2}", &["", "a", "aa"]),
            ("(x|yz)?!", &["!", "x!", "yz!"]),
            (r"\.[]a]", &[".]", ".a"]),
            ("^(?:ab){2}$", &["abab"]),
            ("", &[""]),
        ] {
            assert_eq!(texts(pattern).iter().map(String::as_str).collect::<Vec<_>>(), expected, "{pattern}");
        }
        assert!(texts(r"\d[^a-z]").iter().all(|text| text.len() == 2 && text.as_bytes()[0].is_ascii_digit()));
    }

    #[test]
    fn what_is_not_supported_is_said() {
        for (pattern, part) in [
            ("(a", "group is not closed"),
            ("[a", "class is not closed"),
            ("a)", "`)` stands"),
            ("*a", "`*` repeats nothing"),
            ("a{2,1}", "ends before"),
            ("a{99999}", "up to 10000"),
            (r"\pL", r"\p is not supported"),
            ("[b-a]", "range b-a"),
        ] {
            assert!(Pattern::parse(pattern).unwrap_err().contains(part), "{pattern}");
        }
    }
}
