//! From an instant to fields: what Java's `GregorianCalendar` says of it.

use connect_api::data::java::{civil_from_days, days_from_civil};
use connect_api::data::logical::MILLIS_PER_DAY;

use super::fields::first_week;

/// An instant in a time zone.
#[derive(Debug)]
pub(super) struct Moment {
    /// Days since the epoch.
    days: i64,
    /// 0 is the year 1 before Christ.
    year: i64,
    /// From 1.
    pub(super) month: i64,
    pub(super) day_of_month: i64,
    pub(super) millis_of_day: i64,
}

impl Moment {
    /// An instant, and the milliseconds that clocks are ahead of UTC.
    pub(super) fn new(millis: i64, offset: i64) -> Self {
        let time = millis.rem_euclid(MILLIS_PER_DAY) + offset;
        let days = millis.div_euclid(MILLIS_PER_DAY) + time.div_euclid(MILLIS_PER_DAY);
        let (year, month, day_of_month) = civil_from_days(days);
        Self { days, year, month, day_of_month, millis_of_day: time.rem_euclid(MILLIS_PER_DAY) }
    }

    /// 0: before Christ.
    pub(super) fn era(&self) -> usize {
        usize::from(self.year > 0)
    }

    pub(super) fn year_of_era(&self) -> i64 {
        if self.year > 0 { self.year } else { 1 - self.year }
    }

    /// From 0, Sunday.
    pub(super) fn day_of_week(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days_from_civil(self.year, 1, 1) + 1
    }

    pub(super) fn day_of_week_in_month(&self) -> i64 {
        (self.days - self.first_of_month()) / 7 + 1
    }

    pub(super) fn week_of_month(&self) -> i64 {
        (self.days - first_week(self.first_of_month())) / 7 + 1
    }

    /// October 1582 began on its first, too.
    fn first_of_month(&self) -> i64 {
        days_from_civil(self.year, self.month, 1)
    }

    pub(super) fn week_of_year(&self) -> i64 {
        if self.days >= first_week(days_from_civil(self.year + 1, 1, 1)) {
            return 1;
        }
        (self.days - first_week(days_from_civil(self.year, 1, 1))) / 7 + 1
    }

    /// The year to which the week belongs.
    pub(super) fn week_year(&self) -> i64 {
        // Before Christ Java takes another year for the next one.
        let next = if self.year > 0 { self.year + 1 } else { -self.year };
        let next_first = days_from_civil(next, 1, 1);
        let days_into_week = next_first - first_week(next_first);
        let left = days_from_civil(self.year + 1, 1, 1) - self.days;
        if left <= days_into_week { self.year + 1 } else { self.year }
    }

    pub(super) fn hour(&self) -> i64 {
        self.millis_of_day / 3_600_000
    }
}
