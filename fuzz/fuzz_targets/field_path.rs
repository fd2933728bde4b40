//! Field paths: whatever the text, steps or an error.
#![no_main]

use connect_transforms::parse_field_path;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    if let Ok(steps) = parse_field_path(path) {
        assert!(steps.iter().map(|step| step.len()).sum::<usize>() <= path.len());
    }
});
