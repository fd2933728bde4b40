//! Which names a crate has, where they are defined, and under which public paths they can be reached.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Ident, Item, UseTree, Visibility};

use super::items::{Module, hidden, is_public};

/// The segments of a path below the crate root.
pub(super) type Path = Vec<String>;

/// Which names there are, and under which public paths they can be reached.
#[derive(Default)]
pub(super) struct Names {
    /// Items by the path of their definition, and whether others may see them.
    items: BTreeMap<Path, bool>,
    pub(super) modules: BTreeMap<Path, bool>,
    /// Module → (public, visible name or `*`, target as written).
    pub(super) uses: BTreeMap<Path, Vec<(bool, String, Path)>>,
    /// Definition → public paths.
    pub(super) reached: BTreeMap<Path, BTreeSet<Path>>,
    /// Public path → whether it is of this crate, made by a macro, and the path as written.
    pub(super) unresolved: BTreeMap<Path, (bool, Path)>,
}

impl Names {
    pub(super) fn collect(&mut self, module: &Module, path: &Path) {
        self.modules.insert(path.clone(), module.public);
        for item in &module.items {
            if let Item::Use(import) = item {
                let mut flat = Vec::new();
                flatten(&import.tree, &mut Vec::new(), &mut flat);
                let public = is_public(&import.vis) && !hidden(&import.attrs);
                let list = self.uses.entry(path.clone()).or_default();
                list.extend(flat.into_iter().map(|(name, target)| (public, name, target)));
            } else if let Some((name, public)) = name_of(item) {
                self.items.insert(joined(path, &name), public);
            }
        }
        for child in &module.children {
            self.collect(child, &joined(path, &child.name));
        }
    }

    /// Notes everything that is visible in the module defined at `module`, itself visible as `public`.
    pub(super) fn reach(&mut self, module: &Path, public: &Path, seen: &mut BTreeSet<(Path, Path)>) {
        if !seen.insert((module.clone(), public.clone())) {
            return;
        }
        let inside = |path: &Path| path.len() == module.len() + 1 && path.starts_with(module);
        let items: Vec<_> = self.items.iter().filter(|(path, open)| **open && inside(path)).collect();
        let items: Vec<Path> = items.into_iter().map(|(path, _)| path.clone()).collect();
        for item in items {
            let visible = joined(public, &item[item.len() - 1]);
            self.reached.entry(item).or_default().insert(visible);
        }
        let children: Vec<_> = self.modules.iter().filter(|(path, open)| **open && inside(path)).collect();
        let children: Vec<Path> = children.into_iter().map(|(path, _)| path.clone()).collect();
        for child in children {
            self.reach(&child, &joined(public, &child[child.len() - 1]), seen);
        }
        for (is_public, name, target) in self.uses.get(module).cloned().unwrap_or_default() {
            if !is_public {
                continue;
            }
            match self.resolve(module, &target, 0) {
                Some(found) if name == "*" => self.reach(&found, public, seen),
                Some(found) if self.modules.contains_key(&found) => {
                    self.reach(&found, &joined(public, &name), seen)
                }
                Some(found) => {
                    self.reached.entry(found).or_default().insert(joined(public, &name));
                }
                None => {
                    self.unresolved.insert(joined(public, &name), (self.is_ours(module, &target), target));
                }
            }
        }
    }

    /// The definition that a path as written in `module` means, if it is in this crate.
    pub(super) fn resolve(&self, module: &Path, written: &[String], depth: usize) -> Option<Path> {
        let mut at = module.clone();
        let mut rest = written;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "crate" => at.clear(),
                "super" => drop(at.pop()),
                "self" => {}
                _ => break,
            }
            rest = &rest[1..];
        }
        for (index, segment) in rest.iter().enumerate() {
            let next = joined(&at, segment);
            if self.modules.contains_key(&next) || self.items.contains_key(&next) {
                at = next;
                continue;
            }
            let (_, _, target) = self.uses.get(&at)?.iter().find(|(_, name, _)| name == segment)?;
            if depth > 8 {
                return None;
            }
            let found = self.resolve(&at, target, depth + 1)?;
            let mut whole: Path = vec!["crate".to_owned()];
            whole.extend(found);
            whole.extend(rest[index + 1..].iter().cloned());
            return self.resolve(module, &whole, depth + 1);
        }
        Some(at)
    }

    /// Whether a path as written in `module` stays in this crate, even if a macro makes what it means.
    pub(super) fn is_ours(&self, module: &Path, written: &[String]) -> bool {
        let first = written.first().map(String::as_str).unwrap_or_default();
        ["crate", "self", "super"].contains(&first)
            || self.modules.contains_key(&joined(module, first))
            || self.resolve(module, written, 0).is_some()
    }

    /// Where readers look for it: the path of its definition if that is public, else the shortest.
    pub(super) fn canonical(&self, definition: &Path) -> Option<&Path> {
        let reached = self.reached.get(definition)?;
        reached.get(definition).or_else(|| reached.iter().min_by_key(|path| path.len()))
    }
}

pub(super) fn joined(path: &Path, name: &str) -> Path {
    let mut joined = path.clone();
    joined.push(name.to_owned());
    joined
}

fn flatten(tree: &UseTree, path: &mut Path, flat: &mut Vec<(String, Path)>) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            flatten(&part.tree, path, flat);
            path.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            flat.push((path.last().cloned().unwrap_or_default(), path.clone()));
        }
        UseTree::Name(name) => flat.push((name.ident.to_string(), joined(path, &name.ident.to_string()))),
        UseTree::Rename(name) => flat.push((name.rename.to_string(), joined(path, &name.ident.to_string()))),
        UseTree::Glob(_) => flat.push(("*".to_owned(), path.clone())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, flat)),
    }
}

/// The name of an item, and whether other crates could see it.
fn name_of(item: &Item) -> Option<(String, bool)> {
    let (visibility, ident, attributes): (&Visibility, &Ident, &[Attribute]) = match item {
        Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Union(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Fn(item) => (&item.vis, &item.sig.ident, &item.attrs),
        Item::Const(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Static(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Type(item) => (&item.vis, &item.ident, &item.attrs),
        _ => return None,
    };
    Some((ident.to_string(), is_public(visibility) && !hidden(attributes)))
}

/// The name of an item that other crates could see.
pub(super) fn public_name(item: &Item) -> Option<String> {
    name_of(item).and_then(|(name, public)| public.then_some(name))
}
