//! Converters and header converters.

use bytes::{Bytes, BytesMut};
use connect_api::data::java;
use connect_api::plugins::PluginKind;
use connect_api::{ConverterType, Encoded, RawHeaders, SchemaAndValue};

use super::{Program, properties};
use crate::Json;
use crate::failure::{Answer, Failure, staged};
use crate::notation::{base64, read_data, write_data};

/// The bytes of a case: `text`, or `bytes` in Base64.
pub(super) fn input(case: &Json) -> Answer<Option<Bytes>> {
    if let Some(text) = case.text("text") {
        return Ok(Some(text.into()));
    }
    case.text("bytes").map(|text| base64(&text).map(Bytes::from)).transpose()
}

/// Bytes in an answer.
pub(super) fn output(bytes: Option<&[u8]>) -> Json {
    Json::tagged("bytes", bytes.map(java::base64_encode))
}

fn name(case: &Json, member: &str, or: &str) -> String {
    match case.get(member) {
        Some(Json::Null) | None => or.to_owned(),
        Some(name) => name.as_text(),
    }
}

pub(super) fn converter(program: &Program, case: &Json, read: bool) -> Answer {
    let class = program.find(case, "JsonConverter", PluginKind::Converter)?;
    let ty = match case.flag("is_key").unwrap_or(false) {
        true => ConverterType::Key,
        false => ConverterType::Value,
    };
    let config = properties(case).with("converter.type", ty.as_str());
    let converter = program.plugins.find_converter(&class)?;
    let converter = staged("configure", converter.configure(&config, ty).map_err(Failure::from))?;
    let topic = name(case, "topic", "topic");
    if read {
        return staged(
            "apply",
            input(case).and_then(|bytes| {
                Ok(write_data(&converter.to_connect_data(&topic, &RawHeaders::new(), bytes.as_ref())?))
            }),
        );
    }
    let data = staged("input", read_data(case))?;
    let mut out = BytesMut::new();
    let encoded = converter.from_connect_data(&topic, &mut RawHeaders::new(), &data, &mut out);
    Ok(match staged("apply", encoded.map_err(Failure::from))? {
        Encoded::Null => output(None),
        Encoded::Appended => output(Some(&out)),
        Encoded::Shared(bytes) => output(Some(&bytes)),
    })
}

pub(super) fn header_converter(program: &Program, case: &Json, read: bool) -> Answer {
    let class = program.find(case, "SimpleHeaderConverter", PluginKind::HeaderConverter)?;
    let mut config = properties(case);
    if !config.contains_key("converter.type") {
        config.insert("converter.type", "header");
    }
    let converter = program.plugins.find_header_converter(&class)?;
    let converter = staged("configure", converter.configure(&config).map_err(Failure::from))?;
    let (topic, header) = (name(case, "topic", "topic"), name(case, "header", "h"));
    if read {
        return staged(
            "apply",
            input(case).and_then(|bytes| {
                let data = converter.to_connect_header(&topic, &header, bytes.as_ref())?;
                // Java's answer to the text `null` is no pair at all, which its worker takes for a pair of nulls.
                let no_pair = class.ends_with(".SimpleHeaderConverter") && bytes.is_some();
                Ok(if no_pair && data == SchemaAndValue::NULL { Json::Null } else { write_data(&data) })
            }),
        );
    }
    let data = staged("input", read_data(case))?;
    let bytes = converter.from_connect_header(&topic, &header, &data);
    Ok(output(staged("apply", bytes.map_err(Failure::from))?.as_deref()))
}
