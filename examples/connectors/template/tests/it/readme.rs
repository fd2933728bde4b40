//! The README's tables are those of the code.

use connect_api::Config;
use connect_template::{CollectingSinkConfig, CounterSourceConfig};

#[test]
fn the_readme_lists_the_current_configuration() {
    let readme = include_str!("../../README.md");
    for def in [CounterSourceConfig::def(), CollectingSinkConfig::def()] {
        let page = def.to_markdown(3);
        assert!(readme.contains(&page), "the configuration in README.md should read:\n\n{page}");
    }
}
