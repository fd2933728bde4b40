//! The README's table is that of the code.

use connect_api::Config;
use connect_datagen::DatagenConfig;

#[test]
fn the_readme_lists_the_current_configuration() {
    let page = DatagenConfig::def().to_markdown(3);
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&page), "the configuration in README.md should read:\n\n{page}");
}
