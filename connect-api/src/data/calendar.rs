//! The calendar of Java's `GregorianCalendar`: Julian before 1582-10-15, Gregorian from then on.

/// Days from 1970-01-01 of a date, month and day counted from 1, month and day of any size. Java's calendar: Julian
/// before 1582-10-15, Gregorian from then on.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Java chooses by the year that was given, even if months without end lead far away from it.
    let julian = year < 1582;
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let gregorian = gregorian_days(year, month) + day - 1;
    if julian || gregorian < CUTOVER { julian_days(year, month) + day - 1 } else { gregorian }
}

/// Year, month and day of a day number, in the same calendar.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let first_of = if days >= CUTOVER { gregorian_days } else { julian_days };
    // Not above the true year; the loop goes up from there.
    let mut year = 1969 + days.div_euclid(if days < 0 { 365 } else { 366 });
    while first_of(year + 1, 1) <= days {
        year += ((days - first_of(year + 1, 1)) / 366).max(1);
    }
    let mut month = 1;
    while month < 12 && first_of(year, month + 1) <= days {
        month += 1;
    }
    (year, month, days - first_of(year, month) + 1)
}

/// 1582-10-15, the first day of the Gregorian calendar.
pub const CUTOVER: i64 = -141_427;

/// Days before the first of a month, counted from March so that leap days come last.
fn from_march(year: i64, month: i64) -> (i64, i64) {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    (year, (153 * month + 2) / 5)
}

/// Days from 1970-01-01 of the first of a month, from 1 to 12, in the Gregorian calendar throughout.
pub fn gregorian_days(year: i64, month: i64) -> i64 {
    let (year, days) = from_march(year, month);
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days - 719_468
}

/// The same in the Julian calendar throughout.
pub fn julian_days(year: i64, month: i64) -> i64 {
    let (year, days) = from_march(year, month);
    year * 365 + year.div_euclid(4) + days - 719_470
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree_over_the_change_of_calendars() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(1582, 10, 15), CUTOVER);
        assert_eq!(days_from_civil(1582, 10, 4), CUTOVER - 1);
        assert_eq!(civil_from_days(CUTOVER - 1), (1582, 10, 4));
        for days in (-1_000_000..3_000_000).step_by(37) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(days_from_civil(2019, 13, 32), days_from_civil(2020, 2, 1));
    }
}
