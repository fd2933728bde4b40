//! The contract that every converter keeps, for the stock converters.

use connect_api::{Bytes, Properties, Result, Schema, SchemaAndValue, Value};
use connect_runtime::converters::{
    BooleanConverter, ByteArrayConverter, DoubleConverter, FloatConverter, IntegerConverter, JsonConverter,
    LongConverter, ShortConverter, StringConverter,
};
use connect_testkit::{Arbitrary, ConverterFixture, config_contract, converter_contract};

config_contract!(connect_runtime::converters::register);

/// A converter of single values of one type.
macro_rules! primitive {
    ($module:ident, $converter:ident, $schema:ident, |$arbitrary:ident| $value:expr) => {
        mod $module {
            use super::*;

            struct Values;
            impl ConverterFixture for Values {
                type Converter = $converter;

                fn data(&self, $arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
                    let value = if $arbitrary.one_in(10) { Value::Null } else { Value::from($value) };
                    Ok(SchemaAndValue::new(Schema::$schema, value))
                }
            }
            converter_contract!(Values);
        }
    };
}
primitive!(boolean, BooleanConverter, OPTIONAL_BOOLEAN, |arbitrary| arbitrary.one_in(2));
primitive!(short, ShortConverter, OPTIONAL_INT16, |arbitrary| arbitrary.i64() as i16);
primitive!(integer, IntegerConverter, OPTIONAL_INT32, |arbitrary| arbitrary.i64() as i32);
primitive!(long, LongConverter, OPTIONAL_INT64, |arbitrary| arbitrary.i64());
primitive!(float, FloatConverter, OPTIONAL_FLOAT32, |arbitrary| arbitrary.f32());
primitive!(double, DoubleConverter, OPTIONAL_FLOAT64, |arbitrary| arbitrary.f64());
primitive!(string, StringConverter, OPTIONAL_STRING, |arbitrary| arbitrary.text());
primitive!(byte_array, ByteArrayConverter, OPTIONAL_BYTES, |arbitrary| Bytes::from(arbitrary.bytes()));

mod utf_16 {
    use super::*;

    struct Values;
    impl ConverterFixture for Values {
        type Converter = StringConverter;

        fn config(&self) -> Properties {
            Properties::from([("converter.encoding", "UTF-16")])
        }

        fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
            Ok(SchemaAndValue::new(Schema::OPTIONAL_STRING, arbitrary.text()))
        }
    }
    converter_contract!(Values);
}

mod json_with_schemas {
    use super::*;

    struct Values(&'static str);
    impl ConverterFixture for Values {
        type Converter = JsonConverter;

        fn config(&self) -> Properties {
            Properties::from([("decimal.format", self.0)])
        }

        /// Kafka Connect reads JSON numbers as decimals, which have no negative zero.
        fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
            arbitrary.avoid_negative_zero().data()
        }
    }
    converter_contract!(Values("BASE64"));

    mod numeric_decimals {
        use super::*;

        converter_contract!(Values("NUMERIC"));
    }
}

mod json_without_schemas {
    use super::*;

    struct Values;
    impl ConverterFixture for Values {
        type Converter = JsonConverter;

        fn config(&self) -> Properties {
            Properties::from([("schemas.enable", "false")])
        }

        fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
            Ok(SchemaAndValue::schemaless(arbitrary.avoid_negative_zero().schemaless()))
        }
    }
    converter_contract!(Values);
}
