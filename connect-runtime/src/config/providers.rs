//! The config providers that Kafka brings: files, directories, environment variables.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use connect_api::config::{ConfigDef, ConfigKey, Importance, Type, Validator, invalid};
use connect_api::{Config, ConfigData, ConfigProvider, Error, Plugins, Properties, Result};
use connect_regex::JavaRegex;

use super::properties::{decode_properties, parse_properties};

/// Registers [`FileConfigProvider`], [`DirectoryConfigProvider`] and [`EnvVarConfigProvider`], with their Java class
/// names.
pub fn register(plugins: &mut Plugins) {
    plugins
        .bundle(env!("CARGO_PKG_VERSION"))
        .config_provider::<FileConfigProvider>("FileConfigProvider")
        .alias("org.apache.kafka.common.config.provider.FileConfigProvider")
        .config_provider::<DirectoryConfigProvider>("DirectoryConfigProvider")
        .alias("org.apache.kafka.common.config.provider.DirectoryConfigProvider")
        .config_provider::<EnvVarConfigProvider>("EnvVarConfigProvider")
        .alias("org.apache.kafka.common.config.provider.EnvVarConfigProvider");
}

const ALLOWED_PATHS: &str = "allowed.paths";

/// Settings of the providers that read files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathsConfig {
    /// `allowed.paths`: absolute paths that exist; only what lies below them can be read. `None` for all.
    pub allowed_paths: Option<Vec<PathBuf>>,
}

impl Config for PathsConfig {
    fn def() -> ConfigDef {
        ConfigDef::new().define(
            ConfigKey::new(ALLOWED_PATHS, Type::List)
                .optional()
                .importance(Importance::High)
                .documentation("Absolute paths, separated by commas; only what lies below them can be read. Unset means everything.")
                .validator(Validator::custom("absolute paths that exist", |name, value| {
                    let items = value.and_then(|value| value.as_list()).unwrap_or_default();
                    items.iter().filter(|item| !item.is_empty()).try_for_each(|item| {
                        match (Path::new(item).is_absolute(), Path::new(item).exists()) {
                            (false, _) => Err(invalid(name, item, "Path is not absolute")),
                            (true, false) => Err(invalid(name, item, "Path does not exist")),
                            (true, true) => Ok(()),
                        }
                    })
                })),
        )
    }

    fn parse(properties: &Properties) -> Result<Self> {
        let paths: Option<Vec<PathBuf>> = Self::def().parse_all(properties)?.read(ALLOWED_PATHS)?;
        let paths =
            paths.map(|paths| paths.into_iter().filter(|path| !path.as_os_str().is_empty()).collect());
        Ok(Self { allowed_paths: paths.filter(|paths: &Vec<PathBuf>| !paths.is_empty()) })
    }

    fn to_properties(&self) -> Properties {
        let paths = self.allowed_paths.iter();
        paths
            .map(|paths| {
                (
                    ALLOWED_PATHS,
                    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(","),
                )
            })
            .collect()
    }
}

impl PathsConfig {
    /// The path without `.`, `..` and symbolic links, if it may be read. The allowed paths are followed, too.
    async fn permitted(&self, path: &str) -> Option<PathBuf> {
        let normal = normalize(Path::new(path));
        let Some(allowed) = &self.allowed_paths else { return Some(normal) };
        // What does not exist has no real path; its absence is reported by whoever reads it.
        let real = tokio::fs::canonicalize(&normal).await.unwrap_or_else(|_| normal.clone());
        for one in allowed {
            let one = normalize(one);
            let real_one = tokio::fs::canonicalize(&one).await.unwrap_or_else(|_| one.clone());
            if real.starts_with(&real_one) {
                return Some(real);
            }
        }
        tracing::warn!(
            path,
            "the path is not below allowed.paths of the config provider; its references stay as they are"
        );
        None
    }
}

/// Takes `.` and `..` out, without looking at the disk.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Reads properties files: `${file:/path/to/secrets.properties:password}`.
#[derive(Debug)]
pub struct FileConfigProvider {
    config: PathsConfig,
}

#[async_trait]
impl ConfigProvider for FileConfigProvider {
    type Config = PathsConfig;

    fn configure(config: PathsConfig) -> Result<Self> {
        Ok(Self { config })
    }

