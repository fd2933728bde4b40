//! One descriptor per kind of plugin: what it is called, which keys it has, how it is made.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::Result;
use crate::config::{Config, ConfigDef, ConfigProvider, ConfigValue, Properties};
use crate::converter::{Converter, ConverterType, HeaderConverter};
use crate::record::Record;
use crate::sink::{SinkConnector, SinkConnectorContext, SinkTask, SinkTaskContext, TopicPartition};
use crate::source::{
    ConnectorTransactionBoundaries, ExactlyOnceSupport, SourceConnector, SourceConnectorContext,
    SourceOffset, SourcePartition, SourceTask, SourceTaskContext,
};
use crate::transform::{Predicate, Transformation};

/// A future that owns what it needs, as the constructors of [`SourcePlugin`] and [`SinkPlugin`] answer it.
pub type PluginFuture<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// The kinds of plugins that [`Plugins`](crate::Plugins) holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginKind {
    /// A [`SourceConnector`].
    Source,
    /// A [`SinkConnector`].
    Sink,
    /// A [`Converter`].
    Converter,
    /// A [`HeaderConverter`].
    HeaderConverter,
    /// A [`Transformation`].
    Transformation,
    /// A [`Predicate`].
    Predicate,
    /// A [`ConfigProvider`].
    ConfigProvider,
}

impl PluginKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Source,
        Self::Sink,
        Self::Converter,
        Self::HeaderConverter,
        Self::Transformation,
        Self::Predicate,
        Self::ConfigProvider,
    ];

    /// The name that Kafka Connect's REST API gives it: `source`, `header_converter`, `configprovider`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Converter => "converter",
            Self::HeaderConverter => "header_converter",
            Self::Transformation => "transformation",
            Self::Predicate => "predicate",
            Self::ConfigProvider => "configprovider",
        }
    }

    /// The end of a class name that may be left out.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Source | Self::Sink => "Connector",
            Self::Converter => "Converter",
            Self::HeaderConverter => "HeaderConverter",
            Self::Transformation => "Transformation",
            Self::Predicate => "Predicate",
            Self::ConfigProvider => "ConfigProvider",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every plugin has, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginInfo {
    /// The kind.
    pub kind: PluginKind,
    /// The name that it was registered under.
    pub name: &'static str,
    /// The Java class names that it answers to as well, in order of registration.
    pub aliases: Vec<&'static str>,
    /// The version of its bundle.
    pub version: &'static str,
}

impl PluginInfo {
    /// What Kafka Connect's REST API shows as `class`: the first Java class name, otherwise the name.
    pub fn class(&self) -> &'static str {
        self.aliases.first().copied().unwrap_or(self.name)
    }
}

/// What the registry needs of a descriptor.
pub(super) trait Descriptor {
    fn info(&self) -> &PluginInfo;
    fn info_mut(&mut self) -> &mut PluginInfo;
}

macro_rules! descriptor {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            info: Arc<PluginInfo>,
            config_def: fn() -> ConfigDef,
            $($field: $ty,)*
        }

        impl $name {
            /// The name that it was registered under.
            pub fn name(&self) -> &str {
                self.info.name
            }

            /// The Java class names that it answers to as well.
            pub fn aliases(&self) -> &[&'static str] {
                &self.info.aliases
            }

            /// The version of its bundle.
            pub fn version(&self) -> &str {
                self.info.version
            }

            /// Names, version and kind.
            pub fn info(&self) -> &PluginInfo {
                &self.info
            }

            /// The keys that it understands.
            pub fn config_def(&self) -> ConfigDef {
                (self.config_def)()
            }
        }

        impl Descriptor for $name {
            fn info(&self) -> &PluginInfo {
                &self.info
            }

            fn info_mut(&mut self) -> &mut PluginInfo {
                Arc::make_mut(&mut self.info)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} {})", stringify!($name), self.info.name, self.info.version)
            }
        }
    };
}

