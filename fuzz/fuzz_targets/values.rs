//! The text grammar of headers: any text is a value, whose text is a value again.
#![no_main]

use connect_api::data::values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(Some(parsed)) = values::parse_string(text) else { return };
    let schema = parsed.schema.as_ref();
    if let Ok(Some(text)) = values::convert_to_string(schema, &parsed.value) {
        let _ = values::parse_string(&text);
    }
    let _ = values::convert_to_list(schema, &parsed.value);
    let _ = values::convert_to_map(schema, &parsed.value);
    let _ = values::convert_to_double(schema, &parsed.value);
    let _ = values::convert_to_long(schema, &parsed.value);
});
