//! The text files of the repository.

use std::fs;
use std::path::Path;

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// Path inside the repository, with `/`.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

const EXTENSIONS: &[&str] = &["rs", "md", "toml", "sh", "yml", "yaml", "xml", "properties", "txt"];
const SKIPPED: &[&str] = &["target", ".git", "node_modules"];

/// Reads them all, in the order of their paths. Data files (vectors, results) are no text in this sense.
pub(crate) fn read(root: &Path) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(directory: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file() && is_text(&path) {
            let text = fs::read_to_string(entry.path()).map_err(|error| format!("{path}: {error}"))?;
            files.push(File { path, text });
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((_, extension)) => EXTENSIONS.contains(&extension),
        None => path.starts_with("xtask/kafka/") || path.starts_with(".ci/"),
    }
}