/// Makes a started task. A closure, because a task may be fed by the application that registered it.
pub(super) type StartTask<C, T> = Arc<dyn Fn(Properties, C) -> PluginFuture<Box<T>> + Send + Sync>;

type SourceOffsets = Vec<(SourcePartition, Option<SourceOffset>)>;
type SinkOffsets = Vec<(TopicPartition, Option<i64>)>;

descriptor! {
    /// A registered [`SourceConnector`] with its task. Cheap to clone.
    SourcePlugin {
        connector: TypeId,
        task_config_def: fn() -> ConfigDef,
        validate: fn(&Properties) -> Vec<ConfigValue>,
        start: fn(Properties, SourceConnectorContext) -> PluginFuture<Box<dyn SourceConnector>>,
        start_task: StartTask<SourceTaskContext, dyn SourceTask>,
        exactly_once_support: fn(&Properties) -> Result<ExactlyOnceSupport>,
        transaction_boundaries: fn(&Properties) -> Result<ConnectorTransactionBoundaries>,
        alter_offsets: fn(Properties, SourceOffsets) -> PluginFuture<bool>,
        sample: fn(Properties) -> PluginFuture<Option<Record>>,
    }
}

impl SourcePlugin {
    pub(super) fn of<C: SourceConnector>(info: PluginInfo) -> Self {
        Self {
            info: Arc::new(info),
            config_def: C::Config::def,
            connector: TypeId::of::<C>(),
            task_config_def: <C::Task as SourceTask>::Config::def,
            validate: C::validate,
            start: |properties, context| {
                Box::pin(async move {
                    let connector = C::start(C::Config::parse(&properties)?, context).await?;
                    Ok(Box::new(connector) as Box<dyn SourceConnector>)
                })
            },
            start_task: Arc::new(|properties, context| {
                Box::pin(async move {
                    let config = <C::Task as SourceTask>::Config::parse(&properties)?;
                    Ok(Box::new(C::Task::start(config, context).await?) as Box<dyn SourceTask>)
                })
            }),
            exactly_once_support: |properties| Ok(C::exactly_once_support(&C::Config::parse(properties)?)),
            transaction_boundaries: |properties| {
                Ok(C::can_define_transaction_boundaries(&C::Config::parse(properties)?))
            },
            alter_offsets: |properties, offsets| {
                Box::pin(async move { C::alter_offsets(C::Config::parse(&properties)?, &offsets).await })
            },
            sample: |properties| Box::pin(async move { C::sample(C::Config::parse(&properties)?).await }),
        }
    }

    /// Whether it was registered for this connector type.
    pub(super) fn is<C: SourceConnector>(&self) -> bool {
        self.connector == TypeId::of::<C>()
    }

    pub(super) fn with_task(mut self, start_task: StartTask<SourceTaskContext, dyn SourceTask>) -> Self {
        self.start_task = start_task;
        self
    }

    /// The keys of a task's configuration.
    pub fn task_config_def(&self) -> ConfigDef {
        (self.task_config_def)()
    }

    /// [`SourceConnector::validate`].
    pub fn validate(&self, properties: &Properties) -> Vec<ConfigValue> {
        (self.validate)(properties)
    }

    /// Parses the configuration and starts the connector: [`SourceConnector::start`].
    pub fn start(
        &self,
        properties: Properties,
        context: SourceConnectorContext,
    ) -> PluginFuture<Box<dyn SourceConnector>> {
        (self.start)(properties, context)
    }

    /// Parses a task's configuration and starts the task: [`SourceTask::start`].
    pub fn start_task(
        &self,
        properties: Properties,
        context: SourceTaskContext,
    ) -> PluginFuture<Box<dyn SourceTask>> {
        (self.start_task)(properties, context)
    }

