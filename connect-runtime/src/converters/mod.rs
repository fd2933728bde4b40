//! The converters that Kafka Connect brings along, with its bytes, values, schemas and error texts.
//!
//! | name | Java class | bytes |
//! | --- | --- | --- |
//! | `JsonConverter` (feature `json`) | `org.apache.kafka.connect.json.JsonConverter` | JSON, with the schema in each message or without |
//! | `StringConverter` | `org.apache.kafka.connect.storage.StringConverter` | the text of any value |
//! | `ByteArrayConverter` | `org.apache.kafka.connect.converters.ByteArrayConverter` | the value itself |
//! | `BooleanConverter` | `org.apache.kafka.connect.converters.BooleanConverter` | one byte |
//! | `ShortConverter`, `IntegerConverter`, `LongConverter`, `FloatConverter`, `DoubleConverter` | `org.apache.kafka.connect.converters.…` | the number, big-endian |
//! | `SimpleHeaderConverter`, for headers only | `org.apache.kafka.connect.storage.SimpleHeaderConverter` | text; reading guesses the type |
//!
//! [`register`] makes them known under both names.

mod byte_array;
mod charset;
#[cfg(feature = "json")]
mod json;
mod primitive;
mod simple_header;
mod string;

use bytes::{Bytes, BytesMut};
use connect_api::config::Validator;
use connect_api::{Config, Encoded, Plugins, Result};

pub use byte_array::ByteArrayConverter;
#[cfg(feature = "json")]
pub use json::{DecimalFormat, JsonConverter, JsonConverterConfig};
pub use primitive::{
    BooleanConverter, DoubleConverter, FloatConverter, IntegerConverter, LongConverter, ShortConverter,
};
pub use simple_header::SimpleHeaderConverter;
pub use string::{StringConverter, StringConverterConfig};

/// The configuration of converters that have nothing of their own to configure.
#[derive(Clone, Debug, Config)]
pub struct ConverterConfig {
    /// How this converter will be used.
    #[config(importance = Low, validate = converter_type_names())]
    pub converter_type: String,
}

impl Default for ConverterConfig {
    /// For values.
    fn default() -> Self {
        Self { converter_type: "value".to_owned() }
    }
}

/// Registers all converters of this module, under their own names and those of the Java classes.
///
/// ```
/// use connect_api::Plugins;
///
/// let mut plugins = Plugins::new();
/// connect_runtime::converters::register(&mut plugins);
/// let converter = plugins.find_converter("org.apache.kafka.connect.storage.StringConverter")?;
/// assert_eq!(converter.name(), "StringConverter");
/// # Ok::<(), connect_api::Error>(())
/// ```
pub fn register(plugins: &mut Plugins) {
    macro_rules! both_kinds {
        ($bundle:ident, $($converter:ident = $class:literal),* $(,)?) => {
            $bundle$(
                .converter::<$converter>(stringify!($converter))
                .alias($class)
                .header_converter::<$converter>(stringify!($converter))
                .alias($class)
            )*
        };
    }
    let bundle = plugins.bundle(env!("CARGO_PKG_VERSION"));
    let bundle = both_kinds!(
        bundle,
        ByteArrayConverter = "org.apache.kafka.connect.converters.ByteArrayConverter",
        StringConverter = "org.apache.kafka.connect.storage.StringConverter",
        BooleanConverter = "org.apache.kafka.connect.converters.BooleanConverter",
        ShortConverter = "org.apache.kafka.connect.converters.ShortConverter",
        IntegerConverter = "org.apache.kafka.connect.converters.IntegerConverter",
        LongConverter = "org.apache.kafka.connect.converters.LongConverter",
        FloatConverter = "org.apache.kafka.connect.converters.FloatConverter",
        DoubleConverter = "org.apache.kafka.connect.converters.DoubleConverter",
    );
    #[cfg(feature = "json")]
    let bundle = both_kinds!(bundle, JsonConverter = "org.apache.kafka.connect.json.JsonConverter");
    bundle
        .header_converter::<SimpleHeaderConverter>("SimpleHeaderConverter")
        .alias("org.apache.kafka.connect.storage.SimpleHeaderConverter");
}

fn converter_type_names() -> Validator {
    Validator::one_of(["key", "value", "header"])
}

/// What a converter appends for one header, as bytes of its own.
fn header_bytes(write: impl FnOnce(&mut BytesMut) -> Result<Encoded>) -> Result<Option<Bytes>> {
    let mut out = BytesMut::new();
    Ok(match write(&mut out)? {
        Encoded::Null => None,
        Encoded::Appended => Some(out.freeze()),
        Encoded::Shared(bytes) => Some(bytes),
    })
}
