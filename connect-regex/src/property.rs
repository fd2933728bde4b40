//! The names in `\p{…}`: general categories, POSIX classes, Java's own classes, scripts, blocks and properties.

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind};

use crate::sets::{and, not, range, ranges, union};

/// The names that have a meaning of their own by the flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Modes {
    pub(crate) ignore_case: bool,
    /// `(?U)`: POSIX names and `\w` and its kin mean Unicode's properties.
    pub(crate) unicode_classes: bool,
}

/// What Unicode says, by the name of a category or property.
fn unicode(name: &str) -> ClassUnicode {
    let parsed = regex_syntax::parse(&format!(r"\p{{{name}}}")).map(Hir::into_kind);
    match parsed {
        Ok(HirKind::Class(Class::Unicode(set))) => set,
        // A set of one character.
        Ok(HirKind::Literal(literal)) => {
            let text = std::str::from_utf8(&literal.0).unwrap_or_default();
            union(text.chars().map(|c| range(c.into(), c.into())))
        }
        _ => ClassUnicode::empty(),
    }
}

fn any(names: &[&str]) -> ClassUnicode {
    union(names.iter().map(|name| unicode(name)))
}

/// The set of this name, as it stands between the braces.
pub(crate) fn named(name: &str, modes: Modes) -> Result<ClassUnicode, String> {
    if let Some((key, value)) = name.split_once('=') {
        let found = match key.to_ascii_lowercase().as_str() {
            "sc" | "script" => script(value),
            "blk" | "block" => block(value),
            "gc" | "general_category" => general(value, modes),
            _ => None,
        };
        let key = key.to_lowercase();
        return found.ok_or_else(|| format!("Unknown Unicode property {{name=<{key}>, value=<{value}>}}"));
    }
    let found = if let Some(name) = name.strip_prefix("In") {
        block(name)
    } else if let Some(name) = name.strip_prefix("Is") {
        property(name, modes).or_else(|| general(name, modes)).or_else(|| script(name))
    } else {
        let posix = if modes.unicode_classes { posix_property(name, modes) } else { None };
        posix.or_else(|| general(name, modes))
    };
    found.ok_or_else(|| format!("Unknown character property name {{{name}}}"))
}

