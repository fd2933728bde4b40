//! [`Validator`]: whether JSON is as its schema says.

use std::sync::Arc;

use connect_api::{Error, Result};
use jsonschema::{Draft, Retrieve, Uri};

use super::config::SpecVersion;

/// A schema that was compiled to check data. References lead into the registry's texts only.
pub(super) struct Validator(jsonschema::Validator);

/// What references lead to.
struct References(Vec<(String, serde_json::Value)>);

impl Retrieve for References {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> std::result::Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        let uri = uri.as_str();
        let name = uri.strip_prefix(BASE).unwrap_or(uri);
        let found = self.0.iter().find(|(other, _)| other == name || other == uri);
        found
            .map(|(_, schema)| schema.clone())
            .ok_or_else(|| format!("{name} is not in the schema's references").into())
    }
}

/// Where a schema is that does not say it, so that relative references have a beginning.
const BASE: &str = "json-schema:///";

impl Validator {
    pub(super) fn new(text: &str, references: &[(String, Arc<str>)], version: SpecVersion) -> Result<Self> {
        let parse = |name: &str, text: &str| {
            serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| Error::data(format!("{name} is no JSON: {error}")))
        };
        let schema = parse("The schema", text)?;
        let references: Result<Vec<_>> =
            references.iter().map(|(name, text)| Ok((name.clone(), parse(name, text)?))).collect();
        let mut options = jsonschema::options().with_base_uri(BASE).with_retriever(References(references?));
        if schema.get("$schema").is_none() {
            options = options.with_draft(match version {
                SpecVersion::Draft4 => Draft::Draft4,
                SpecVersion::Draft6 => Draft::Draft6,
                SpecVersion::Draft7 => Draft::Draft7,
                SpecVersion::Draft201909 => Draft::Draft201909,
                SpecVersion::Draft202012 => Draft::Draft202012,
            });
        }
        let made = options.build(&schema);
        made.map(Self).map_err(|error| Error::data(format!("The schema cannot be used: {error}")))
    }

    /// Refuses what the schema does not allow.
    pub(super) fn check(&self, text: &[u8]) -> Result<()> {
        let json: serde_json::Value = serde_json::from_slice(text)
            .map_err(|error| Error::data(format!("The data is no JSON: {error}")))?;
        self.0.validate(&json).map_err(|error| {
            let place = error.instance_path().to_string();
            Error::data(format!("The data is not as its schema says, at \"{place}\": {error}"))
        })
    }
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Validator")
    }
}