    /// [`SourceConnector::exactly_once_support`]. An error when the configuration does not parse.
    pub fn exactly_once_support(&self, properties: &Properties) -> Result<ExactlyOnceSupport> {
        (self.exactly_once_support)(properties)
    }

    /// [`SourceConnector::can_define_transaction_boundaries`]. An error when the configuration does not parse.
    pub fn can_define_transaction_boundaries(
        &self,
        properties: &Properties,
    ) -> Result<ConnectorTransactionBoundaries> {
        (self.transaction_boundaries)(properties)
    }

    /// [`SourceConnector::alter_offsets`].
    pub fn alter_offsets(&self, properties: Properties, offsets: SourceOffsets) -> PluginFuture<bool> {
        (self.alter_offsets)(properties, offsets)
    }

    /// [`SourceConnector::sample`]. An error when the configuration does not parse.
    pub fn sample(&self, properties: Properties) -> PluginFuture<Option<Record>> {
        (self.sample)(properties)
    }
}

descriptor! {
    /// A registered [`SinkConnector`] with its task. Cheap to clone.
    SinkPlugin {
        connector: TypeId,
        task_config_def: fn() -> ConfigDef,
        validate: fn(&Properties) -> Vec<ConfigValue>,
        start: fn(Properties, SinkConnectorContext) -> PluginFuture<Box<dyn SinkConnector>>,
        start_task: StartTask<SinkTaskContext, dyn SinkTask>,
        alter_offsets: fn(Properties, SinkOffsets) -> PluginFuture<bool>,
    }
}

impl SinkPlugin {
    pub(super) fn of<C: SinkConnector>(info: PluginInfo) -> Self {
        Self {
            info: Arc::new(info),
            config_def: C::Config::def,
            connector: TypeId::of::<C>(),
            task_config_def: <C::Task as SinkTask>::Config::def,
            validate: C::validate,
            start: |properties, context| {
                Box::pin(async move {
                    let connector = C::start(C::Config::parse(&properties)?, context).await?;
                    Ok(Box::new(connector) as Box<dyn SinkConnector>)
                })
            },
            start_task: Arc::new(|properties, context| {
                Box::pin(async move {
                    let config = <C::Task as SinkTask>::Config::parse(&properties)?;
                    Ok(Box::new(C::Task::start(config, context).await?) as Box<dyn SinkTask>)
                })
            }),
            alter_offsets: |properties, offsets| {
                Box::pin(async move { C::alter_offsets(C::Config::parse(&properties)?, &offsets).await })
            },
        }
    }

    /// Whether it was registered for this connector type.
    pub(super) fn is<C: SinkConnector>(&self) -> bool {
        self.connector == TypeId::of::<C>()
    }

    pub(super) fn with_task(mut self, start_task: StartTask<SinkTaskContext, dyn SinkTask>) -> Self {
        self.start_task = start_task;
        self
    }

    /// The keys of a task's configuration.
    pub fn task_config_def(&self) -> ConfigDef {
        (self.task_config_def)()
    }

    /// [`SinkConnector::validate`].
    pub fn validate(&self, properties: &Properties) -> Vec<ConfigValue> {
        (self.validate)(properties)
    }

    /// Parses the configuration and starts the connector: [`SinkConnector::start`].
    pub fn start(
        &self,
        properties: Properties,
        context: SinkConnectorContext,
    ) -> PluginFuture<Box<dyn SinkConnector>> {
        (self.start)(properties, context)
    }

    /// Parses a task's configuration and starts the task: [`SinkTask::start`].
    pub fn start_task(
        &self,
        properties: Properties,
        context: SinkTaskContext,
    ) -> PluginFuture<Box<dyn SinkTask>> {
        (self.start_task)(properties, context)
    }

    /// [`SinkConnector::alter_offsets`].
    pub fn alter_offsets(&self, properties: Properties, offsets: SinkOffsets) -> PluginFuture<bool> {
        (self.alter_offsets)(properties, offsets)
    }
}

