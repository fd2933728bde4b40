//! [`Plugins`]: which plugins there are, by name.

mod kinds;

pub use kinds::{
    ConfigProviderPlugin, ConnectorPlugin, ConverterPlugin, HeaderConverterPlugin, PluginFuture, PluginInfo,
    PluginKind, PredicatePlugin, SinkPlugin, SourcePlugin, TransformationPlugin,
};

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::config::ConfigProvider;
use crate::config::Properties;
use crate::converter::{Converter, HeaderConverter};
use crate::sink::{SinkConnector, SinkTask, SinkTaskContext};
use crate::source::{SourceConnector, SourceTask, SourceTaskContext};
use crate::transform::{Predicate, Transformation};
use crate::{Error, Result};
use kinds::Descriptor;

/// The plugins that a process can run. A value, not a global: two of them do not know of each other.
///
/// Each plugin crate has a function that registers what it contains:
///
/// ```
/// use connect_api::config::NoConfig;
/// use connect_api::{Plugins, Predicate, Properties, Record, Result};
///
/// struct HasKey;
/// impl Predicate for HasKey {
///     type Config = NoConfig;
///     fn configure(_: NoConfig) -> Result<Self> {
///         Ok(Self)
///     }
///     fn test(&self, record: &Record) -> Result<bool> {
///         Ok(record.key != connect_api::SchemaAndValue::NULL)
///     }
/// }
///
/// pub fn register(plugins: &mut Plugins) {
///     plugins.bundle(env!("CARGO_PKG_VERSION")).predicate::<HasKey>("HasKey").alias("org.example.HasKeyPredicate");
/// }
///
/// let mut plugins = Plugins::default();
/// register(&mut plugins);
/// plugins.check()?;
///
/// // By name, by Java class, by the end of the class, with or without the kind.
/// for name in ["HasKey", "org.example.HasKeyPredicate", "HasKeyPredicate"] {
///     assert_eq!(plugins.find_predicate(name)?.name(), "HasKey");
/// }
/// let predicate = plugins.find_predicate("HasKey")?.configure(&Properties::new())?;
///
/// let error = plugins.find_predicate("HasKye").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "Failed to find any predicate which name matches HasKye, available are: HasKey. Did you mean HasKey?",
/// );
/// # Ok::<(), connect_api::Error>(())
/// ```
///
/// # Names
///
/// A plugin is found by its name and its aliases; failing that, by what follows the last `.` of an alias; and by any
/// of these with or without the word for its kind at the end (`Connector`, `Converter`, `HeaderConverter`,
/// `Transformation`, `Predicate`, `ConfigProvider`). `MaskField$Value` is a name like any other.
///
/// A name that two plugins of a kind were registered with finds neither: a [`find_source`](Self::find_source) and
/// its like answer an error that names both, and [`check`](Self::check) reports all such names at once.
#[derive(Clone, Default)]
pub struct Plugins {
    sources: Vec<SourcePlugin>,
    sinks: Vec<SinkPlugin>,
    converters: Vec<ConverterPlugin>,
    header_converters: Vec<HeaderConverterPlugin>,
    transformations: Vec<TransformationPlugin>,
    predicates: Vec<PredicatePlugin>,
    config_providers: Vec<ConfigProviderPlugin>,
    misplaced_aliases: Vec<&'static str>,
}

