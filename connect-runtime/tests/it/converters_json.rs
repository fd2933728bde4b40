//! What must hold for the JSON converter whatever it reads.

use bytes::{Bytes, BytesMut};
use connect_api::data::{Map, Shape};
use connect_api::{
    Converter, DataItem, Encoded, RawHeaders, RawItem, Result, Schema, SchemaAndValue, Str, Value,
};
use connect_runtime::converters::{JsonConverter, JsonConverterConfig};
use serde_json::Value as Json;

fn schemaless() -> JsonConverter {
    JsonConverter::new(JsonConverterConfig { schemas_enable: false, ..Default::default() }).unwrap()
}

fn enveloped() -> JsonConverter {
    JsonConverter::new(JsonConverterConfig::default()).unwrap()
}

fn read(converter: &JsonConverter, text: impl Into<Bytes>) -> Result<SchemaAndValue> {
    converter.to_connect_data("t", &RawHeaders::new(), Some(&text.into()))
}

fn write(converter: &JsonConverter, data: &SchemaAndValue) -> Result<String> {
    let mut out = BytesMut::new();
    converter.from_connect_data("t", &mut RawHeaders::new(), data, &mut out)?;
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

/// The same sequence of numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const ALPHABET: &[u8] = b"{}[],:\"\\ \n0123456789eE+-.tfnulaschempyod\x00\x01\x7f\xc3\xa9\xf0\xff";
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let byte = ALPHABET[self.below(ALPHABET.len())];
            match self.below(5) {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => {
                    let from = self.below(bytes.len() + 1);
                    let piece = bytes[from.min(at)..from.max(at)].to_vec();
                    bytes.splice(at..at, piece.into_iter().take(30));
                }
            }
        }
    }
}

/// The documents of the vectors.
fn documents() -> Vec<Vec<u8>> {
    let lines = [
        include_str!("../../../equivalence/vectors/converters.jsonl"),
        include_str!("../../../equivalence/vectors/json.jsonl"),
    ];
    let bytes = |line: &str| {
        let vector: Json = serde_json::from_str(line).unwrap();
        let case = &vector["case"];
        match (case["text"].as_str(), case["bytes"].as_str()) {
            (Some(text), _) => Some(text.as_bytes().to_vec()),
            (None, Some(base64)) => connect_api::data::java::base64_decode(base64.as_bytes()),
            (None, None) => None,
        }
    };
    lines
        .iter()
        .flat_map(|lines| lines.lines().filter_map(bytes))
        .filter(|bytes| bytes.len() < 1000)
        .collect()
}

#[test]
fn what_a_converter_read_before_changes_nothing() {
    let documents = documents();
    let mut random = Random(88_172_645_463_325_252);
    let used = [schemaless(), enveloped()];
    let mut readable = 0;
    for _ in 0..8_000 {
        let mut document = documents[random.below(documents.len())].clone();
        if random.below(3) > 0 {
            random.mutate(&mut document);
        }
        let document = Bytes::from(document);
        for (used, fresh) in used.iter().zip([schemaless(), enveloped()]) {
            match (read(used, document.clone()), read(&fresh, document.clone())) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(ours, theirs, "{document:?}");
                    assert_eq!(ours.value.to_string(), theirs.value.to_string(), "{document:?}");
                    readable += 1;
                }
                (Err(ours), Err(theirs)) => assert_eq!(ours.message(), theirs.message(), "{document:?}"),
                (ours, theirs) => panic!("{document:?}: {ours:?}, {theirs:?}"),
            }
        }
    }
    assert!(readable > 3_000, "{readable} are too few to mean anything");
}

