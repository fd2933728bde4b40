//! Makes the transformations and converters that a connector's configuration names.

use connect_api::{ConverterType, Plugins, Result};

use crate::config::{ConnectorConfig, ConverterSpec, TransformSpec};
use crate::pipeline::{Chain, Converters, TransformationStage};

/// The transformations, in order.
pub(crate) fn chain(plugins: &Plugins, config: &ConnectorConfig) -> Result<Chain> {
    let stages = config.transforms.iter().map(|spec| stage(plugins, spec)).collect::<Result<_>>()?;
    Ok(Chain { stages })
}

fn stage(plugins: &Plugins, spec: &TransformSpec) -> Result<TransformationStage> {
    let transformation = plugins
        .find_transformation(&spec.class)?
        .configure(&spec.properties)
        .map_err(|error| error.with("transform", &spec.alias))?;
    let predicate = match &spec.predicate {
        Some(predicate) => Some(
            plugins
                .find_predicate(&predicate.class)?
                .configure(&predicate.properties)
                .map_err(|error| error.with("predicate", &predicate.alias))?,
        ),
        None => None,
    };
    Ok(TransformationStage { class: spec.class.clone(), transformation, predicate, negate: spec.negate })
}

/// Key, value and header converter.
pub(crate) fn converters(plugins: &Plugins, config: &ConnectorConfig) -> Result<Converters> {
    let (key, value, header) = (&config.key_converter, &config.value_converter, &config.header_converter);
    let converter = |spec: &ConverterSpec, ty| {
        plugins
            .find_converter(&spec.class)?
            .configure(&spec.properties, ty)
            .map_err(|error| error.with("converter", &spec.class))
    };
    Ok(Converters {
        key: converter(key, ConverterType::Key)?,
        key_class: key.class.clone(),
        value: converter(value, ConverterType::Value)?,
        value_class: value.class.clone(),
        header: plugins
            .find_header_converter(&header.class)?
            .configure(&header.properties)
            .map_err(|error| error.with("converter", &header.class))?,
        header_class: header.class.clone(),
    })
}