/// The sets that a name without `Is` or `In` can mean.
fn general(name: &str, modes: Modes) -> Option<ClassUnicode> {
    if modes.ignore_case {
        match name {
            "Lu" | "Ll" | "Lt" => return Some(any(&["Lu", "Ll", "Lt"])),
            "Lower" | "Upper" => return Some(ranges(&[(0x41, 0x5A), (0x61, 0x7A)])),
            "javaLowerCase" | "javaUpperCase" | "javaTitleCase" => {
                return Some(any(&["Lowercase", "Uppercase", "Lt"]));
            }
            _ => {}
        }
    }
    Some(match name {
        "Cn" | "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "Mn" | "Me" | "Mc" | "Nd" | "Nl" | "No" | "Zs" | "Zl"
        | "Zp" | "Cc" | "Cf" | "Co" | "Pd" | "Ps" | "Pe" | "Pc" | "Po" | "Sm" | "Sc" | "Sk" | "So" | "Pi"
        | "Pf" | "L" | "M" | "N" | "Z" | "P" | "S" => unicode(name),
        "C" => unicode("Other"),
        "Cs" => ClassUnicode::empty(),
        "LC" => any(&["Lu", "Ll", "Lt"]),
        "LD" => any(&["L", "Nd"]),
        "L1" => range(0, 0xFF),
        "all" => range(0, 0x10FFFF),
        "ASCII" => range(0, 0x7F),
        "Alnum" => ranges(&[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
        "Alpha" => ranges(&[(0x41, 0x5A), (0x61, 0x7A)]),
        "Blank" => ranges(&[(0x20, 0x20), (0x09, 0x09)]),
        "Cntrl" => ranges(&[(0, 0x1F), (0x7F, 0x7F)]),
        "Digit" => range(0x30, 0x39),
        "Graph" => range(0x21, 0x7E),
        "Lower" => range(0x61, 0x7A),
        "Print" => range(0x20, 0x7E),
        "Punct" => ranges(&[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]),
        "Space" => ranges(&[(0x09, 0x0D), (0x20, 0x20)]),
        "Upper" => range(0x41, 0x5A),
        "XDigit" => ranges(&[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
        _ => return java(name.strip_prefix("java")?),
    })
}

/// The tests of `java.lang.Character`.
fn java(name: &str) -> Option<ClassUnicode> {
    let ignorable = || union([ranges(&[(0, 8), (0xE, 0x1B), (0x7F, 0x9F)]), unicode("Cf")]);
    let id_start = || any(&["L", "Nl"]);
    let id_part = || union([id_start(), any(&["Pc", "Nd", "Mc", "Mn"]), ignorable()]);
    Some(match name {
        "LowerCase" => unicode("Lowercase"),
        "UpperCase" => unicode("Uppercase"),
        "Alphabetic" => unicode("Alphabetic"),
        "Ideographic" => unicode("Ideographic"),
        "TitleCase" => unicode("Lt"),
        "Digit" => unicode("Nd"),
        "Defined" => not(unicode("Cn")),
        "Letter" => unicode("L"),
        "LetterOrDigit" => any(&["L", "Nd"]),
        "JavaIdentifierStart" => union([id_start(), any(&["Sc", "Pc"])]),
        "JavaIdentifierPart" => union([id_part(), unicode("Sc")]),
        "UnicodeIdentifierStart" => union([id_start(), unicode("Other_ID_Start"), others_start()]),
        "UnicodeIdentifierPart" => union([id_part(), others_start(), others_part()]),
        "IdentifierIgnorable" => ignorable(),
        "SpaceChar" => unicode("Z"),
        "Whitespace" => {
            let breaking =
                and(unicode("Z"), &not(ranges(&[(0xA0, 0xA0), (0x2007, 0x2007), (0x202F, 0x202F)])));
            union([breaking, ranges(&[(9, 0xD), (0x1C, 0x1F)])])
        }
        "ISOControl" => ranges(&[(0, 0x1F), (0x7F, 0x9F)]),
        "Mirrored" => mirrored(),
        _ => return None,
    })
}

/// Unicode's `Other_ID_Start`, which keeps identifiers of earlier versions valid.
fn others_start() -> ClassUnicode {
    ranges(&[(0x1885, 0x1886), (0x2118, 0x2118), (0x212E, 0x212E), (0x309B, 0x309C)])
}

/// Unicode's `Other_ID_Continue`.
fn others_part() -> ClassUnicode {
    ranges(&[(0xB7, 0xB7), (0x387, 0x387), (0x1369, 0x1371), (0x19DA, 0x19DA)])
}

/// Unicode's `Bidi_Mirrored`.
fn mirrored() -> ClassUnicode {
    let parse = |line: &str| {
        let (from, to) = line.split_once("..")?;
        Some((u32::from_str_radix(from, 16).ok()?, u32::from_str_radix(to, 16).ok()?))
    };
    ranges(&include_str!("mirrored.txt").lines().filter_map(parse).collect::<Vec<_>>())
}

fn graph() -> ClassUnicode {
    not(any(&["Z", "Cc", "Cn"]))
}

/// `Is` and a name in any case, with the underscores or without.
fn property(name: &str, modes: Modes) -> Option<ClassUnicode> {
    let name = name.to_ascii_uppercase();
    if modes.ignore_case && matches!(name.as_str(), "LOWERCASE" | "UPPERCASE" | "TITLECASE") {
        return Some(any(&["Lowercase", "Uppercase", "Lt"]));
    }
    Some(match name.as_str() {
        "ALPHABETIC" => unicode("Alphabetic"),
        "LETTER" => unicode("L"),
        "IDEOGRAPHIC" => unicode("Ideographic"),
        "LOWERCASE" => unicode("Lowercase"),
        "UPPERCASE" => unicode("Uppercase"),
        "TITLECASE" => unicode("Lt"),
        "WHITE_SPACE" | "WHITESPACE" => union([unicode("Z"), ranges(&[(9, 0xD), (0x85, 0x85)])]),
        "CONTROL" => unicode("Cc"),
        "PUNCTUATION" => unicode("P"),
        "HEX_DIGIT" | "HEXDIGIT" => hex_digit(),
        "ASSIGNED" => not(unicode("Cn")),
        "NONCHARACTER_CODE_POINT" | "NONCHARACTERCODEPOINT" => {
            let ends = (0..=0x10).map(|plane| range(plane << 16 | 0xFFFE, plane << 16 | 0xFFFF));
            union(ends.chain([range(0xFDD0, 0xFDEF)]))
        }
        "DIGIT" => unicode("Nd"),
        "ALNUM" => any(&["Alphabetic", "Nd"]),
        "BLANK" => union([unicode("Zs"), range(9, 9)]),
        "GRAPH" => graph(),
        "PRINT" => union([graph(), unicode("Zs")]),
        "WORD" => word(),
        "JOIN_CONTROL" | "JOINCONTROL" => range(0x200C, 0x200D),
        _ => return None,
    })
}

fn hex_digit() -> ClassUnicode {
    let letters = ranges(&[(0x41, 0x46), (0x61, 0x66), (0xFF21, 0xFF26), (0xFF41, 0xFF46)]);
    union([unicode("Nd"), letters])
}

/// `\w` under `(?U)`.
pub(crate) fn word() -> ClassUnicode {
    union([any(&["Alphabetic", "M", "Nd", "Pc"]), range(0x200C, 0x200D)])
}

/// What the POSIX names mean under `(?U)`.
fn posix_property(name: &str, modes: Modes) -> Option<ClassUnicode> {
    let long = match name.to_ascii_uppercase().as_str() {
        "ALPHA" => "ALPHABETIC",
        "LOWER" => "LOWERCASE",
        "UPPER" => "UPPERCASE",
        "SPACE" => "WHITE_SPACE",
        "PUNCT" => "PUNCTUATION",
        "XDIGIT" => "HEX_DIGIT",
        "ALNUM" => "ALNUM",
        "CNTRL" => "CONTROL",
        "DIGIT" => "DIGIT",
        "BLANK" => "BLANK",
        "GRAPH" => "GRAPH",
        "PRINT" => "PRINT",
        _ => return None,
    };
    property(long, modes)
}

/// `\d`, `\h`, `\s`, `\v`, `\w`.
pub(crate) fn shorthand(letter: char, modes: Modes) -> Option<ClassUnicode> {
    Some(match (letter, modes.unicode_classes) {
        ('d', false) => range(0x30, 0x39),
        ('d', true) => unicode("Nd"),
        ('s', false) => ranges(&[(9, 0xD), (0x20, 0x20)]),
        ('s', true) => property("WHITE_SPACE", modes)?,
        ('w', false) => ranges(&[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]),
        ('w', true) => word(),
        ('h', _) => ranges(&[
            (0x20, 0x20),
            (9, 9),
            (0xA0, 0xA0),
            (0x1680, 0x1680),
            (0x180E, 0x180E),
            (0x2000, 0x200A),
            (0x202F, 0x202F),
            (0x205F, 0x205F),
            (0x3000, 0x3000),
        ]),
        ('v', _) => ranges(&[(0xA, 0xD), (0x85, 0x85), (0x2028, 0x2029)]),
        _ => return None,
    })
}

/// A script by its name or its code of four letters, in any case.
fn script(name: &str) -> Option<ClassUnicode> {
    let wanted = Some(name.to_ascii_uppercase()).filter(|name| !name.is_empty())?;
    let line =
        include_str!("scripts.txt").lines().find(|line| line.split('|').any(|known| known == wanted))?;
    let long = line.split('|').next()?;
    match long {
        // What no script has.
        "UNKNOWN" => Some(any(&["Cn", "Co"])),
        _ => Some(unicode(&format!("sc={long}"))),
    }
}

/// A block by one of its names, in any case.
fn block(name: &str) -> Option<ClassUnicode> {
    let wanted = name.to_ascii_uppercase();
    let places = include_str!("blocks.txt").lines().find_map(|line| {
        let (places, names) = line.split_once(' ')?;
        names.split('|').any(|known| known == wanted).then_some(places)
    })?;
    let (from, to) = places.split_once("..")?;
    Some(range(u32::from_str_radix(from, 16).ok()?, u32::from_str_radix(to, 16).ok()?))
}

/// Letters and digits, which `\b` looks for.
pub(crate) fn letter_or_digit() -> ClassUnicode {
    any(&["L", "Nd"])
}

/// Marks that belong to the character before them.
pub(crate) fn mark() -> ClassUnicode {
    unicode("Mn")
}

/// The parts of which `\X` is made, by the name of `Grapheme_Cluster_Break`.
pub(crate) fn grapheme_part(name: &str) -> ClassUnicode {
    match name {
        "Pictographic" => unicode("Extended_Pictographic"),
        name => unicode(&format!("gcb={name}")),
    }
}