macro_rules! lookups {
    ($($(#[$doc:meta])* $find:ident, $list:ident: $plugin:ident, $kind:ident;)*) => {
        impl Plugins {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// When no plugin has the name, with a list of those that there are; or when several have it.
                pub fn $find(&self, name: &str) -> Result<&$plugin> {
                    find(&self.$list, name, PluginKind::$kind.as_str())
                }

                /// All plugins of this kind, in order of registration.
                pub fn $list(&self) -> impl Iterator<Item = &$plugin> {
                    self.$list.iter()
                }
            )*
        }
    };
}
lookups! {
    /// The source of a name.
    find_source, sources: SourcePlugin, Source;
    /// The sink of a name.
    find_sink, sinks: SinkPlugin, Sink;
    /// The converter of a name.
    find_converter, converters: ConverterPlugin, Converter;
    /// The header converter of a name.
    find_header_converter, header_converters: HeaderConverterPlugin, HeaderConverter;
    /// The transformation of a name.
    find_transformation, transformations: TransformationPlugin, Transformation;
    /// The predicate of a name.
    find_predicate, predicates: PredicatePlugin, Predicate;
    /// The config provider of a name.
    find_config_provider, config_providers: ConfigProviderPlugin, ConfigProvider;
}

impl Plugins {
    /// Nothing registered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a bundle: plugins of one crate, which have one version.
    pub fn bundle(&mut self, version: &'static str) -> Bundle<'_> {
        Bundle { plugins: self, version, last: None }
    }

    /// The source or sink that `connector.class` names.
    ///
    /// # Errors
    ///
    /// When no connector has the name, with a list of those that there are; or when several have it.
    pub fn find_connector(&self, name: &str) -> Result<ConnectorPlugin> {
        let found = find_any(&[infos(&self.sources), infos(&self.sinks)].concat(), name, "connector")?;
        match self.sources.get(found) {
            Some(source) => Ok(ConnectorPlugin::Source(source.clone())),
            None => Ok(ConnectorPlugin::Sink(self.sinks[found - self.sources.len()].clone())),
        }
    }

    /// The name that a source connector type is registered under.
    ///
    /// # Errors
    ///
    /// When it is not registered, with a list of the sources that are.
    pub fn source_name<C: SourceConnector>(&self) -> Result<&'static str> {
        let found = self.sources.iter().find(|plugin| plugin.is::<C>()).map(|plugin| plugin.info().name);
        found.ok_or_else(|| not_registered(std::any::type_name::<C>(), &infos(&self.sources)))
    }

    /// The name that a sink connector type is registered under.
    ///
    /// # Errors
    ///
    /// When it is not registered, with a list of the sinks that are.
    pub fn sink_name<C: SinkConnector>(&self) -> Result<&'static str> {
        let found = self.sinks.iter().find(|plugin| plugin.is::<C>()).map(|plugin| plugin.info().name);
        found.ok_or_else(|| not_registered(std::any::type_name::<C>(), &infos(&self.sinks)))
    }

    /// Every plugin of every kind, in the order of [`PluginKind::ALL`], then of registration.
    pub fn iter(&self) -> impl Iterator<Item = &PluginInfo> {
        PluginKind::ALL.into_iter().flat_map(|kind| self.of_kind(kind))
    }

    /// Every plugin of a kind, in order of registration.
    pub fn of_kind(&self, kind: PluginKind) -> Vec<&PluginInfo> {
        match kind {
            PluginKind::Source => infos(&self.sources),
            PluginKind::Sink => infos(&self.sinks),
            PluginKind::Converter => infos(&self.converters),
            PluginKind::HeaderConverter => infos(&self.header_converters),
            PluginKind::Transformation => infos(&self.transformations),
            PluginKind::Predicate => infos(&self.predicates),
            PluginKind::ConfigProvider => infos(&self.config_providers),
        }
    }

    /// Lets every plugin say that it is of this version: for comparisons with the release that they stand in for.
    #[doc(hidden)]
    pub fn claim_version(&mut self, version: &'static str) {
        claim(&mut self.sources, version);
        claim(&mut self.sinks, version);
        claim(&mut self.converters, version);
        claim(&mut self.header_converters, version);
        claim(&mut self.transformations, version);
        claim(&mut self.predicates, version);
        claim(&mut self.config_providers, version);
    }

    /// Whether every registered name means one plugin. A runtime calls it before it starts.
    ///
    /// # Errors
    ///
    /// One line per name that was registered twice for a kind, and per alias that follows no plugin.
    pub fn check(&self) -> Result<()> {
        let mut problems: Vec<String> = self
            .misplaced_aliases
            .iter()
            .map(|alias| format!("The alias {alias} follows no plugin: register the plugin first."))
            .collect();
        for kind in PluginKind::ALL {
            let mut seen = BTreeSet::new();
            for info in self.of_kind(kind) {
                for name in exact_names(info).collect::<BTreeSet<_>>() {
                    if !seen.insert(name) {
                        problems
                            .push(format!("The {kind} {name} is registered twice: rename or remove one."));
                    }
                }
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::connect(problems.join("\n"))),
        }
    }
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|info| (info.kind, info.name, info.version))).finish()
    }
}

