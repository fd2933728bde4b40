//! Time zones by their English names, as texts have them. Their rules come from the time zone database.

use std::sync::{LazyLock, OnceLock};

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneTransition};

use super::names::matches;

const MINUTE: i32 = 60_000;

/// From here on Java knows what a zone did; before, it takes the zone's standard time of today.
const YEAR_1900: i64 = -2_208_988_800_000;
/// Rules repeat with the calendar.
const YEAR_2400: i64 = 13_569_465_600_000;
/// 1968-10-27, when Irish summer time was made standard time.
const IRISH_STANDARD: i64 = -37_242_000_000;
const YEARS_400: i64 = 146_097 * 86_400_000;

/// A time zone that has a name.
#[derive(Debug)]
pub(super) struct Zone {
    id: &'static str,
    /// In milliseconds.
    raw_offset: i32,
    /// What daylight time adds today, in milliseconds.
    save: i32,
    /// Standard time long and short, daylight time long and short.
    names: [&'static str; 4],
    rules: OnceLock<Option<TimeZone>>,
}

static ZONES: LazyLock<Vec<Zone>> =
    LazyLock::new(|| include_str!("zones.txt").lines().filter_map(Zone::read).collect());

/// The standard and the daylight part of an offset, in milliseconds.
pub(super) type Offsets = (i32, i32);

/// A name found in a text.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) zone: &'static Zone,
    /// What the name says about daylight time: what is added, in milliseconds. `None`: the name says nothing, and the
    /// zone's rules decide.
    pub(super) save: Option<i32>,
    /// Where the name ends.
    pub(super) end: usize,
}

/// The zone whose name a text has at a place. Names are not unique; the first zone that has it counts, as in Java.
pub(super) fn find(text: &str, at: usize) -> Option<Named> {
    ZONES.iter().find_map(|zone| {
        let ends = zone.names.iter().map(|name| matches(text, at, name));
        let (index, end) = ends.enumerate().find_map(|(index, end)| Some((index, end?)))?;
        let daylight = index >= 2;
        let same_name = !daylight && zone.names[index].eq_ignore_ascii_case(zone.names[index + 2]);
        let save = match daylight {
            _ if same_name => None,
            true => Some(zone.save).filter(|save| *save != 0),
            false => Some(0),
        };
        Some(Named { zone, save, end })
    })
}

impl Zone {
    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.split('|');
        let id = parts.next().filter(|id| !id.starts_with('#'))?;
        let mut minutes = || parts.next().and_then(|part| part.parse::<i32>().ok());
        let (raw_offset, save) = (minutes()? * MINUTE, minutes()? * MINUTE);
        let names = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        Some(Self { id, raw_offset, save, names, rules: OnceLock::new() })
    }

    /// The name of its standard or daylight time.
    pub(super) fn name(&self, long: bool, daylight: bool) -> &'static str {
        self.names[usize::from(daylight) * 2 + usize::from(!long)]
    }

    fn rules(&self) -> Option<&TimeZone> {
        self.rules.get_or_init(|| TimeZone::get(self.id).ok()).as_ref()
    }

    /// The offsets where a clock on the wall shows this time. An hour that there is twice is the later one; one that is
    /// left out counts on from before.
    pub(super) fn offsets_of_local(&self, local: i64) -> Offsets {
        let found = self.rules().zip(known(local)).and_then(|(rules, local)| {
            let clock = TimeZone::UTC.to_datetime(local);
            let offset = match rules.to_ambiguous_timestamp(clock).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset,
                AmbiguousOffset::Gap { before, .. } => before,
                AmbiguousOffset::Fold { after, .. } => after,
            };
            Some(self.split(rules, offset.to_timestamp(clock).ok()?))
        });
        found.unwrap_or((self.raw_offset, 0))
    }

    /// The offsets at an instant.
    pub(super) fn offsets_at(&self, millis: i64) -> Offsets {
        let found = self.rules().zip(known(millis)).map(|(rules, instant)| self.split(rules, instant));
        found.unwrap_or((self.raw_offset, 0))
    }

    fn split(&self, rules: &TimeZone, instant: Timestamp) -> Offsets {
        let info = rules.to_offset_info(instant);
        let total = info.offset().seconds() * 1000;
        // The database calls the winter daylight time, by which an hour is taken away; Java still calls it standard.
        if self.id == "Europe/Dublin" && instant.as_millisecond() >= IRISH_STANDARD {
            return (0, total);
        }
        if !info.dst().is_dst() {
            return (total, 0);
        }
        // Standard time is what is before or after; where that differs, what is an hour less.
        let standard =
            |found: Option<TimeZoneTransition<'_>>| found.map(|found| found.offset().seconds() * 1000);
        let before = standard(rules.preceding(instant).find(|before| !before.dst().is_dst()));
        let hour_less = total - 60 * MINUTE;
        let raw = match before {
            Some(before) if before == hour_less => before,
            _ => {
                let after = standard(rules.following(instant).find(|after| !after.dst().is_dst()));
                after.filter(|after| *after == hour_less).or(before).unwrap_or(total - self.save)
            }
        };
        (raw, total - raw)
    }
}

/// An instant that the database has rules for.
fn known(millis: i64) -> Option<Timestamp> {
    if millis < YEAR_1900 {
        return None;
    }
    let cycles = (millis - YEAR_2400).max(0).div_euclid(YEARS_400);
    // One more, so that a whole cycle stays before the end.
    let millis = if millis >= YEAR_2400 { millis - cycles * YEARS_400 } else { millis };
    Timestamp::from_millisecond(millis).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_rules_of_their_zone() {
        let pacific = find("PDT", 0).unwrap();
        assert_eq!((pacific.zone.id, pacific.save, pacific.end), ("America/Los_Angeles", Some(3_600_000), 3));
        assert_eq!(pacific.zone.offsets_at(1_700_000_000_000), (-28_800_000, 0));
        assert_eq!(pacific.zone.offsets_at(1_690_000_000_000), (-28_800_000, 3_600_000));
        // 2300 years later, in summer.
        assert_eq!(pacific.zone.offsets_at(1_690_000_000_000 + 5 * YEARS_400).1, 3_600_000);
        assert_eq!(pacific.zone.offsets_at(i64::MIN), (-28_800_000, 0));
        assert!(find("xyz", 0).is_none());
    }

    #[test]
    fn every_zone_of_the_table_is_in_the_database() {
        for zone in ZONES.iter() {
            assert!(zone.rules().is_some(), "{}", zone.id);
        }
        assert_eq!(ZONES.len(), 173);
    }
}