    async fn get(&self, path: &str, keys: &[&str]) -> Result<ConfigData> {
        if path.trim().is_empty() {
            return Ok(ConfigData::default());
        }
        let Some(file) = self.config.permitted(path).await else { return Ok(ConfigData::default()) };
        let unreadable = || Error::config(path, format!("Could not read properties from file {path}"));
        let bytes = tokio::fs::read(&file).await.map_err(|error| unreadable().with_source(error))?;
        let all =
            parse_properties(&decode_properties(&bytes)).map_err(|error| unreadable().with_source(error))?;
        Ok(ConfigData::new(keys.iter().filter_map(|key| all.get(key).map(|value| (*key, value)))))
    }
}

/// Reads one file per key: `${directory:/run/secrets:password}`. The whole content counts, also a line end.
#[derive(Debug)]
pub struct DirectoryConfigProvider {
    config: PathsConfig,
}

#[async_trait]
impl ConfigProvider for DirectoryConfigProvider {
    type Config = PathsConfig;

    fn configure(config: PathsConfig) -> Result<Self> {
        Ok(Self { config })
    }

    async fn get(&self, path: &str, keys: &[&str]) -> Result<ConfigData> {
        if path.trim().is_empty() {
            return Ok(ConfigData::default());
        }
        let Some(directory) = self.config.permitted(path).await else { return Ok(ConfigData::default()) };
        if !tokio::fs::metadata(&directory).await.is_ok_and(|metadata| metadata.is_dir()) {
            tracing::warn!(path, "the path of a reference to a config provider is not a directory");
            return Ok(ConfigData::default());
        }
        let mut data = BTreeMap::new();
        for key in keys {
            // A key is the name of a file in the directory, nothing else.
            if Path::new(key).file_name().is_none_or(|name| name != *key) {
                continue;
            }
            let file = directory.join(key);
            if !tokio::fs::metadata(&file).await.is_ok_and(|metadata| metadata.is_file()) {
                continue;
            }
            if self.config.permitted(&file.to_string_lossy()).await.is_none() {
                continue;
            }
            let text = tokio::fs::read_to_string(&file).await.map_err(|error| {
                Error::config(path, format!("Could not read file {}", file.display())).with_source(error)
            })?;
            data.insert((*key).to_owned(), text);
        }
        Ok(ConfigData::new(data))
    }
}

const ALLOWLIST_PATTERN: &str = "allowlist.pattern";

/// Settings of [`EnvVarConfigProvider`].
#[derive(Clone, Debug, Default)]
pub struct EnvVarConfig {
    /// `allowlist.pattern`: only variables whose whole name it matches can be read. `None` for all.
    pub allowlist_pattern: Option<JavaRegex>,
}

impl Config for EnvVarConfig {
    fn def() -> ConfigDef {
        ConfigDef::new().define(
            ConfigKey::new(ALLOWLIST_PATTERN, Type::String)
                .default(".*")
                .importance(Importance::Low)
                .documentation(
                    "A regular expression; only variables whose whole name it matches can be read.",
                )
                .validator(connect_regex::validator()),
        )
    }

    fn parse(properties: &Properties) -> Result<Self> {
        let text: String = Self::def().parse_all(properties)?.read(ALLOWLIST_PATTERN)?;
        Ok(Self { allowlist_pattern: Some(JavaRegex::parse(ALLOWLIST_PATTERN, &text)?) })
    }

    fn to_properties(&self) -> Properties {
        self.allowlist_pattern.iter().map(|regex| (ALLOWLIST_PATTERN, regex.as_str())).collect()
    }
}

/// Reads environment variables: `${env:DB_PASSWORD}`.
#[derive(Debug)]
pub struct EnvVarConfigProvider {
    config: EnvVarConfig,
}

#[async_trait]
impl ConfigProvider for EnvVarConfigProvider {
    type Config = EnvVarConfig;

    fn configure(config: EnvVarConfig) -> Result<Self> {
        Ok(Self { config })
    }

    async fn get(&self, path: &str, keys: &[&str]) -> Result<ConfigData> {
        if !path.is_empty() {
            return Err(Error::config(
                path,
                format!("Path is not supported for EnvVarConfigProvider, invalid value '{path}'"),
            ));
        }
        let allowed =
            |key: &str| self.config.allowlist_pattern.as_ref().is_none_or(|regex| regex.is_match(key));
        let value = |key: &&str| std::env::var(key).ok().map(|value| ((*key).to_owned(), value));
        Ok(ConfigData::new(keys.iter().filter(|key| allowed(key)).filter_map(value)))
    }
}

#[cfg(test)]
mod tests;
