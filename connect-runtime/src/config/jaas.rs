//! Java's login configurations: one module in `sasl.jaas.config`, or a JAAS file with entries of several.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

/// What is wrong with a text; never the text itself, which holds secrets.
pub(crate) type Malformed = &'static str;
type Tokens = Peekable<IntoIter<String>>;

/// How much the success of one login module counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Required,
    Requisite,
    Sufficient,
    Optional,
}

/// `module flag key="value" … ;`. It has no `Debug`: the options hold passwords.
pub(crate) struct LoginModule {
    /// The class name.
    pub(crate) class: String,
    pub(crate) flag: Flag,
    pub(crate) options: BTreeMap<String, String>,
}

impl LoginModule {
    fn read(tokens: &mut Tokens) -> Result<Self, Malformed> {
        let class = tokens.next().ok_or("it is empty")?;
        let flag =
            match tokens.next().ok_or("the control flag `required` is missing")?.to_lowercase().as_str() {
                "required" => Flag::Required,
                "requisite" => Flag::Requisite,
                "sufficient" => Flag::Sufficient,
                "optional" => Flag::Optional,
                _ => return Err("the word after the login module must be `required`"),
            };
        let mut options = BTreeMap::new();
        loop {
            let key = tokens.next().ok_or("the closing `;` is missing")?;
            if key == ";" {
                return Ok(Self { class, flag, options });
            }
            if key == "}" {
                return Err("the closing `;` is missing");
            }
            let (Some(equals), Some(value)) = (tokens.next(), tokens.next()) else {
                return Err("an option has no value");
            };
            if equals != "=" || value == ";" {
                return Err("options are written key=\"value\"");
            }
            options.insert(key, value);
        }
    }
}

/// The only module of a text.
pub(crate) fn only_module(text: &str) -> Result<LoginModule, Malformed> {
    let mut tokens = tokens(text, "=;")?;
    let module = LoginModule::read(&mut tokens)?;
    match tokens.next() {
        None => Ok(module),
        Some(_) => Err("it names more than one login module"),
    }
}

/// The entries of a JAAS file: `Name { module flag key="value" … ; … };`.
pub(crate) fn entries(text: &str) -> Result<BTreeMap<String, Vec<LoginModule>>, Malformed> {
    let mut tokens = tokens(text, "=;{}")?;
    let mut entries = BTreeMap::new();
    while let Some(name) = tokens.next() {
        if tokens.next().as_deref() != Some("{") {
            return Err("the name of an entry is followed by `{`");
        }
        let mut modules = Vec::new();
        while tokens.peek().is_some_and(|token| token != "}") {
            modules.push(LoginModule::read(&mut tokens)?);
        }
        if (tokens.next().as_deref(), tokens.next().as_deref()) != (Some("}"), Some(";")) {
            return Err("an entry ends with `};`");
        }
        if entries.insert(name, modules).is_some() {
            return Err("two entries have one name");
        }
    }
    Ok(entries)
}

/// Words, quoted texts and single signs, with comments left out.
fn tokens(text: &str, signs: &str) -> Result<Tokens, Malformed> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        match next {
            c if c.is_whitespace() => {}
            c if signs.contains(c) => tokens.push(next.to_string()),
            '"' | '\'' => tokens.push(quoted(&mut chars, next)?),
            '/' if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) =
                    chars.next_if(|c| !c.is_whitespace() && !matches!(c, '"' | '\'') && !signs.contains(*c))
                {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens.into_iter().peekable())
}

fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> Result<String, Malformed> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(text),
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some(escaped) => text.push(escaped),
                None => break,
            },
            c => text.push(c),
        }
    }
    Err("a quotation mark is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_entries_of_modules() {
        let text = "/* who may */ KafkaConnect {\n  a.PropertyFileLoginModule required\n  file=\"/etc/a{b}.properties\";\n};\n\
                    Other { x.Y optional; // no options\n x.Z sufficient a=b; };";
        let entries = entries(text).ok().unwrap();
        let [module] = &entries["KafkaConnect"][..] else { panic!("one module") };
        assert_eq!((module.class.as_str(), module.flag), ("a.PropertyFileLoginModule", Flag::Required));
        assert_eq!(module.options["file"], "/etc/a{b}.properties");
        let flags: Vec<_> = entries["Other"].iter().map(|module| module.flag).collect();
        assert_eq!(flags, [Flag::Optional, Flag::Sufficient]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        for (text, why) in [
            ("KafkaConnect", "followed by `{`"),
            ("KafkaConnect { a required file=\"x\" };", "closing `;`"),
            ("KafkaConnect { a required;", "ends with `};`"),
            ("KafkaConnect { a required; }", "ends with `};`"),
            ("KafkaConnect { a needed; };", "must be `required`"),
            ("A { }; A { };", "one name"),
        ] {
            let error = entries(text).err().unwrap();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
