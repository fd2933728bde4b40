//! Reading.

use connect_api::data::java::digit;

use super::fields::{Field, Fields};
use super::names::{AM_PM, DAYS, ERAS, MONTHS, find, matches};
use super::pattern::{Item, Letter};
use super::{number, zones};

/// What reading leaves behind.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    /// The first year of the hundred that two digits can mean.
    century_start: i32,
    pub(super) fields: Fields,
    /// Whether the two digits are those of that first year.
    pub(super) ambiguous_year: bool,
}

/// Where reading failed, in bytes, and UTF-16 units beyond.
type Failure = (usize, usize);

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, century_start: i32) -> Self {
        Self { text, century_start, fields: Fields::default(), ambiguous_year: false }
    }

    /// Reads the whole pattern; the text may go on. The number of bytes that were read, or the UTF-16 index at which
    /// the text does not fit.
    pub(super) fn read(&mut self, items: &[Item]) -> Result<usize, usize> {
        let mut at = 0;
        for (index, item) in items.iter().enumerate() {
            let next = match item {
                Item::Text(text) => self.literal(at, text),
                Item::Field(letter, count) => {
                    let limited = items.get(index + 1).is_some_and(Item::limits_number_before);
                    self.field(at, *letter, *count, limited)
                }
            };
            at = next.map_err(|(bytes, more)| self.text[..bytes].encode_utf16().count() + more)?;
        }
        Ok(at)
    }

    fn literal(&self, mut at: usize, expected: &str) -> Result<usize, Failure> {
        let mut rest = self.text[at..].chars();
        for expected in expected.chars() {
            if rest.next() != Some(expected) {
                return Err((at, 0));
            }
            at += expected.len_utf8();
        }
        Ok(at)
    }

    fn field(&mut self, start: usize, letter: Letter, count: usize, limited: bool) -> Result<usize, Failure> {
        let rest = &self.text[start..];
        let at = start + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if at == self.text.len() {
            return Err((start, 0));
        }
        let failure = (at, 0);
        // Names must begin where the text goes on, numbers and zones may have spaces before.
        let name = |names| find(names, self.text, start).ok_or(failure);
        let (field, value, end) = match letter {
            Letter::ZoneName | Letter::ZoneOffset => return self.zone(start, at),
            Letter::IsoZone => return self.iso_zone(at, count),
            Letter::Era => named(Field::Era, name(&ERAS)?),
            Letter::Month if count > 2 => named(Field::Month, name(&MONTHS)?),
            Letter::DayName => {
                let (day, end) = name(&DAYS)?;
                (Field::DayOfWeek, day + 1, end)
            }
            Letter::AmPm => named(Field::AmPm, name(&AM_PM)?),
            _ => {
                let (value, end) = self.number(start, at, count, limited).ok_or(failure)?;
                let (field, value) = self.meaning(letter, count, value, &self.text[at..end]);
                (field, value, end)
            }
        };
        self.fields.set(field, value);
        Ok(end)
    }

    /// A number. Where the next field is a number, too, it takes no more than its letters, spaces included.
    fn number(&self, start: usize, at: usize, count: usize, limited: bool) -> Option<(i32, usize)> {
        if !limited {
            return number::parse(self.text, at);
        }
        let mut units = 0;
        let mut end = start;
        for character in self.text[start..].chars() {
            units += character.len_utf16();
            if units > count {
                break;
            }
            end += character.len_utf8();
        }
        let enough = units >= count;
        enough.then(|| number::parse(&self.text[..end], at)).flatten()
    }

    fn meaning(&mut self, letter: Letter, count: usize, value: i32, text: &str) -> (Field, i32) {
        match letter {
            Letter::Year => (Field::Year, self.year(count, value, text)),
            Letter::WeekYear => (Field::WeekYear, self.year(count, value, text)),
            Letter::WeekOfYear => (Field::WeekOfYear, value),
            Letter::WeekOfMonth => (Field::WeekOfMonth, value),
            Letter::DayOfYear => (Field::DayOfYear, value),
            Letter::DayOfMonth => (Field::DayOfMonth, value),
            Letter::DayOfWeekInMonth => (Field::DayOfWeekInMonth, value),
            Letter::DayNumber if (1..=7).contains(&value) => (Field::DayOfWeek, value % 7 + 1),
            Letter::DayNumber => (Field::DayOfWeek, value),
            Letter::HourOfDay => (Field::HourOfDay, value),
            Letter::HourOfDayFrom1 => (Field::HourOfDay, if value == 24 { 0 } else { value }),
            Letter::Hour => (Field::Hour, value),
            Letter::HourFrom1 => (Field::Hour, if value == 12 { 0 } else { value }),
            Letter::Minute => (Field::Minute, value),
            Letter::Second => (Field::Second, value),
            Letter::Millisecond => (Field::Millisecond, value),
            _ => (Field::Month, value.wrapping_sub(1)),
        }
    }

    /// Exactly two digits for at most two letters mean a year of the last eighty or the next twenty.
    fn year(&mut self, count: usize, value: i32, text: &str) -> i32 {
        let mut digits = text.chars();
        let two = [digits.next(), digits.next()];
        let two_digits = digits.next().is_none() && two.iter().all(|c| c.is_some_and(|c| digit(c).is_some()));
        if count > 2 || !two_digits {
            return value;
        }
        let first = self.century_start % 100;
        self.ambiguous_year = value == first;
        value + self.century_start / 100 * 100 + if value < first { 100 } else { 0 }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// `GMT`, `GMT+1:30`, `+0130`, or a name.
    fn zone(&mut self, start: usize, at: usize) -> Result<usize, Failure> {
        if let Some(sign) = sign(self.byte(at)) {
            return self.zone_number(at + 1, sign, true, false, false);
        }
        let gmt = matches!(self.byte(at), Some(b'G' | b'g'));
        if let Some(end) = matches(self.text, start, "GMT").filter(|_| gmt) {
            return match sign(self.byte(end)) {
                Some(sign) => self.zone_number(end + 1, sign, true, true, true),
                None => Ok(self.zone_offset(0, end)),
            };
        }
        let found = zones::find(self.text, at).ok_or((at, 0))?;
        self.fields.zone = Some(found.zone);
        if let Some(save) = found.save {
            self.fields.unset(Field::ZoneOffset);
            self.fields.set(Field::DstOffset, save);
        }
        Ok(found.end)
    }

    /// `Z`, `+01`, `+0130` or `+01:30`, by the number of letters.
    fn iso_zone(&mut self, at: usize, count: usize) -> Result<usize, Failure> {
        match (self.byte(at), sign(self.byte(at))) {
            (Some(b'Z'), _) => Ok(self.zone_offset(0, at + 1)),
            (_, Some(sign)) => self.zone_number(at + 1, sign, count > 1, count == 3, false),
            _ => Err((at, 1)),
        }
    }

    fn zone_number(
        &mut self,
        mut at: usize,
        sign: i32,
        with_minutes: bool,
        colon: bool,
        one_digit: bool,
    ) -> Result<usize, Failure> {
        let digit = |at: usize| self.byte(at).filter(u8::is_ascii_digit).map(|digit| i32::from(digit - b'0'));
        let mut hours = digit(at).ok_or((at, 0))?;
        at += 1;
        match digit(at) {
            Some(second) => {
                hours = hours * 10 + second;
                at += 1;
            }
            // Even where one digit is enough, something must follow it.
            None if one_digit && at < self.text.len() => {}
            None => return Err((at, 0)),
        }
        if hours > 23 {
            return Err((at - 1, 0));
        }
        let mut minutes = 0;
        if with_minutes {
            if colon {
                if self.byte(at) != Some(b':') {
                    return Err((at, 0));
                }
                at += 1;
            }
            let tens = digit(at).ok_or((at, 0))?;
            minutes = tens * 10 + digit(at + 1).ok_or((at + 1, 0))?;
            at += 2;
            if minutes > 59 {
                return Err((at - 1, 0));
            }
        }
        Ok(self.zone_offset((hours * 60 + minutes) * 60_000 * sign, at))
    }

    fn zone_offset(&mut self, millis: i32, end: usize) -> usize {
        self.fields.set(Field::ZoneOffset, millis);
        self.fields.set(Field::DstOffset, 0);
        end
    }
}

fn named(field: Field, (value, end): (i32, usize)) -> (Field, i32, usize) {
    (field, value, end)
}

fn sign(byte: Option<u8>) -> Option<i32> {
    match byte? {
        b'+' => Some(1),
        b'-' => Some(-1),
        _ => None,
    }
}
