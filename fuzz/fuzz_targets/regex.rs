//! Java's regular expressions: any pattern, text and replacement end in time, and both ways to match agree.
#![no_main]

use connect_regex::JavaRegex;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (pattern, text, replacement) = input;
    let Ok(regex) = JavaRegex::new(pattern) else { return };
    let quick = (regex.matches(text), regex.find(text));
    if let (Ok(matches), Ok(found), Ok(slow)) = (quick.0, quick.1, regex.slowly(text)) {
        assert_eq!((matches, found), slow, "{pattern:?} on {text:?}");
    }
    let _ = regex.replace_first(text, replacement);
    // Bounded as the names of topics are.
    if text.len() < 250 && replacement.len() < 250 {
        let _ = regex.replace_all(text, replacement);
    }
});
