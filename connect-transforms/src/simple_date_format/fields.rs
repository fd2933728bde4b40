//! From fields to an instant: how Java's `GregorianCalendar` resolves what a text said, leniently.

use connect_api::data::java::{CUTOVER, civil_from_days, gregorian_days, julian_days};
use connect_api::data::logical::MILLIS_PER_DAY;

use super::zones::{Offsets, Zone};

/// What a text can say. The order is of no importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// 0: before Christ.
    Era,
    Year,
    /// From 0.
    Month,
    WeekOfYear,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// From 1, Sunday, if it is one of the seven.
    DayOfWeek,
    DayOfWeekInMonth,
    AmPm,
    Hour,
    HourOfDay,
    Minute,
    Second,
    Millisecond,
    /// In milliseconds.
    ZoneOffset,
    /// In milliseconds.
    DstOffset,
    WeekYear,
}

const COUNT: usize = Field::WeekYear as usize + 1;

/// What a text said, and in which order: where it contradicts itself, what was said last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    values: [i32; COUNT],
    /// When each was set, counted from 1; 0: it was not.
    stamps: [usize; COUNT],
    last: usize,
    pub(super) zone: Option<&'static Zone>,
}

/// What a text said.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// Milliseconds since the epoch.
    pub(crate) millis: i64,
    /// The zone that was named.
    pub(super) zone: Option<&'static Zone>,
    /// The offsets in which Java writes this instant afterwards, if not in those of the zone: with a year of the week
    /// its calendar works everything out at once, and keeps it.
    pub(super) offsets: Option<Offsets>,
}