#[test]
fn what_is_written_reads_as_the_same_value() {
    for document in documents() {
        for converter in [schemaless(), enveloped()] {
            let Ok(data) = read(&converter, document.clone()) else { continue };
            // A null that the schema does not allow can be read, but not written.
            let Ok(text) = write(&converter, &data) else { continue };
            if data.is_null() {
                continue;
            }
            // Infinity is written as text, and negative zero reads as zero.
            if data.schema.is_none() && !text.contains("Infinity") && !text.contains("-0.0") {
                let again = read(&converter, text.clone()).unwrap();
                assert_eq!(again, data, "{text}");
                assert_eq!(write(&converter, &again).unwrap(), text);
            }
            serde_json::from_str::<Json>(&text).unwrap();
        }
    }
}

#[test]
fn a_thousand_levels_are_read_and_written_and_no_more() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let data = read(&schemaless(), nested(1000)).unwrap();
    assert_eq!(write(&schemaless(), &data).unwrap(), nested(1000));
    assert!(read(&schemaless(), nested(1001)).unwrap_err().message().starts_with("Converting byte[]"));
    assert!(read(&schemaless(), "[".repeat(100_000)).is_err());

    let deeper = SchemaAndValue::schemaless(Value::from(vec![data.value]));
    let error = write(&schemaless(), &deeper).unwrap_err();
    assert_eq!(
        error.message(),
        "Converting Kafka Connect data to byte[] failed due to serialization error: "
    );
}

#[test]
fn schemas_are_nested_two_hundred_levels_and_no_more() {
    let message = |levels: usize| {
        let begin = "{\"type\":\"array\",\"items\":".repeat(levels);
        let end = ",\"optional\":false}".repeat(levels);
        let schema = format!("{begin}{{\"type\":\"int8\",\"optional\":false}}{end}");
        format!("{{\"schema\":{schema},\"payload\":{}7{}}}", "[".repeat(levels), "]".repeat(levels))
    };
    let data = read(&enveloped(), message(200)).unwrap();
    assert_eq!(write(&enveloped(), &data).unwrap(), message(200));
    let error = read(&enveloped(), message(201)).unwrap_err();
    assert_eq!(error.message(), "Schemas may be nested at most 200 levels deep");
}

#[test]
fn records_of_one_form_share_their_keys_also_inside() {
    let converter = schemaless();
    let record = |index: usize| format!("{{\"id\":{index},\"at\":{{\"x\":1,\"y\":[{{\"z\":{index}}}]}}}}");
    let shapes = |index: usize| -> Vec<Shape> {
        let data = read(&converter, record(index)).unwrap();
        let outer = data.value.as_map().unwrap();
        let inner: Map = outer.get_owned("at").unwrap().as_map().unwrap().clone();
        let element = inner.get_owned("y").unwrap().as_array().unwrap().get_owned(0).unwrap();
        [outer, &inner, element.as_map().unwrap()].map(|map| map.shape().unwrap().clone()).to_vec()
    };
    (0..4).for_each(|index| drop(shapes(index)));
    let (first, second) = (shapes(5), shapes(6));
    assert!(first.iter().zip(&second).all(|(first, second)| first.is_same(second)));
}

#[test]
fn objects_that_are_dictionaries_do_not_pile_up() {
    let converter = schemaless();
    for index in 0..5_000 {
        let data = read(&converter, format!("{{\"key-{index}\":{index}}}")).unwrap();
        assert_eq!(data.value.to_string(), format!("{{key-{index}={index}}}"));
    }
    // The key lists that are kept are few, and so is their text.
    assert!(format!("{converter:?}").len() < 10_000);
}