/// Registers the plugins of one crate; made by [`Plugins::bundle`]. Each call registers at once.
#[derive(Debug)]
pub struct Bundle<'a> {
    plugins: &'a mut Plugins,
    version: &'static str,
    last: Option<PluginKind>,
}

macro_rules! registrations {
    ($($(#[$doc:meta])* $method:ident<$trait:ident>, $list:ident: $plugin:ident, $kind:ident;)*) => {
        #[expect(clippy::return_self_not_must_use, reason = "each call registers; the chain may end anywhere")]
        impl Bundle<'_> {
            $(
                $(#[$doc])*
                pub fn $method<P: $trait>(mut self, name: &'static str) -> Self {
                    let info = self.info(PluginKind::$kind, name);
                    self.plugins.$list.push($plugin::of::<P>(info));
                    self
                }
            )*

            /// Lets existing configurations keep a Java class name: another name of the plugin registered last.
            pub fn alias(self, java_class: &'static str) -> Self {
                let plugins = &mut *self.plugins;
                let info = match self.last {
                    $(Some(PluginKind::$kind) => plugins.$list.last_mut().map(Descriptor::info_mut),)*
                    None => None,
                };
                match info {
                    Some(info) => info.aliases.push(java_class),
                    None => plugins.misplaced_aliases.push(java_class),
                }
                self
            }
        }
    };
}
registrations! {
    /// Registers a source connector with its task.
    source<SourceConnector>, sources: SourcePlugin, Source;
    /// Registers a sink connector with its task.
    sink<SinkConnector>, sinks: SinkPlugin, Sink;
    /// Registers a converter.
    converter<Converter>, converters: ConverterPlugin, Converter;
    /// Registers a header converter.
    header_converter<HeaderConverter>, header_converters: HeaderConverterPlugin, HeaderConverter;
    /// Registers a transformation.
    transformation<Transformation>, transformations: TransformationPlugin, Transformation;
    /// Registers a predicate.
    predicate<Predicate>, predicates: PredicatePlugin, Predicate;
    /// Registers a config provider.
    config_provider<ConfigProvider>, config_providers: ConfigProviderPlugin, ConfigProvider;
}

#[expect(clippy::return_self_not_must_use, reason = "each call registers; the chain may end anywhere")]
impl Bundle<'_> {
    /// Registers a source connector whose tasks are made by a closure instead of [`SourceTask::start`]: for tasks
    /// that hold something of the application, say a channel.
    pub fn source_with<C: SourceConnector>(
        mut self,
        name: &'static str,
        start_task: impl Fn(Properties, SourceTaskContext) -> PluginFuture<Box<dyn SourceTask>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let info = self.info(PluginKind::Source, name);
        self.plugins.sources.push(SourcePlugin::of::<C>(info).with_task(Arc::new(start_task)));
        self
    }

    /// Registers a sink connector whose tasks are made by a closure instead of [`SinkTask::start`].
    pub fn sink_with<C: SinkConnector>(
        mut self,
        name: &'static str,
        start_task: impl Fn(Properties, SinkTaskContext) -> PluginFuture<Box<dyn SinkTask>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let info = self.info(PluginKind::Sink, name);
        self.plugins.sinks.push(SinkPlugin::of::<C>(info).with_task(Arc::new(start_task)));
        self
    }

    fn info(&mut self, kind: PluginKind, name: &'static str) -> PluginInfo {
        self.last = Some(kind);
        PluginInfo { kind, name, aliases: Vec::new(), version: self.version }
    }
}

fn not_registered(ty: &str, known: &[&PluginInfo]) -> Error {
    let known: Vec<&str> = known.iter().map(|info| info.name).collect();
    Error::connect(format!(
        "{ty} is not registered; call the register function of its crate. Registered are: {}",
        known.join(", ")
    ))
}

fn claim<P: Descriptor>(plugins: &mut [P], version: &'static str) {
    plugins.iter_mut().for_each(|plugin| plugin.info_mut().version = version);
}

fn infos<P: Descriptor>(plugins: &[P]) -> Vec<&PluginInfo> {
    plugins.iter().map(Descriptor::info).collect()
}

fn find<'p, P: Descriptor>(plugins: &'p [P], name: &str, kind: &str) -> Result<&'p P> {
    find_any(&infos(plugins), name, kind).map(|found| &plugins[found])
}

