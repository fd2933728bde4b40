//! The header converter: any bytes are a value, which can be written, and what was written can be read.
#![no_main]

use bytes::Bytes;
use connect_api::HeaderConverter;
use connect_runtime::converters::SimpleHeaderConverter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let converter = SimpleHeaderConverter::configure(Default::default()).expect("it needs no configuration");
    let bytes = Bytes::copy_from_slice(data);
    let Ok(value) = converter.to_connect_header("t", "h", Some(&bytes)) else { return };
    if let Ok(written) = converter.from_connect_header("t", "h", &value) {
        let _ = converter.to_connect_header("t", "h", written.as_ref());
    }
});