#[test]
fn long_text_is_a_slice_of_the_message_and_nothing_else_holds_it() {
    let text = "a text that is longer than twenty-four bytes";
    for (converter, message) in [
        (schemaless(), format!("{{\"a long key for this small object\":\"{text}\"}}")),
        (
            enveloped(),
            format!(
                "{{\"schema\":{{\"type\":\"string\",\"doc\":\"{text}\",\"default\":\"{text}\"}},\"payload\":\"{text}\"}}"
            ),
        ),
    ] {
        let message = Bytes::from(message);
        for _ in 0..3 {
            let data = converter.to_connect_data("t", &RawHeaders::new(), Some(&message)).unwrap();
            let value = match &data.value {
                Value::Map(map) => map.get_owned("a long key for this small object").unwrap(),
                other => other.clone(),
            };
            let address = value.as_str().unwrap().as_ptr() as usize;
            let begin = message.as_ptr() as usize;
            assert!((begin..begin + message.len()).contains(&address));
        }
        assert!(message.is_unique(), "{converter:?}");
    }
}

#[test]
fn an_envelope_that_begins_like_the_last_one_is_still_an_envelope() {
    let converter = enveloped();
    let schema = "{\"type\":\"int32\"}";
    let message = |rest: &str| read(&converter, format!("{{\"schema\":{schema},\"payload\":{rest}"));
    for _ in 0..2 {
        assert_eq!(message("5}").unwrap(), SchemaAndValue::new(Schema::INT32, 5));
        assert_eq!(message(" 5 } x").unwrap(), SchemaAndValue::new(Schema::INT32, 5));
        assert_eq!(message("5,\"payload\":6}").unwrap(), SchemaAndValue::new(Schema::INT32, 6));
        assert_eq!(message("5,\"schema\":null}").unwrap(), SchemaAndValue::schemaless(5_i64));
        assert!(message("5,\"x\":6}").unwrap_err().message().contains("may not contain additional fields"));
        assert!(message("5").unwrap_err().message().starts_with("Converting byte[]"));
        assert!(message("null}").unwrap_err().message().starts_with("Invalid null value"));
    }
}

#[test]
fn a_batch_answers_as_its_records_do() {
    let converter = enveloped();
    let messages =
        ["{\"schema\":null,\"payload\":[1]}", "x", "{\"schema\":{\"type\":\"int8\"},\"payload\":7}"]
            .map(|text: &str| Bytes::copy_from_slice(text.as_bytes()));
    let (topic, headers) = (Str::from("t"), RawHeaders::new());
    let mut results = Vec::new();
    let mut items =
        messages.iter().map(|bytes| RawItem { topic: &topic, headers: &headers, bytes: Some(bytes) });
    converter.to_connect_batch(&mut items, &mut results);
    assert_eq!(results.len(), 3);
    assert!(results.remove(1).unwrap_err().to_string().contains("at byte 0"));
    let mut data: Vec<SchemaAndValue> = results.into_iter().map(Result::unwrap).collect();
    data.insert(1, SchemaAndValue::new(Schema::STRING, 1));
    data.push(SchemaAndValue::NULL);

    let mut out = BytesMut::new();
    let mut results = Vec::new();
    for data in &data {
        let mut headers = RawHeaders::new();
        let item = DataItem { topic: &topic, headers: &mut headers, data };
        converter.from_connect_batch(&mut std::iter::once(item), &mut out, &mut results);
    }
    let texts: Vec<Option<&[u8]>> = results
        .iter()
        .map(|result| match result {
            Ok((Encoded::Appended, range)) => Some(&out[range.clone()]),
            Ok((_, range)) => {
                assert!(range.is_empty());
                None
            }
            Err(error) => {
                assert_eq!(error.message(), "Invalid type for STRING: class java.lang.Integer");
                None
            }
        })
        .collect();
    let second = b"{\"schema\":{\"type\":\"int8\",\"optional\":false},\"payload\":7}";
    assert_eq!(texts, [Some(&messages[0][..]), None, Some(&second[..]), None]);
}

#[test]
fn parameters_keep_their_order() {
    let text = "{\"schema\":{\"type\":\"int8\",\"optional\":false,\"parameters\":{\"z\":\"1\",\"a\":\"2\"}},\"payload\":1}";
    assert_eq!(write(&enveloped(), &read(&enveloped(), text).unwrap()).unwrap(), text);
}
