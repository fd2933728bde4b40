//! English names, and how Java compares them with a text.

pub(super) const MONTHS: [(&str, &str); 12] = [
    ("January", "Jan"),
    ("February", "Feb"),
    ("March", "Mar"),
    ("April", "Apr"),
    ("May", "May"),
    ("June", "Jun"),
    ("July", "Jul"),
    ("August", "Aug"),
    ("September", "Sep"),
    ("October", "Oct"),
    ("November", "Nov"),
    ("December", "Dec"),
];

/// From Sunday on, as Java counts.
pub(super) const DAYS: [(&str, &str); 7] = [
    ("Sunday", "Sun"),
    ("Monday", "Mon"),
    ("Tuesday", "Tue"),
    ("Wednesday", "Wed"),
    ("Thursday", "Thu"),
    ("Friday", "Fri"),
    ("Saturday", "Sat"),
];

pub(super) const ERAS: [(&str, &str); 2] = [("Before Christ", "BC"), ("Anno Domini", "AD")];

pub(super) const AM_PM: [(&str, &str); 2] = [("AM", "AM"), ("PM", "PM")];

/// The index of the longest name that the text has at a place, and where it ends.
pub(super) fn find(names: &[(&str, &str)], text: &str, at: usize) -> Option<(i32, usize)> {
    let ends = (0..).zip(names).flat_map(|(index, (long, short))| {
        [matches(text, at, long), matches(text, at, short)].into_iter().flatten().map(move |end| (index, end))
    });
    // Of equally long ones the first, though no two names are equal.
    ends.max_by_key(|(_, end)| *end)
}

/// Where a name ends that the text has at a place, in any case.
pub(super) fn matches(text: &str, at: usize, name: &str) -> Option<usize> {
    let mut rest = text.get(at..)?.chars();
    let all_same = name.chars().all(|expected| rest.next().is_some_and(|found| same_letter(found, expected)));
    all_same.then(|| text.len() - rest.as_str().len())
}

/// Java's comparison of letters without case, by which `ſ` is an `s`.
fn same_letter(a: char, b: char) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(&b);
    }
    let (a, b) = (upper(a), upper(b));
    a == b || lower(a) == lower(b)
}

fn upper(letter: char) -> char {
    let mut upper = letter.to_uppercase();
    upper.next().filter(|_| upper.next().is_none()).unwrap_or(letter)
}

fn lower(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    lower.next().filter(|_| lower.next().is_none()).unwrap_or(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_in_any_case_is_found() {
        assert_eq!(find(&MONTHS, "xjANuary", 1), Some((0, 8)));
        assert_eq!(find(&MONTHS, "janu", 0), Some((0, 3)));
        assert_eq!(find(&DAYS, "ſun", 0), Some((0, 4)));
        assert_eq!(find(&ERAS, "A", 0), None);
    }
}
