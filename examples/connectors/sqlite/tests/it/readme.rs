//! The README's table is that of the code.

use connect_api::Config;
use connect_sqlite::SqliteSinkConfig;

#[test]
fn the_readme_lists_the_current_configuration() {
    let page = SqliteSinkConfig::def().to_markdown(3);
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&page), "the configuration in README.md should read:\n\n{page}");
}
