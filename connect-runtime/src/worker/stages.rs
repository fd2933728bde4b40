//! Makes the transformations and converters that a connector's configuration names.

use std::sync::Arc;

use connect_api::{ConverterType, Error, Plugins, Result};

use crate::config::{ConnectorConfig, ConverterSpec, TransformSpec};
use crate::pipeline::{Chain, Converters, Stages, TransformationStage};

/// What a task converts and transforms with: one set for each lane.
pub(crate) fn lanes(plugins: &Plugins, config: &ConnectorConfig) -> Result<Vec<Stages>> {
    let lane = |_| {
        let converters = Arc::new(converters(plugins, config)?);
        Ok(Stages { chain: chain(plugins, config)?, converters })
    };
    (0..config.conversion_parallelism).map(lane).collect()
}

/// The transformations, in order.
pub(crate) fn chain(plugins: &Plugins, config: &ConnectorConfig) -> Result<Chain> {
    let stages = config.transforms.iter().map(|spec| stage(plugins, spec)).collect::<Result<_>>()?;
    Ok(Chain { stages })
}

fn stage(plugins: &Plugins, spec: &TransformSpec) -> Result<TransformationStage> {
    let plugin = plugins.find_transformation(&spec.class)?;
    let transformation =
        plugin.configure(&spec.properties).map_err(|error| error.with("transform", &spec.alias))?;
    let predicate = match &spec.predicate {
        Some(predicate) => Some(
            plugins
                .find_predicate(&predicate.class)?
                .configure(&predicate.properties)
                .map_err(|error| error.with("predicate", &predicate.alias))?,
        ),
        None => None,
    };
    let class = plugin.info().class().to_owned();
    Ok(TransformationStage { class, transformation, predicate, negate: spec.negate })
}

/// Key, value and header converter.
pub(crate) fn converters(plugins: &Plugins, config: &ConnectorConfig) -> Result<Converters> {
    let (key, value, header) = (&config.key_converter, &config.value_converter, &config.header_converter);
    let converter = |spec: &ConverterSpec, ty| {
        let plugin = plugins.find_converter(&spec.class)?;
        let made =
            plugin.configure(&spec.properties, ty).map_err(|error| error.with("converter", &spec.class))?;
        Ok::<_, Error>((made, plugin.info().class().to_owned()))
    };
    let (key, key_class) = converter(key, ConverterType::Key)?;
    let (value, value_class) = converter(value, ConverterType::Value)?;
    let plugin = plugins.find_header_converter(&header.class)?;
    let header =
        plugin.configure(&header.properties).map_err(|error| error.with("converter", &header.class))?;
    let header_class = plugin.info().class().to_owned();
    Ok(Converters { key, key_class, value, value_class, header, header_class })
}
