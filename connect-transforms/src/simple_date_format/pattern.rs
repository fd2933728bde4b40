//! Patterns: what the letters and quotes mean.

/// What a letter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Era,
    Year,
    WeekYear,
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfYear,
    DayOfMonth,
    DayOfWeekInMonth,
    DayName,
    DayNumber,
    AmPm,
    HourOfDay,
    HourOfDayFrom1,
    Hour,
    HourFrom1,
    Minute,
    Second,
    Millisecond,
    ZoneName,
    ZoneOffset,
    IsoZone,
}

impl Letter {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'G' => Self::Era,
            'y' => Self::Year,
            'Y' => Self::WeekYear,
            // `L` differs from `M` in languages that inflect the names of months; English does not.
            'M' | 'L' => Self::Month,
            'w' => Self::WeekOfYear,
            'W' => Self::WeekOfMonth,
            'D' => Self::DayOfYear,
            'd' => Self::DayOfMonth,
            'F' => Self::DayOfWeekInMonth,
            'E' => Self::DayName,
            'u' => Self::DayNumber,
            'a' => Self::AmPm,
            'H' => Self::HourOfDay,
            'k' => Self::HourOfDayFrom1,
            'K' => Self::Hour,
            'h' => Self::HourFrom1,
            'm' => Self::Minute,
            's' => Self::Second,
            'S' => Self::Millisecond,
            'z' => Self::ZoneName,
            'Z' => Self::ZoneOffset,
            'X' => Self::IsoZone,
            _ => return None,
        })
    }
}

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Text that stands for itself.
    Text(String),
    /// A letter and how often it stands there.
    Field(Letter, usize),
}

impl Item {
    /// Whether the number before this part must keep to the number of its letters, so that `yyyyMMdd` can be read.
    pub(super) fn limits_number_before(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Field(Letter::Month, count) => *count <= 2,
            Self::Field(letter, _) => !matches!(
                letter,
                Letter::Era
                    | Letter::DayName
                    | Letter::AmPm
                    | Letter::ZoneName
                    | Letter::ZoneOffset
                    | Letter::IsoZone
            ),
        }
    }
}

/// The parts of a pattern, or in Java's words what is wrong.
pub(super) fn compile(pattern: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    let mut text = String::new();
    let mut quoted = false;
    let mut rest = pattern.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == '\'' {
            if rest.next_if_eq(&'\'').is_some() {
                text.push('\'');
            } else {
                quoted = !quoted;
            }
            continue;
        }
        if quoted || !letter.is_ascii_alphabetic() {
            text.push(letter);
            continue;
        }
        if !text.is_empty() {
            items.push(Item::Text(std::mem::take(&mut text)));
        }
        let mut count = 1;
        while rest.next_if_eq(&letter).is_some() {
            count += 1;
        }
        match Letter::of(letter) {
            None => return Err(illegal(letter)),
            Some(Letter::IsoZone) if count > 3 => {
                // Java looks at the next letter before it looks at how many there were of this one.
                let next =
                    rest.peek().filter(|next| next.is_ascii_alphabetic() && Letter::of(**next).is_none());
                return Err(match next {
                    Some(next) => illegal(*next),
                    None => format!("invalid ISO 8601 format: length={count}"),
                });
            }
            Some(field) => items.push(Item::Field(field, count)),
        }
    }
    if quoted {
        return Err("Unterminated quote".to_owned());
    }
    if !text.is_empty() {
        items.push(Item::Text(text));
    }
    Ok(items)
}

fn illegal(letter: char) -> String {
    format!("Illegal pattern character '{letter}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_take_the_meaning_from_letters() {
        let text = |text: &str| Item::Text(text.to_owned());
        assert_eq!(
            compile("yyyy'T''x'MM").unwrap(),
            [Item::Field(Letter::Year, 4), text("T'x"), Item::Field(Letter::Month, 2)]
        );
        assert_eq!(compile("''").unwrap(), [text("'")]);
        assert_eq!(compile("'").unwrap_err(), "Unterminated quote");
        assert_eq!(compile("yb'").unwrap_err(), "Illegal pattern character 'b'");
        assert_eq!(compile("XXXX").unwrap_err(), "invalid ISO 8601 format: length=4");
    }
}
