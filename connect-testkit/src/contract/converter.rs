//! What every converter must do: the clauses of [`converter_contract!`](crate::converter_contract).

use connect_api::{Bytes, Converter, ErrorKind, Properties, Result, SchemaAndValue};

use super::Clock;
use crate::{Arbitrary, converter, decode, encode};

/// How many values and garbled payloads a clause tries.
const SEEDS: u64 = 500;

/// What a suite must know of a converter.
///
/// ```
/// # use connect_testkit::doc::Plain;
/// use connect_api::{Result, SchemaAndValue};
/// use connect_testkit::{Arbitrary, ConverterFixture, converter_contract};
///
/// struct Text;
/// impl ConverterFixture for Text {
///     type Converter = Plain;
///
///     fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
///         Ok(SchemaAndValue::schemaless(arbitrary.text()))
///     }
/// }
/// converter_contract!(Text);
/// # fn main() {}
/// ```
pub trait ConverterFixture {
    /// The converter.
    type Converter: Converter;

    /// A valid configuration. The default is an empty one.
    fn config(&self) -> Properties {
        Properties::new()
    }

    /// One of the values that the converter can write. The default is any value with any schema.
    ///
    /// # Errors
    ///
    /// When the value cannot be built.
    fn data(&self, arbitrary: &mut Arbitrary) -> Result<SchemaAndValue> {
        arbitrary.data()
    }

    /// What reading yields after a value was written. The default is the value itself; a format that cannot say
    /// everything says here what it loses.
    ///
    /// # Errors
    ///
    /// When the value cannot be built.
    fn expected(&self, written: &SchemaAndValue) -> Result<SchemaAndValue> {
        Ok(written.clone())
    }

    /// The clock of the suite.
    fn clock(&self) -> Clock {
        Clock::Paused
    }
}

type Clause<'f> = std::pin::Pin<Box<dyn Future<Output = ()> + 'f>>;

#[doc(hidden)]
pub fn run<'f, F: ConverterFixture>(fixture: &'f F, clause: impl FnOnce(&'f F) -> Clause<'f>) {
    super::run(fixture.clock(), clause(fixture));
}

/// The names that can be skipped.
#[doc(hidden)]
#[expect(non_upper_case_globals, reason = "they are the clauses' names")]
pub mod clauses {
    pub const round_trip_of_arbitrary_values: () = ();
    pub const null_is_a_tombstone: () = ();
    pub const garbage_is_a_data_error_not_a_panic: () = ();
}

fn made<F: ConverterFixture>(fixture: &F) -> F::Converter {
    good(converter(fixture.config()), "the converter refuses the fixture's configuration")
}

fn good<T>(result: Result<T>, what: &str) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {}", error.trace()),
    }
}

/// Every value that was written is read back as [`ConverterFixture::expected`] says.
pub async fn round_trip_of_arbitrary_values<F: ConverterFixture>(fixture: &F) {
    let converter = made(fixture);
    for seed in 0..SEEDS {
        let data = good(fixture.data(&mut Arbitrary::new(seed)), "the fixture made no value");
        let bytes = good(encode(&converter, &data).await, &format!("seed {seed}: could not write {data:?}"));
        let read = good(
            decode(&converter, bytes.as_ref()).await,
            &format!("seed {seed}: could not read {bytes:?}, written for {data:?}"),
        );
        let expected = good(fixture.expected(&data), "the fixture made no value");
        assert_eq!(read, expected, "seed {seed}: {data:?} was written as {bytes:?}");
    }
}

/// Null without schema is written as Kafka's null, and Kafka's null is read as null: log compaction lives on that.
pub async fn null_is_a_tombstone<F: ConverterFixture>(fixture: &F) {
    let converter = made(fixture);
    let written = good(encode(&converter, &SchemaAndValue::NULL).await, "null cannot be written");
    assert_eq!(written, None, "null is written as bytes, so a tombstone would be none");
    let read = good(decode(&converter, None).await, "Kafka's null cannot be read");
    assert!(read.value.is_null(), "Kafka's null is read as {read:?}");
}

/// Bytes that the converter did not write are read as something or refused with a data error. They are random, and
/// valid payloads with bytes cut off, changed and added.
pub async fn garbage_is_a_data_error_not_a_panic<F: ConverterFixture>(fixture: &F) {
    let converter = made(fixture);
    for seed in 0..SEEDS {
        let mut arbitrary = Arbitrary::new(seed);
        let data = good(fixture.data(&mut arbitrary), "the fixture made no value");
        let mut bytes = match encode(&converter, &data).await {
            Ok(Some(bytes)) if !arbitrary.one_in(4) => bytes.to_vec(),
            _ => arbitrary.bytes(),
        };
        match arbitrary.below(3) {
            0 => bytes.truncate(arbitrary.below(bytes.len())),
            1 if !bytes.is_empty() => {
                let at = arbitrary.below(bytes.len());
                bytes[at] ^= 1 << arbitrary.below(8);
            }
            _ => bytes.extend(arbitrary.bytes()),
        }
        let bytes = Bytes::from(bytes);
        if let Err(error) = decode(&converter, Some(&bytes)).await
            && error.kind() != ErrorKind::Data
        {
            panic!("seed {seed}: {bytes:?} is no data error but {:?}: {}", error.kind(), error.trace());
        }
    }
}
