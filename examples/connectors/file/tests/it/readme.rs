//! The README's tables are those of the code.

use connect_api::Config;
use connect_file::{FileStreamSinkConfig, FileStreamSourceConfig};

#[test]
fn the_readme_lists_the_current_configuration() {
    let readme = include_str!("../../README.md");
    for (title, def) in
        [("FileStreamSource", FileStreamSourceConfig::def()), ("FileStreamSink", FileStreamSinkConfig::def())]
    {
        let page = def.to_markdown(4);
        assert!(readme.contains(&page), "the configuration of {title} in README.md should read:\n\n{page}");
    }
}
