//! Requirements on a plugin's version (KIP-891): `latest`, `1.2.3`, `[1.0,2.0)`.

use std::cmp::Ordering;

/// Whether the version meets the requirement.
pub(crate) fn matches(requirement: &str, version: &str) -> bool {
    let requirement = requirement.trim();
    if requirement == "latest" {
        return true;
    }
    let Some(inner) = requirement.strip_prefix(['[', '(']).and_then(|rest| rest.strip_suffix([']', ')']))
    else {
        return compare(requirement, version) == Ordering::Equal;
    };
    let (low, high) = match inner.split_once(',') {
        Some((low, high)) => (low.trim(), high.trim()),
        None => (inner.trim(), inner.trim()),
    };
    let above = low.is_empty()
        || match compare(version, low) {
            Ordering::Greater => true,
            Ordering::Equal => requirement.starts_with('['),
            Ordering::Less => false,
        };
    let below = high.is_empty()
        || match compare(version, high) {
            Ordering::Less => true,
            Ordering::Equal => requirement.ends_with(']'),
            Ordering::Greater => false,
        };
    above && below
}

/// Numbers by value, missing ones as 0; a suffix such as `-rc1` before the version without it.
fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let (numbers, suffix) = text.split_once('-').unwrap_or((text, ""));
        let numbers: Vec<u64> = numbers.split('.').map(|part| part.parse().unwrap_or_default()).collect();
        (numbers, suffix.to_owned())
    };
    let ((a, a_suffix), (b, b_suffix)) = (parts(a), parts(b));
    let length = a.len().max(b.len());
    let padded = |mut numbers: Vec<u64>| {
        numbers.resize(length, 0);
        numbers
    };
    let suffixes = match (a_suffix.is_empty(), b_suffix.is_empty()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a_suffix.cmp(&b_suffix),
    };
    padded(a).cmp(&padded(b)).then(suffixes)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_bare_version_means_exactly_that_one() {
        assert!(matches("1.2.3", "1.2.3") && matches("1.2", "1.2.0") && matches("latest", "0.1.0"));
        assert!(!matches("1.2.3", "1.2.4") && !matches("1.2.3", "1.2.3-rc1"));
    }

    #[test]
    fn ranges_include_what_their_brackets_say() {
        assert!(matches("[1.0,2.0)", "1.0") && matches("[1.0,2.0)", "1.10"));
        assert!(!matches("[1.0,2.0)", "2.0") && !matches("(1.0,2.0]", "1.0") && matches("(1.0,2.0]", "2.0"));
        assert!(matches("[1.0,)", "9") && matches("(,2]", "1.5") && matches("[1.5]", "1.5"));
    }
}