/// Which fields say the day.
#[derive(Clone, Copy)]
enum Day {
    OfMonth,
    OfYear,
    WeekOfMonth,
    WeekInMonth,
    WeekOfYear,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: i32) {
        self.last += 1;
        self.values[field as usize] = value;
        self.stamps[field as usize] = self.last;
    }

    pub(super) fn unset(&mut self, field: Field) {
        self.values[field as usize] = 0;
        self.stamps[field as usize] = 0;
    }

    /// Moves the year, of whichever kind.
    pub(super) fn add_years(&mut self, years: i32) {
        for field in [Field::Year, Field::WeekYear] {
            let year = &mut self.values[field as usize];
            *year = year.wrapping_add(years);
        }
    }

    /// The value, which is 0 where none was set.
    fn value(&self, field: Field) -> i32 {
        self.values[field as usize]
    }

    fn stamp(&self, field: Field) -> usize {
        self.stamps[field as usize]
    }

    fn is_set(&self, field: Field) -> bool {
        self.stamp(field) > 0
    }

    fn get(&self, field: Field) -> Option<i32> {
        self.is_set(field).then(|| self.value(field))
    }

    /// The later of two that are both set.
    fn stamp_of_both(&self, a: Field, b: Field) -> usize {
        if self.is_set(a) && self.is_set(b) { self.stamp(a).max(self.stamp(b)) } else { 0 }
    }

    pub(super) fn resolve(&self) -> Resolved {
        let by_week = self.stamp(Field::WeekYear) > self.stamp(Field::Year);
        let local = match by_week {
            true => self.of_week_year().local_millis(),
            false => self.local_millis(),
        };
        let (raw, save) = match (self.get(Field::ZoneOffset), self.get(Field::DstOffset)) {
            (Some(zone), Some(dst)) => (zone, dst),
            (zone_offset, dst_offset) => {
                let (raw, save) = self.zone.map_or((0, 0), |zone| zone.offsets_of_local(local));
                (zone_offset.unwrap_or(raw), dst_offset.unwrap_or(save))
            }
        };
        let millis = local.wrapping_sub(i64::from(raw) + i64::from(save));
        Resolved { millis, zone: self.zone, offsets: by_week.then_some((raw, save)) }
    }

    fn local_millis(&self) -> i64 {
        let time = self.time_of_day();
        let days = self.days(time.div_euclid(MILLIS_PER_DAY));
        days.wrapping_mul(MILLIS_PER_DAY).wrapping_add(time.rem_euclid(MILLIS_PER_DAY))
    }

    fn time_of_day(&self) -> i64 {
        let value = |field| i64::from(self.value(field));
        let of_day = self.stamp(Field::HourOfDay);
        let hour = self.stamp_of_both(Field::Hour, Field::AmPm);
        let hour =
            if hour.max(of_day) > 0 { hour } else { self.stamp(Field::Hour).max(self.stamp(Field::AmPm)) };
        let hours = if of_day > 0 && of_day >= hour {
            value(Field::HourOfDay)
        } else {
            value(Field::Hour) + 12_i64 * value(Field::AmPm)
        };
        ((hours * 60 + value(Field::Minute)) * 60 + value(Field::Second)) * 1000 + value(Field::Millisecond)
    }

    /// Days since the epoch, `more` days added before the calendar is chosen.
    fn days(&self, more: i64) -> i64 {
        let year = self.get(Field::Year).unwrap_or(1970);
        let year = if self.get(Field::Era) == Some(0) { 1_i32.wrapping_sub(year) } else { year };
        let day = self.day();
        let julian = || more + self.day_in(julian_days, year, day);
        if year < 1582 {
            return julian();
        }
        let gregorian = more + self.day_in(gregorian_days, year, day);
        // In the year of the change weeks and days are counted from a first of January that was Julian.
        let julian_year = year == 1582 && matches!(day, Day::OfYear | Day::WeekOfYear);
        if gregorian >= CUTOVER && !julian_year { gregorian } else { julian() }
    }

    /// Finds the fields that say the day: those that were set last, as a group.
    fn day(&self) -> Day {
        let week_day = self.stamp(Field::DayOfWeek);
        let mut of_month = self.stamp(Field::DayOfMonth);
        let of_year = self.stamp(Field::DayOfYear);
        let (week_of_month, in_month, week_of_year) = (
            self.stamp(Field::WeekOfMonth),
            self.stamp(Field::DayOfWeekInMonth),
            self.stamp(Field::WeekOfYear),
        );
        let mut by_week_of_month = self.stamp_of_both(Field::WeekOfMonth, Field::DayOfWeek);
        let mut by_week_in_month = self.stamp_of_both(Field::DayOfWeekInMonth, Field::DayOfWeek);
        let mut by_week_of_year = self.stamp_of_both(Field::WeekOfYear, Field::DayOfWeek);
        let mut best = of_month.max(by_week_of_month).max(by_week_in_month).max(of_year).max(by_week_of_year);
        if best == 0 {
            by_week_of_month = week_of_month;
            by_week_in_month = in_month.max(week_day);
            by_week_of_year = week_of_year;
            best = by_week_of_month.max(by_week_in_month).max(by_week_of_year);
            if best == 0 {
                of_month = self.stamp(Field::Month);
                best = of_month;
            }
        }
        if best == of_month {
            return Day::OfMonth;
        }
        let of_week_of_month = best == by_week_of_month && week_of_month >= week_of_year;
        if of_week_of_month || best == by_week_in_month && in_month >= week_of_year {
            let first = match by_week_of_month == by_week_in_month {
                true => week_of_month >= in_month,
                false => best == by_week_of_month,
            };
            return if first { Day::WeekOfMonth } else { Day::WeekInMonth };
        }
        if best == of_year && best != by_week_of_year { Day::OfYear } else { Day::WeekOfYear }
    }

    /// Days since the epoch in one of the two calendars, which is given by what its firsts of months are.
    fn day_in(&self, first_of: fn(i64, i64) -> i64, year: i32, day: Day) -> i64 {
        let value = |field| i64::from(self.value(field));
        // The sums of Java's 32-bit integers, where they may be too large.
        let weeks = |weeks: i32| i64::from(weeks.wrapping_mul(7));
        let week_day = self.get(Field::DayOfWeek);
        if matches!(day, Day::OfYear | Day::WeekOfYear) {
            let first = first_of(year.into(), 1);
            if matches!(day, Day::OfYear) {
                return first + value(Field::DayOfYear) - 1;
            }
            let mut start = first_week(first);
            if let Some(week_day) = week_day {
                start = on_or_before(start + 6, week_day);
            }
            return start + 7 * (value(Field::WeekOfYear) - 1);
        }
        let month = self.value(Field::Month);
        let year = year.wrapping_add(month.div_euclid(12));
        let month = month.rem_euclid(12);
        let first = first_of(year.into(), i64::from(month) + 1);
        match day {
            Day::WeekOfMonth => {
                let mut start = first_week(first);
                if let Some(week_day) = week_day {
                    start = on_or_before(start + 6, week_day);
                }
                start + weeks(self.value(Field::WeekOfMonth).wrapping_sub(1))
            }
            Day::WeekInMonth => {
                let week_day = week_day.unwrap_or(1);
                let week = self.get(Field::DayOfWeekInMonth).unwrap_or(1);
                if week >= 0 {
                    return on_or_before(first + weeks(week) - 1, week_day);
                }
                let last = month_length(year, month).wrapping_add(week.wrapping_add(1).wrapping_mul(7));
                on_or_before(first + i64::from(last) - 1, week_day)
            }
            _ => first + self.get(Field::DayOfMonth).map_or(0, |day| i64::from(day) - 1),
        }
    }

    /// The same with year, month and day instead of the year to which the week belongs.
    fn of_week_year(&self) -> Self {
        let mut week = self.get(Field::WeekOfYear).unwrap_or(1);
        let mut week_day = self.get(Field::DayOfWeek).unwrap_or(1);
        if !(1..=7).contains(&week_day) {
            // A number that is no day of the week counts from Monday and moves the week.
            let from_monday = i64::from(week_day) - 1;
            week = week.wrapping_add(from_monday.div_euclid(7) as i32);
            week_day = (from_monday + 1).rem_euclid(7) as i32 + 1;
        }
        // The era is the one that the other fields lead to.
        let (year_so_far, _, _) = civil_from_days(self.local_millis().div_euclid(MILLIS_PER_DAY));
        let mut first = Self::default();
        first.set(Field::Era, i32::from(year_so_far > 0));
        first.set(Field::Year, self.value(Field::WeekYear));
        first.set(Field::WeekOfYear, 1);
        first.set(Field::DayOfWeek, 1);
        let days = week.wrapping_sub(1).wrapping_mul(7).wrapping_add(week_day - 1);
        let date = first.local_millis().wrapping_add(i64::from(days) * MILLIS_PER_DAY);
        let (year, month, day) = civil_from_days(date.div_euclid(MILLIS_PER_DAY));
        let mut fields = self.clone();
        fields.set(Field::Era, i32::from(year > 0));
        fields.set(Field::Year, if year > 0 { year } else { 1 - year } as i32);
        fields.set(Field::Month, month as i32 - 1);
        fields.set(Field::DayOfMonth, day as i32);
        fields
    }
}

/// The Sunday that the week of a day begins with: weeks begin on Sundays, and the first day of a year or month is in
/// its first week.
pub(super) fn first_week(first: i64) -> i64 {
    on_or_before(first, 1)
}

/// The last day up to this one that is such a day of the week, counted from 1, Sunday.
pub(super) fn on_or_before(day: i64, week_day: i32) -> i64 {
    // Day 3 was a Sunday.
    day - (day - 3 - i64::from(week_day.wrapping_sub(1))).rem_euclid(7)
}

fn month_length(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year <= 1582 || year % 100 != 0 || year % 400 == 0);
    match month {
        1 => 28 + i32::from(leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
