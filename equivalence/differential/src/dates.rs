//! Instants, texts of dates and patterns for `SimpleDateFormat`.

use crate::dice::Dice;

/// Patterns that people use, and some that nobody should.
pub(crate) const PATTERNS: &[&str] = &[
    "yyyy-MM-dd",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
    "yyyy-MM-dd'T'HH:mm:ssX",
    "yyyyMMdd",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "dd/MM/yyyy",
    "MM/dd/yy",
    "d.M.yy",
    "HH:mm:ss",
    "HH:mm:ss.SSS",
    "hh:mm a",
    "h:mm:ss a",
    "EEE, d MMM yyyy HH:mm:ss Z",
    "EEEE, MMMM d, yyyy",
    "dd-MMM-yyyy",
    "MMM d, yy",
    "yyyy MM dd hh mm ss SSS z",
    "yyyyMMddHHmmssSSS",
    "yyyyMMddHH",
    "'year' yyyy",
    "yyyy''MM",
    "G yyyy",
    "YYYY-'W'ww-u",
    "yyyy-DDD",
    "W w F E",
    "kk:mm",
    "KK:mm a",
    "yy",
    "y",
    "yyy",
    "yyyyy",
    "M",
    "MMMMM",
    "LLLL yyyy",
    "LLL",
    "S",
    "SS",
    "SSSSSS",
    "z",
    "zzzz",
    "X",
    "XX",
    "u",
    "E",
    "a",
    "",
    "'T'",
    "'",
    "yyyy-MM-dd'T",
    "bogus",
    "yyyy-nn",
    "XXXX",
    "yyyy/MM/dd HH:mm",
    "dd.MM.yyyy HH:mm:ss,SSS",
];

/// A point in time, in milliseconds.
pub(crate) fn instant(dice: &mut Dice) -> i64 {
    match dice.below(12) {
        0 => *dice.pick(&[0, 1, -1, 999, 1000, 86_399_999, 86_400_000, -86_400_000]),
        1 => *dice.pick(&[
            951_782_400_000,
            1_709_164_800_000,
            1_735_689_599_999,
            1_704_067_200_000,
            253_402_300_799_999,
            253_402_300_800_000,
            -2_208_988_800_000,
            -12_219_292_800_000,
            -12_219_292_800_001,
            -62_135_596_800_000,
            -62_135_596_800_001,
            -62_167_219_200_000,
        ]),
        2 => 86_400_000 * dice.between(-1000, 25_000),
        3 => dice.between(-100_000_000_000_000, 300_000_000_000_000),
        4 => dice.between(0, 86_399_999),
        _ => dice.between(1_500_000_000_000, 1_900_000_000_000),
    }
}

/// Text that may be a date.
pub(crate) fn text(dice: &mut Dice) -> String {
    let pattern = if dice.percent(45) {
        dice.one(&["yyyy-MM-dd", "HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"])
    } else {
        dice.one(PATTERNS)
    };
    let at = instant(dice);
    format(dice, at, pattern)
}

/// A pattern: known or put together.
pub(crate) fn pattern(dice: &mut Dice) -> String {
    if dice.percent(75) {
        return dice.word(PATTERNS);
    }
    const LETTERS: &[&str] = &[
        "y", "M", "d", "H", "m", "s", "S", "E", "a", "h", "k", "K", "D", "F", "w", "W", "u", "Y", "G", "L",
        "z", "Z", "X", "Q",
    ];
    let mut pattern = String::new();
    for _ in 0..1 + dice.below(5) {
        let most = if dice.percent(10) { 6 } else { 4 };
        let letters = dice.one(LETTERS).repeat(1 + dice.below(most));
        pattern.push_str(&letters);
        pattern.push_str(dice.one(&["", "-", " ", ":", ".", "/", "'x'", "''", ", "]));
    }
    pattern
}

/// Year, month and day of a count of days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let first = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, first)
}

/// Roughly what `SimpleDateFormat` writes; what it does with the text is for the two programs to say.
pub(crate) fn format(dice: &mut Dice, at: i64, pattern: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
    let days = at.div_euclid(86_400_000);
    let millis = at.rem_euclid(86_400_000);
    let (year, month, day) = civil(days);
    let hour = millis / 3_600_000;
    let mut text = String::new();
    let letters: Vec<char> = pattern.chars().collect();
    let mut place = 0;
    let mut quoted = false;
    while let Some(&letter) = letters.get(place) {
        if letter == '\'' {
            if letters.get(place + 1) == Some(&'\'') {
                text.push('\'');
                place += 1;
            } else {
                quoted = !quoted;
            }
            place += 1;
            continue;
        }
        if quoted || !letter.is_ascii_alphabetic() {
            text.push(letter);
            place += 1;
            continue;
        }
        let count = letters[place..].iter().take_while(|other| **other == letter).count();
        place += count;
        let number = |value: i64| format!("{value:0count$}");
        let named = |name: &str| if count > 3 { name.to_owned() } else { name.chars().take(3).collect() };
        let zone: &[&str] = match letter {
            'z' => &["UTC", "GMT", "GMT+02:00", "PST", "CET", "EST", "Coordinated Universal Time", "+0100"],
            'X' => &["Z", "+00:00", "+02", "-0330", "+05:30"],
            _ => &["+0000", "-0700", "+0530", "GMT", "UTC", "PDT"],
        };
        text.push_str(&match letter {
            'y' | 'Y' if count == 2 => format!("{:02}", year.rem_euclid(100)),
            'y' | 'Y' => number(year),
            'M' | 'L' if count > 2 => {
                named(MONTHS.get(usize::try_from(month - 1).unwrap_or(0)).unwrap_or(&"May"))
            }
            'M' | 'L' => number(month),
            'd' => number(day),
            'H' => number(hour),
            'k' => number(if hour == 0 { 24 } else { hour }),
            'K' => number(hour % 12),
            'h' => number(if hour % 12 == 0 { 12 } else { hour % 12 }),
            'm' => number(millis / 60_000 % 60),
            's' => number(millis / 1000 % 60),
            'S' => number(millis % 1000),
            'E' => named(DAYS.get(usize::try_from(days.rem_euclid(7)).unwrap_or(0)).unwrap_or(&"Friday")),
            'a' => {
                dice.word(if hour < 12 { &["AM", "AM", "am", "a.m."] } else { &["PM", "PM", "pm", "p.m."] })
            }
            'G' => dice.word(&["AD", "AD", "BC", "ad", "Anno Domini"]),
            'D' => number(dice.between(1, 366)),
            'w' => number(dice.between(1, 53)),
            'W' | 'F' | 'u' => number(dice.between(1, 7)),
            'z' | 'Z' | 'X' => dice.word(zone),
            _ => number(0),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
        let mut dice = Dice::new(1, 1);
        assert_eq!(
            format(&mut dice, 951_782_400_123, "yyyy-MM-dd'T'HH:mm:ss.SSS"),
            "2000-02-29T00:00:00.123"
        );
    }
}