descriptor! {
    /// A registered [`Converter`]. Cheap to clone.
    ConverterPlugin {
        configure: fn(&Properties, ConverterType) -> Result<Box<dyn Converter>>,
    }
}

impl ConverterPlugin {
    pub(super) fn of<C: Converter>(info: PluginInfo) -> Self {
        Self {
            info: Arc::new(info),
            config_def: C::Config::def,
            configure: |properties, ty| Ok(Box::new(C::configure(C::Config::parse(properties)?, ty)?)),
        }
    }

    /// Parses the configuration and makes a converter: [`Converter::configure`].
    pub fn configure(&self, properties: &Properties, ty: ConverterType) -> Result<Box<dyn Converter>> {
        (self.configure)(properties, ty)
    }
}

macro_rules! configurable {
    ($(#[$doc:meta])* $name:ident, $plugin:ident) => {
        descriptor! {
            $(#[$doc])*
            $name {
                configure: fn(&Properties) -> Result<Box<dyn $plugin>>,
            }
        }

        impl $name {
            pub(super) fn of<P: $plugin>(info: PluginInfo) -> Self {
                Self {
                    info: Arc::new(info),
                    config_def: P::Config::def,
                    configure: |properties| Ok(Box::new(P::configure(P::Config::parse(properties)?)?)),
                }
            }

            /// Parses the configuration and makes an instance.
            pub fn configure(&self, properties: &Properties) -> Result<Box<dyn $plugin>> {
                (self.configure)(properties)
            }
        }
    };
}
configurable! {
    /// A registered [`HeaderConverter`]. Cheap to clone.
    HeaderConverterPlugin, HeaderConverter
}
configurable! {
    /// A registered [`Transformation`]. Cheap to clone.
    TransformationPlugin, Transformation
}
configurable! {
    /// A registered [`Predicate`]. Cheap to clone.
    PredicatePlugin, Predicate
}
configurable! {
    /// A registered [`ConfigProvider`]. Cheap to clone.
    ConfigProviderPlugin, ConfigProvider
}

/// What `connector.class` names: a source or a sink.
#[derive(Clone, Debug)]
pub enum ConnectorPlugin {
    /// A source.
    Source(SourcePlugin),
    /// A sink.
    Sink(SinkPlugin),
}

impl ConnectorPlugin {
    /// Names, version and kind.
    pub fn info(&self) -> &PluginInfo {
        match self {
            Self::Source(plugin) => plugin.info(),
            Self::Sink(plugin) => plugin.info(),
        }
    }

    /// The keys that it understands.
    pub fn config_def(&self) -> ConfigDef {
        match self {
            Self::Source(plugin) => plugin.config_def(),
            Self::Sink(plugin) => plugin.config_def(),
        }
    }

    /// The keys of a task's configuration.
    pub fn task_config_def(&self) -> ConfigDef {
        match self {
            Self::Source(plugin) => plugin.task_config_def(),
            Self::Sink(plugin) => plugin.task_config_def(),
        }
    }

    /// The connector's own validation of a configuration.
    pub fn validate(&self, properties: &Properties) -> Vec<ConfigValue> {
        match self {
            Self::Source(plugin) => plugin.validate(properties),
            Self::Sink(plugin) => plugin.validate(properties),
        }
    }
}

/// Every plugin trait works behind a pointer. Compiling this is the test.
#[expect(dead_code, reason = "it is there to be compiled")]
#[expect(clippy::too_many_arguments, reason = "one argument per trait")]
fn every_plugin_trait_is_dyn_compatible(
    _: &dyn SourceConnector,
    _: &dyn SourceTask,
    _: &dyn SinkConnector,
    _: &dyn SinkTask,
    _: &dyn Converter,
    _: &dyn HeaderConverter,
    _: &dyn Transformation,
    _: &dyn Predicate,
    _: &dyn ConfigProvider,
) {
}
