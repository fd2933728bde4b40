//! Java's date patterns: whatever pattern and text, an answer or an error.
#![no_main]

use connect_transforms::fuzzing::date_pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, i64)| {
    let (pattern, text, millis) = input;
    date_pattern(pattern, text, millis);
});
