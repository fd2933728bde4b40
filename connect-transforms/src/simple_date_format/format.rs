//! Writing.

use std::fmt::Write;

use super::moment::Moment;
use super::names::{AM_PM, DAYS, ERAS, MONTHS};
use super::pattern::{Item, Letter};
use super::zones::{Offsets, Zone};

/// The most digits that Java pads a number to.
const MAX_PADDING: usize = 309;

/// Appends an instant as the pattern has it. `None` for the zone is UTC.
pub(super) fn write(
    out: &mut String,
    items: &[Item],
    millis: i64,
    zone: Option<&Zone>,
    (raw, save): Offsets,
) {
    let offset = i64::from(raw) + i64::from(save);
    let moment = Moment::new(millis, offset);
    for item in items {
        match item {
            Item::Text(text) => out.push_str(text),
            Item::Field(Letter::ZoneName, count) => {
                let name = match zone {
                    Some(zone) => zone.name(*count >= 4, save != 0),
                    None if *count >= 4 => "Coordinated Universal Time",
                    None => "UTC",
                };
                out.push_str(name);
            }
            Item::Field(Letter::ZoneOffset, _) => zone_offset(out, offset / 60_000),
            Item::Field(Letter::IsoZone, count) => iso_zone(out, offset, *count),
            Item::Field(letter, count) => field(out, &moment, *letter, *count),
        }
    }
}

fn field(out: &mut String, moment: &Moment, letter: Letter, count: usize) {
    let hour = moment.hour();
    let name = |(long, short): (&'static str, &'static str)| if count >= 4 { long } else { short };
    let number = match letter {
        Letter::Era => return out.push_str(ERAS[moment.era()].1),
        Letter::Month if count >= 3 => return out.push_str(name(MONTHS[moment.month as usize - 1])),
        Letter::DayName => return out.push_str(name(DAYS[moment.day_of_week() as usize])),
        Letter::AmPm => return out.push_str(AM_PM[usize::from(hour >= 12)].1),
        Letter::Year => return year(out, moment.year_of_era(), count),
        Letter::WeekYear => return year(out, moment.week_year(), count),
        Letter::Month => moment.month,
        Letter::WeekOfYear => moment.week_of_year(),
        Letter::WeekOfMonth => moment.week_of_month(),
        Letter::DayOfYear => moment.day_of_year(),
        Letter::DayOfMonth => moment.day_of_month,
        Letter::DayOfWeekInMonth => moment.day_of_week_in_month(),
        // Monday is 1, Sunday 7.
        Letter::DayNumber => (moment.day_of_week() + 6) % 7 + 1,
        Letter::HourOfDay => hour,
        Letter::HourOfDayFrom1 => {
            if hour == 0 {
                24
            } else {
                hour
            }
        }
        Letter::Hour => hour % 12,
        Letter::HourFrom1 => (hour + 11) % 12 + 1,
        Letter::Minute => moment.millis_of_day / 60_000 % 60,
        Letter::Second => moment.millis_of_day / 1000 % 60,
        Letter::Millisecond => moment.millis_of_day % 1000,
        // Written by the caller.
        Letter::ZoneName | Letter::ZoneOffset | Letter::IsoZone => return,
    };
    padded(out, number, count);
}

/// Two letters cut the year to two digits.
fn year(out: &mut String, year: i64, count: usize) {
    padded(out, if count == 2 { year % 100 } else { year }, count);
    if count == 2 && year < 0 && year % 100 == 0 {
        out.insert(out.len() - 2, '-');
    }
}

fn padded(out: &mut String, number: i64, digits: usize) {
    if number < 0 {
        out.push('-');
    }
    let digits = digits.min(MAX_PADDING);
    let _ = write!(out, "{:0digits$}", number.unsigned_abs());
}

/// `+0130`
fn zone_offset(out: &mut String, minutes: i64) {
    out.push(if minutes < 0 { '-' } else { '+' });
    let minutes = minutes.abs();
    let _ = write!(out, "{:04}", minutes / 60 * 100 + minutes % 60);
}

/// `Z`, `+01`, `+0130` or `+01:30`
fn iso_zone(out: &mut String, offset: i64, count: usize) {
    if offset == 0 {
        out.push('Z');
        return;
    }
    let minutes = offset / 60_000;
    out.push(if minutes < 0 { '-' } else { '+' });
    let minutes = minutes.abs();
    let _ = write!(out, "{:02}", minutes / 60);
    if count > 1 {
        let colon = if count == 3 { ":" } else { "" };
        let _ = write!(out, "{colon}{:02}", minutes % 60);
    }
}
