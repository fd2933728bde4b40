//! [`DropHeaders`]: removes headers by name.

use connect_api::config::Validator;
use connect_api::{Config, Outcome, Record, Result, Transformation};

/// The configuration of [`DropHeaders`].
#[derive(Clone, Debug, Config)]
pub struct DropHeadersConfig {
    /// The name of the headers to be removed.
    #[config(importance = High, validate = Validator::non_duplicate_list(false, false))]
    pub headers: Vec<String>,
}

/// Removes all headers of certain names.
///
/// ```
/// use connect_api::{Headers, Plugins, Properties, Record, SchemaAndValue};
///
/// let mut plugins = Plugins::default();
/// connect_transforms::register(&mut plugins);
/// let config = Properties::from([("headers", "trace,span")]);
/// let drop = plugins.find_transformation("DropHeaders")?.configure(&config)?;
///
/// let mut headers = Headers::new();
/// headers.add_string("trace", "a1").add_string("origin", "till 3").add_string("trace", "b2");
/// let mut record = Record::new("orders", SchemaAndValue::schemaless("x")).with_headers(headers);
/// let _ = drop.apply(&mut record)?;
/// assert_eq!(record.headers.iter().map(|header| header.key().as_str()).collect::<Vec<_>>(), ["origin"]);
/// # Ok::<(), connect_api::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "org.apache.kafka.connect.transforms.DropHeaders")]
pub struct DropHeaders {
    headers: Vec<String>,
}

impl Transformation for DropHeaders {
    type Config = DropHeadersConfig;

    fn configure(config: DropHeadersConfig) -> Result<Self> {
        Ok(Self { headers: config.headers })
    }

    fn apply(&self, record: &mut Record) -> Result<Outcome> {
        for name in &self.headers {
            record.headers.remove(name);
        }
        Ok(Outcome::Keep)
    }
}