/// The place of the one plugin that the name means.
fn find_any(plugins: &[&PluginInfo], name: &str, kind: &str) -> Result<usize> {
    let matching = |matches: &dyn Fn(&PluginInfo) -> bool| -> Vec<usize> {
        (0..plugins.len()).filter(|&at| matches(plugins[at])).collect()
    };
    let mut found = matching(&|info| exact_names(info).any(|one| one == name));
    if found.is_empty() {
        found = matching(&|info| short_names(info).contains(name));
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let mut known: Vec<&str> = plugins.iter().map(|info| info.name).collect();
            known.sort_unstable();
            known.dedup();
            let mut message = format!("Failed to find any {kind} which name matches {name}, available are: ");
            message.push_str(&if known.is_empty() { "none".to_owned() } else { known.join(", ") });
            if let Some(nearest) = nearest(name, plugins) {
                message.push_str(&format!(". Did you mean {nearest}?"));
            }
            Err(Error::connect(message))
        }
        several => {
            let classes: Vec<String> = several
                .iter()
                .map(|&at| format!("{} {}", plugins[at].class(), plugins[at].version))
                .collect();
            Err(Error::connect(format!(
                "More than one {kind} matches {name}. Please use the full name; found: {}",
                classes.join(", ")
            )))
        }
    }
}

fn exact_names(info: &PluginInfo) -> impl Iterator<Item = &'static str> {
    std::iter::once(info.name).chain(info.aliases.iter().copied())
}

/// The names without packages, each with and without the word for the kind.
fn short_names(info: &PluginInfo) -> BTreeSet<String> {
    let suffix = info.kind.suffix();
    let mut names = BTreeSet::new();
    for name in exact_names(info) {
        let simple = name.rsplit('.').next().unwrap_or(name);
        let stem = simple.strip_suffix(suffix).filter(|stem| !stem.is_empty()).unwrap_or(simple);
        names.insert(simple.to_owned());
        names.insert(stem.to_owned());
        names.insert(format!("{stem}{suffix}"));
    }
    names
}

/// The short name that is the fewest edits away, if it is close enough to be meant.
fn nearest(name: &str, plugins: &[&PluginInfo]) -> Option<&'static str> {
    let wanted = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let distance = |info: &&PluginInfo| {
        short_names(info)
            .iter()
            .map(|short| edits(&wanted, &short.to_lowercase()))
            .min()
            .unwrap_or(usize::MAX)
    };
    let best = plugins.iter().min_by_key(|info| distance(info))?;
    (distance(best) <= 1 + wanted.chars().count() / 4).then_some(best.name)
}

/// Levenshtein's distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[b.len()]
}
