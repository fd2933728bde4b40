//! Dates and times as text: three fixed patterns, read as leniently as Java's `SimpleDateFormat` reads them.

use std::fmt::Write;

use super::super::java::{self, civil_from_days, days_from_civil};
use super::super::logical::MILLIS_PER_DAY;
use super::super::{Date, Schema};

/// Reads `yyyy-MM-dd`, `HH:mm:ss.SSS'Z'` or `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`, told apart by length. Colons may be escaped.
pub(super) fn parse(text: &str) -> Option<(Schema, Date)> {
    let text = &*java::ascii_digits(text);
    if !text.starts_with(|first: char| first.is_ascii_digit() || first <= ' ' || first == '-') {
        return None;
    }
    let unescaped;
    let text = if text.contains("\\:") {
        unescaped = text.replace("\\:", ":");
        unescaped.as_str()
    } else {
        text
    };
    match text.encode_utf16().count() {
        10 => {
            let mut reader = Reader(text);
            Some((Schema::date(), Date(reader.date()? * MILLIS_PER_DAY)))
        }
        13 => {
            let mut reader = Reader(text);
            Some((Schema::time(), Date(reader.time()?)))
        }
        24 => {
            let mut reader = Reader(text);
            let days = reader.date()?;
            reader.literal("T")?;
            Some((Schema::timestamp(), Date(days * MILLIS_PER_DAY + reader.time()?)))
        }
        _ => None,
    }
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// As many digits as there are; 32 bits of the number.
    fn number(&mut self) -> Option<i64> {
        let text = self.0.trim_start_matches([' ', '\t']);
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        if end == 0 {
            return None;
        }
        let number = match text[..end].parse::<i64>() {
            Ok(number) => (if negative { -number } else { number }) as i32,
            Err(_) => {
                if negative {
                    i32::MIN
                } else {
                    i32::MAX
                }
            }
        };
        self.0 = &text[end..];
        Some(number.into())
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.number()?;
        self.literal("-")?;
        let month = self.number()?;
        self.literal("-")?;
        Some(days_from_civil(year, month, self.number()?))
    }

    fn time(&mut self) -> Option<i64> {
        let hours = self.number()?;
        self.literal(":")?;
        let minutes = self.number()?;
        self.literal(":")?;
        let seconds = self.number()?;
        self.literal(".")?;
        let millis = self.number()?;
        self.literal("Z")?;
        Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
    }
}

/// Writes the first day (and everything before it) as a time, midnights as dates, and everything else as timestamps.
pub(super) fn write(out: &mut String, date: Date) {
    let (days, millis) = (date.0.div_euclid(MILLIS_PER_DAY), date.0.rem_euclid(MILLIS_PER_DAY));
    let as_time = date.0 < MILLIS_PER_DAY;
    if !as_time {
        let (year, month, day) = civil_from_days(days);
        let _ = write!(out, "{year:04}-{month:02}-{day:02}");
        if millis == 0 {
            return;
        }
        out.push('T');
    }
    let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    let _ = write!(out, "{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1000);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(date: i64) -> String {
        let mut text = String::new();
        write(&mut text, Date(date));
        text
    }

    #[test]
    fn the_pattern_follows_from_the_value() {
        assert_eq!(written(0), "00:00:00.000Z");
        assert_eq!(written(-1), "23:59:59.999Z");
        assert_eq!(written(MILLIS_PER_DAY), "1970-01-02");
        assert_eq!(written(1_566_570_894_346), "2019-08-23T14:34:54.346Z");
    }

    #[test]
    fn fields_may_overflow() {
        assert_eq!(parse("99:99:99.999Z").unwrap().1, Date(362_439_999));
        assert_eq!(parse("2019-13-32").unwrap().1, parse("2020-02-01").unwrap().1);
        assert_eq!(parse("2019-8-23"), None);
        assert_eq!(parse("2019-08-2x").unwrap().1, parse("2019-08-02").unwrap().1);
    }
}
