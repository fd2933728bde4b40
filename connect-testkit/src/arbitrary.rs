//! Random schemas and values that come again with the same seed.

use connect_api::data::{Array, Date, Decimal, Map, SchemaBuilder, Type, logical};
use connect_api::{Bytes, Result, Schema, SchemaAndValue, Struct, Value};

/// How deep containers may nest.
const DEPTH: usize = 3;

/// Makes random schemas and values: SplitMix64, so that a seed gives the same on every machine.
///
/// ```
/// use connect_testkit::Arbitrary;
///
/// let data = Arbitrary::new(7).data()?;
/// assert_eq!(Arbitrary::new(7).data()?, data);
/// data.validate()?;
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arbitrary {
    state: u64,
    no_negative_zero: bool,
}

impl Arbitrary {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, no_negative_zero: false }
    }

    /// Makes no floats of -0.0 from here on, for formats that do not tell it from 0.0.
    pub fn avoid_negative_zero(&mut self) -> &mut Self {
        self.no_negative_zero = true;
        self
    }

    /// Any number.
    pub fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        match u64::try_from(bound) {
            Ok(bound @ 1..) => usize::try_from(self.u64() % bound).unwrap_or(0),
            _ => 0,
        }
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// An integer of 64 bits: often small, sometimes at the edge of a narrower type.
    pub fn i64(&mut self) -> i64 {
        let any = self.u64().cast_signed();
        match self.below(4) {
            0 => any,
            1 => any >> 32,
            2 => any >> 56,
            _ => [
                0,
                1,
                -1,
                127,
                -128,
                32_767,
                -32_768,
                i64::from(i32::MAX),
                i64::from(i32::MIN),
                i64::MAX,
                i64::MIN,
            ][self.below(11)],
        }
    }

    /// A finite double.
    pub fn f64(&mut self) -> f64 {
        let value = match self.below(3) {
            0 => [0.0, -0.0, 1.0, 0.1, f64::MAX, f64::MIN_POSITIVE, 5e-324, 1e21, 123_456_789.125]
                [self.below(9)],
            1 => f64::from(i32::try_from(self.i64() >> 32).unwrap_or(0)) / 1000.0,
            _ => Some(f64::from_bits(self.u64())).filter(|value| value.is_finite()).unwrap_or(-1.5),
        };
        if self.no_negative_zero && value == 0.0 { 0.0 } else { value }
    }

    /// A finite float.
    pub fn f32(&mut self) -> f32 {
        let value = match self.below(2) {
            0 => [0.0, -0.0, 1.0, 0.1, f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_217.0][self.below(8)],
            _ => {
                let bits = u32::try_from(self.u64() >> 32).unwrap_or(0);
                Some(f32::from_bits(bits)).filter(|value| value.is_finite()).unwrap_or(-1.5)
            }
        };
        if self.no_negative_zero && value == 0.0 { 0.0 } else { value }
    }

    /// Text: empty, plain, with quotes and control characters, beyond the basic plane.
    pub fn text(&mut self) -> String {
        let length = [0, 1, 3, 12, 40][self.below(5)];
        let plain = self.one_in(2);
        (0..length)
            .map(|_| match plain {
                true => char::from(b'a' + u8::try_from(self.below(26)).unwrap_or(0)),
                false => {
                    ['"', '\\', '\n', '\0', '\u{7f}', ' ', '/', 'é', 'ß', '漢', '\u{2028}', '😀', '{', ',']
                        [self.below(14)]
                }
            })
            .collect()
    }

    /// A name: of a field, of a schema.
    pub fn name(&mut self) -> String {
        (0..=self.below(8)).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap_or(0))).collect()
    }

    /// Any bytes, at most 32.
    pub fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(33)).map(|_| u8::try_from(self.below(256)).unwrap_or(0)).collect()
    }

    /// An exact decimal of this scale, of up to 30 digits.
    pub fn decimal(&mut self, scale: i32) -> Decimal {
        let length = 1 + self.below(12);
        let unscaled: Vec<u8> = (0..length).map(|_| u8::try_from(self.below(256)).unwrap_or(0)).collect();
        Decimal::from_be_bytes(&unscaled, scale)
    }

    /// A value with a schema that describes it; containers and structs included.
    ///
    /// # Errors
    ///
    /// None that a caller could cause; building schemas can fail.
    pub fn data(&mut self) -> Result<SchemaAndValue> {
        let schema = self.schema()?;
        let value = self.value(&schema)?;
        Ok(SchemaAndValue { schema: Some(schema), value })
    }

    /// Any schema, logical types and nested ones included.
    ///
    /// # Errors
    ///
    /// None that a caller could cause; building schemas can fail.
    pub fn schema(&mut self) -> Result<Schema> {
        self.schema_of_depth(DEPTH)
    }

    fn schema_of_depth(&mut self, depth: usize) -> Result<Schema> {
        let containers = if depth == 0 { 0 } else { 3 };
        let builder = match self.below(13 + containers) {
            0 => SchemaBuilder::new(Type::Boolean),
            1 => SchemaBuilder::new(Type::Int8),
            2 => SchemaBuilder::new(Type::Int16),
            3 => SchemaBuilder::new(Type::Int32),
            4 => SchemaBuilder::new(Type::Int64),
            5 => SchemaBuilder::new(Type::Float32),
            6 => SchemaBuilder::new(Type::Float64),
            7 => SchemaBuilder::new(Type::String),
            8 => SchemaBuilder::new(Type::Bytes),
            9 => logical::date_builder(),
            10 => logical::time_builder(),
            11 => logical::timestamp_builder(),
            12 => logical::decimal_builder(i32::try_from(self.below(10)).unwrap_or(0)),
            13 => SchemaBuilder::array(self.schema_of_depth(depth - 1)?),
            14 => {
                let key = if self.one_in(3) { Schema::INT32 } else { Schema::STRING };
                SchemaBuilder::map(key, self.schema_of_depth(depth - 1)?)
            }
            _ => {
                let mut builder = Schema::structure().name(self.name());
                for index in 0..self.below(5) {
                    builder =
                        builder.field(format!("{}{index}", self.name()), self.schema_of_depth(depth - 1)?);
                }
                builder
            }
        };
        match self.one_in(3) {
            true => builder.optional().build(),
            false => builder.build(),
        }
    }

    /// A value that the schema describes; null now and then where that is allowed.
    ///
    /// # Errors
    ///
    /// When the schema contradicts itself.
    pub fn value(&mut self, schema: &Schema) -> Result<Value> {
        if schema.is_optional() && self.one_in(4) {
            return Ok(Value::Null);
        }
        let narrow = self.i64();
        Ok(match (schema.name(), schema.ty()) {
            (Some(logical::DATE), _) => Value::from(Date(i64::from(narrow as i16) * logical::MILLIS_PER_DAY)),
            (Some(logical::TIME), _) => Value::from(Date(narrow.rem_euclid(logical::MILLIS_PER_DAY))),
            (Some(logical::TIMESTAMP), _) => Value::from(Date(narrow >> 16)),
            (Some(logical::DECIMAL), _) => Value::from(self.decimal(logical::decimal_scale(schema)?)),
            (_, Type::Boolean) => Value::from(self.one_in(2)),
            (_, Type::Int8) => Value::from(narrow as i8),
            (_, Type::Int16) => Value::from(narrow as i16),
            (_, Type::Int32) => Value::from(narrow as i32),
            (_, Type::Int64) => Value::from(narrow),
            (_, Type::Float32) => Value::from(self.f32()),
            (_, Type::Float64) => Value::from(self.f64()),
            (_, Type::String) => Value::from(self.text()),
            (_, Type::Bytes) => Value::from(Bytes::from(self.bytes())),
            (_, Type::Array) => {
                let mut array = Array::new();
                for _ in 0..self.below(4) {
                    match schema.value_schema()? {
                        Some(element) => array.push(self.value(element)?),
                        None => array.push(self.schemaless()),
                    }
                }
                Value::from(array)
            }
            (_, Type::Map) => {
                let mut map = Map::new();
                for _ in 0..self.below(4) {
                    let key = match schema.key_schema()? {
                        Some(key) => self.value(key)?,
                        None => Value::from(self.text()),
                    };
                    let value = match schema.value_schema()? {
                        Some(value) => self.value(value)?,
                        None => self.schemaless(),
                    };
                    map.insert_value(key, value);
                }
                Value::from(map)
            }
            (_, Type::Struct) => {
                let mut written = Struct::new(schema.clone())?;
                for field in schema.fields()? {
                    written.put(field, self.value(field.schema())?)?;
                }
                Value::from(written)
            }
        })
    }

    /// A value without schema, as JSON has them: null, truth values, integers of 64 bits, doubles, text, lists, and
    /// maps with text keys.
    pub fn schemaless(&mut self) -> Value {
        self.schemaless_of_depth(DEPTH)
    }

    fn schemaless_of_depth(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => Value::from(self.one_in(2)),
            2 => Value::from(self.i64()),
            3 => Value::from(self.f64()),
            4 => Value::from(self.text()),
            5 => (0..self.below(4)).map(|_| self.schemaless_of_depth(depth - 1)).collect::<Array>().into(),
            _ => {
                let mut map = Map::new();
                for _ in 0..self.below(4) {
                    map.insert(self.text(), self.schemaless_of_depth(depth - 1));
                }
                Value::from(map)
            }
        }
    }
}
