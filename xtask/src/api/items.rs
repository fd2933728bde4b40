//! The module tree of a crate, parsed, with what is not public API by declaration left out.

use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Attribute, Item, Visibility};

/// One module with its items; child modules are apart.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) public: bool,
    /// `#[cfg(…)]` of the module and of those around it.
    pub(super) conditions: Vec<String>,
    pub(super) items: Vec<Item>,
    pub(super) children: Vec<Self>,
}

/// Reads a crate from its root file.
pub(super) fn read(root: &Path) -> Result<Module, String> {
    let directory = root.parent().unwrap_or(root).to_path_buf();
    module(String::new(), true, Vec::new(), parse(root)?, &directory)
}

/// The same from text, without files.
#[cfg(test)]
pub(super) fn from_text(text: &str) -> Module {
    let items = syn::parse_file(text).unwrap().items;
    module(String::new(), true, Vec::new(), items, Path::new("nowhere")).unwrap()
}

fn parse(path: &Path) -> Result<Vec<Item>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let file = syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(file.items)
}

fn module(
    name: String,
    public: bool,
    conditions: Vec<String>,
    all: Vec<Item>,
    directory: &Path,
) -> Result<Module, String> {
    let mut items = Vec::new();
    let mut children = Vec::new();
    for item in all {
        let Item::Mod(declared) = item else {
            items.push(item);
            continue;
        };
        if hidden(&declared.attrs) {
            continue;
        }
        let child = declared.ident.to_string();
        let inside = directory.join(&child);
        let content = match declared.content {
            Some((_, content)) => content,
            None => parse(&file_of(directory, &child))?,
        };
        let mut conditions = conditions.clone();
        conditions.extend(self::conditions(&declared.attrs));
        children.push(module(child, is_public(&declared.vis), conditions, content, &inside)?);
    }
    Ok(Module { name, public, conditions, items, children })
}

fn file_of(directory: &Path, name: &str) -> PathBuf {
    let flat = directory.join(format!("{name}.rs"));
    if flat.is_file() { flat } else { directory.join(name).join("mod.rs") }
}

/// `pub`, and not `pub(crate)`.
pub(super) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Tests, and what is documented to be nobody's business.
pub(super) fn hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = squeezed(attribute);
        text == "cfg(test)" || (text.starts_with("doc(") && text.contains("hidden"))
    })
}

/// The texts of all `#[cfg(…)]`.
pub(super) fn conditions(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().map(squeezed).filter(|text| text.starts_with("cfg(")).collect()
}

/// An attribute without its brackets and spaces.
pub(super) fn squeezed(attribute: &Attribute) -> String {
    attribute.meta.to_token_stream().to_string().replace(' ', "")
}
