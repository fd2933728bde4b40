//! The providers against files and the environment.

use super::*;

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(files.directory.path().join("open")).unwrap();
        files.write("open/a.properties", "user=me\npassword = hunter2\n");
        files.write("closed.properties", "user=you\n");
        files.write("open/token", "abc\n");
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn allowed(&self) -> Properties {
        Properties::from([(ALLOWED_PATHS, self.path("open"))])
    }
}

fn provider<P: ConfigProvider>(properties: &Properties) -> P {
    P::configure(P::Config::parse(properties).unwrap()).unwrap()
}

async fn get(provider: &impl ConfigProvider, path: &str, keys: &[&str]) -> Vec<(String, String)> {
    provider.get(path, keys).await.unwrap().data.into_iter().collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_properties_file_answers_the_keys_that_it_has() {
    let files = Files::new();
    let provider: FileConfigProvider = provider(&Properties::new());
    let path = files.path("open/a.properties");
    assert_eq!(get(&provider, &path, &["password", "missing"]).await, [pair("password", "hunter2")]);
    assert_eq!(get(&provider, " ", &["password"]).await, []);
    let missing = files.path("none");
    let error = provider.get(&missing, &["a"]).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("Could not read properties from file {missing}")), "{error}");
}

#[tokio::test]
async fn only_allowed_paths_are_read_whatever_way_leads_there() {
    let files = Files::new();
    let provider: FileConfigProvider = provider(&files.allowed());
    assert_eq!(get(&provider, &files.path("open/a.properties"), &["user"]).await, [pair("user", "me")]);
    assert_eq!(
        get(&provider, &files.path("open/./x/../a.properties"), &["user"]).await,
        [pair("user", "me")]
    );
    assert_eq!(get(&provider, &files.path("closed.properties"), &["user"]).await, []);
    assert_eq!(get(&provider, &files.path("open/../closed.properties"), &["user"]).await, []);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(files.path("closed.properties"), files.path("open/link")).unwrap();
        assert_eq!(get(&provider, &files.path("open/link"), &["user"]).await, []);
    }
}

#[tokio::test]
async fn a_file_of_a_directory_is_a_key_and_its_whole_text_the_value() {
    let files = Files::new();
    let provider: DirectoryConfigProvider = provider(&files.allowed());
    let open = files.path("open");
    assert_eq!(
        get(&provider, &open, &["token", "none", "../closed.properties", "."]).await,
        [pair("token", "abc\n")]
    );
    assert_eq!(get(&provider, &files.path("open/token"), &["x"]).await, []);
    assert_eq!(get(&provider, &files.path("."), &["closed.properties"]).await, []);
}

#[tokio::test]
async fn environment_variables_have_no_path_and_may_be_limited() {
    let path = std::env::var("PATH").unwrap();
    let all: EnvVarConfigProvider = provider(&Properties::new());
    assert_eq!(get(&all, "", &["PATH", "NO_SUCH_VARIABLE_HERE"]).await, [pair("PATH", &path)]);
    let error = all.get("p", &["PATH"]).await.unwrap_err().to_string();
    assert_eq!(error, "Path is not supported for EnvVarConfigProvider, invalid value 'p'");
    let some: EnvVarConfigProvider = provider(&Properties::from([(ALLOWLIST_PATTERN, "PAT")]));
    assert_eq!(get(&some, "", &["PATH"]).await, [], "the whole name has to match");
}

#[test]
fn wrong_settings_are_refused_when_the_worker_starts() {
    let files = Files::new();
    let paths = |text: &str| PathsConfig::parse(&Properties::from([(ALLOWED_PATHS, text)]));
    assert!(paths("relative").unwrap_err().to_string().contains("Path is not absolute"));
    assert!(paths(&files.path("none")).unwrap_err().to_string().contains("Path does not exist"));
    assert_eq!(paths("").unwrap(), PathsConfig::default());
    let pattern = EnvVarConfig::parse(&Properties::from([(ALLOWLIST_PATTERN, "[")]));
    assert!(pattern.unwrap_err().to_string().contains("allowlist.pattern"));
}

#[test]
fn settings_survive_the_way_to_text_and_back() {
    let properties = Properties::from([(ALLOWLIST_PATTERN, "A|B")]);
    assert_eq!(EnvVarConfig::parse(&properties).unwrap().to_properties(), properties);
    let files = Files::new();
    assert_eq!(PathsConfig::parse(&files.allowed()).unwrap().to_properties(), files.allowed());
}

#[test]
fn providers_are_found_by_their_java_names() {
    let mut plugins = Plugins::new();
    register(&mut plugins);
    plugins.check().unwrap();
    for name in ["File", "FileConfigProvider", "org.apache.kafka.common.config.provider.EnvVarConfigProvider"]
    {
        plugins.find_config_provider(name).unwrap();
    }
}
