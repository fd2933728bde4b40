//! Regular expressions as Java takes them, and replacements with groups.

use crate::dice::Dice;

const WHOLE: &[&str] = &[
    "orders",
    ".*",
    "(.*)",
    "orders.*",
    "([a-z]+)(-.*)?",
    "(.+)-(\\d+)",
    "(?<base>[^-]+)(?:-(?<year>\\d{4}))?",
    "o(r)ders",
    "[^.]*\\.(.*)",
    "(.*)-(.*)-(.*)",
    "(?i)ORDERS",
    "(?i:orders)",
    "\\w+",
    "\\p{Lower}+",
    "\\p{Alpha}\\w*",
    "\\p{L}+",
    "\\p{IsAlphabetic}+",
    "\\p{javaLowerCase}+",
    "\\Qa.b\\E",
    "a\\.b",
    "a|orders|t",
    "(a)|(orders)",
    "^orders$",
    "\\Aorders\\z",
    "orders\\Z",
    "\\borders\\b",
    "[a-z&&[^x]]+",
    "[a-z[0-9-]]+",
    "[^a-c]+",
    "[\\w.-]+",
    "orders{1}",
    "o{1,3}rders",
    "x*+",
    ".*+",
    "(?=o)orders",
    "(?!x).*",
    "(?<=x).*",
    "(o)\\1?rders",
    "\\x6Frders",
    "\\u006frders",
    "\\0157rders",
    "\\t*orders",
    "[[:alpha:]]+",
    "\\h*orders",
    "\\R?orders",
    "\\X+",
    "(?x) orders # all",
    "(?s).*",
    "(?m)^.*$",
    "(?u)é",
    "é",
    "É",
    "(?i)É",
    "(?iu)É",
    "[à-ü]",
    "\\P{Upper}+",
    "\\D+",
    "\\S*",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "a{",
    "a{2,1}",
    "*",
    "+a",
    "a**",
    "a++",
    "(?<1a>x)",
    "(?<n>x)(?<n>y)",
    "\\",
    "\\k<base>",
    "(?<base>o)rders\\k<base>?",
    "",
    "\\p{Bogus}",
    "[z-a]",
    "[]",
    "[^]",
    "\\Q",
    "\\E",
    "(?>orders)",
    "(?:o|or)ders",
    "(.*?)s",
    "(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w)(\\w).*",
    "my_topic\\.v(\\d)",
    "db\\.(\\w+)\\.(\\w+)",
    "prefix-(.*)-suffix",
    "\\$\\{topic\\}",
    "x\\$1",
    "[$]\\{.*",
    "\\cA?orders",
    "[a-z]{2,}",
    "[\\d]+",
    "(\\p{Alnum}|-)+",
    "\\p{Punct}",
    "\\p{Graph}+",
    "\\p{IsLatin}+",
    "\\p{InBasicLatin}+",
    "\\N{LATIN SMALL LETTER O}rders",
    "orders|",
    "()orders",
    "(|o)(r|)ders",
];

const PIECES: &[&str] = &[
    ".", "\\w", "[a-z]", "\\.", "-", "(o)", "(.*)", "[^-]", "orders", "s", "\\d", "(?:a|b)", "(a|o)", "r",
    "$", "^", "\\b", "[.-]", "\\D",
];

/// An expression, mostly valid.
pub(crate) fn regex(dice: &mut Dice) -> String {
    if dice.percent(80) {
        return dice.word(WHOLE);
    }
    let mut text = String::new();
    for _ in 0..1 + dice.below(5) {
        text.push_str(dice.one(PIECES));
        text.push_str(dice.one(&["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,3}", "|"]));
    }
    text
}

/// A replacement, mostly valid.
pub(crate) fn replacement(dice: &mut Dice) -> String {
    const PARTS: &[&str] = &[
        "new", "$0", "$1", "$1", "$2", "-", "_", "${base}", "${year}", "$10", "$11", "\\$", "\\\\", "é", ".",
        "x", "$1x", "$01", "\\n", "a",
    ];
    const WRONG: &[&str] =
        &["$", "\\", "${", "${}", "${nope}", "$x", "${1}", "$9", "$é", "$ ", "${base", "$-1"];
    let mut text = String::new();
    for _ in 0..dice.below(4) {
        text.push_str(dice.one(PARTS));
    }
    if dice.percent(10) {
        text.push_str(dice.one(WRONG));
    }
    text
}
