//! From a module tree to the sorted lines of the listing.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Fields, ImplItem, Item, ItemImpl, TraitItem, Type};

use super::items::{Module, conditions, hidden, is_public, squeezed};
use super::names::{Names, Path, joined, public_name};
use super::print::line;

const HEADER: &str = "\
# Every public item of connect-api, one line each; written by `cargo xtask api`, compared by CI.
# Read from the source: items that a macro generates and what is #[doc(hidden)] are not listed.
";
const FOREIGN: &str = "# foreign: ";

/// Crates whose types may stand in public signatures, and under which condition.
const ALLOWED: &[(&str, &str)] =
    &[("bytes", ""), ("async_trait", ""), ("connect_derive", ""), ("serde", "serde")];
const OURS: [&str; 7] = ["std", "core", "alloc", "crate", "self", "super", "connect_api"];

/// The listing of a crate, ready to be written.
pub(super) fn list(crate_name: &str, root: &Module) -> String {
    let mut names = Names::default();
    names.collect(root, &Vec::new());
    names.reach(&Vec::new(), &Vec::new(), &mut BTreeSet::new());
    let mut lister = Lister { crate_name, names: &names, lines: BTreeSet::new(), foreign: BTreeSet::new() };
    lister.module(root, &Vec::new());
    lister.re_exports();
    let mut text = HEADER.to_owned();
    for foreign in &lister.foreign {
        text.push_str(FOREIGN);
        text.push_str(foreign);
        text.push('\n');
    }
    text.push('\n');
    for (_, line) in &lister.lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// What the `foreign` lines of a listing name that is not allowed in a public signature.
pub(crate) fn foreign_types(listing: &str) -> Vec<String> {
    let lines = listing.lines().filter_map(|line| line.strip_prefix(FOREIGN));
    let refused = lines.filter(|line| {
        let name = line.split("::").next().unwrap_or_default();
        !ALLOWED.iter().any(|(allowed, feature)| {
            name == *allowed && (feature.is_empty() || line.contains(&format!("feature=\"{feature}\"")))
        })
    });
    refused
        .map(|line| {
            format!("the public signatures name a foreign type: {line}; allowed are bytes, async_trait")
        })
        .collect()
}

struct Lister<'a> {
    crate_name: &'a str,
    names: &'a Names,
    /// Sort key and line.
    lines: BTreeSet<(String, String)>,
    foreign: BTreeSet<String>,
}

/// Where a line comes from: its module, for the imports, and the conditions that it is compiled under.
struct Place<'a> {
    module: &'a Path,
    conditions: Vec<String>,
}

impl Place<'_> {
    fn with(&self, attributes: &[syn::Attribute]) -> Place<'_> {
        let mut all = self.conditions.clone();
        all.extend(conditions(attributes));
        Place { module: self.module, conditions: all }
    }
}

impl Lister<'_> {
    fn module(&mut self, module: &Module, path: &Path) {
        let place = Place { module: path, conditions: module.conditions.clone() };
        let open = (1..=path.len()).all(|end| self.names.modules.get(&path[..end]) == Some(&true));
        if open && !path.is_empty() {
            let shown = self.full(path);
            self.add(&shown, format!("pub mod {shown}"), &place);
        }
        for item in &module.items {
            match item {
                Item::Impl(block) if !hidden(&block.attrs) => self.impl_block(block, &place),
                Item::Macro(makro) if makro.attrs.iter().any(|a| squeezed(a) == "macro_export") => {
                    if let Some(name) = makro.ident.as_ref().filter(|_| !hidden(&makro.attrs)) {
                        let shown = self.full(&vec![name.to_string()]);
                        self.add(&shown, format!("macro_rules! {shown}"), &place);
                    }
                }
                _ => {
                    let Some(name) = public_name(item) else { continue };
                    if let Some(visible) = self.names.canonical(&joined(path, &name)) {
                        let shown = self.full(visible);
                        self.item(item, &shown, &place);
                    }
                }
            }
        }
        for child in &module.children {
            self.module(child, &joined(path, &child.name));
        }
    }

    fn item(&mut self, item: &Item, shown: &str, place: &Place<'_>) {
        match item {
            Item::Struct(item) => {
                let place = place.with(&item.attrs);
                self.marks(&item.attrs, shown, &place);
                let generics = generics(&item.generics);
                let unnamed = match &item.fields {
                    Fields::Unnamed(fields) => {
                        let shown = fields.unnamed.iter().map(|field| {
                            if is_public(&field.vis) {
                                format!("pub {}", line(&field.ty))
                            } else {
                                "_".to_owned()
                            }
                        });
                        format!("({})", shown.collect::<Vec<_>>().join(", "))
                    }
                    Fields::Named(_) | Fields::Unit => String::new(),
                };
                self.add(shown, format!("pub struct {shown}{generics}{unnamed}"), &place);
                self.fields(&item.fields, shown, &place);
            }
            Item::Enum(item) => {
                let place = place.with(&item.attrs);
                self.marks(&item.attrs, shown, &place);
                self.add(shown, format!("pub enum {shown}{}", generics(&item.generics)), &place);
                for variant in &item.variants {
                    let name = format!("{shown}::{}", variant.ident);
                    let place = place.with(&variant.attrs);
                    let fields = variant_fields(&variant.fields);
                    let value = variant.discriminant.as_ref().map(|(_, value)| format!(" = {}", line(value)));
                    self.add(&name, format!("variant {name}{fields}{}", value.unwrap_or_default()), &place);
                }
            }
            Item::Union(item) => self.add(shown, format!("pub union {shown}"), &place.with(&item.attrs)),
            Item::Trait(item) => {
                let place = place.with(&item.attrs);
                self.marks(&item.attrs, shown, &place);
                let supers = if item.supertraits.is_empty() {
                    String::new()
                } else {
                    format!(": {}", line(&item.supertraits))
                };
                let unsafety = if item.unsafety.is_some() { "unsafe " } else { "" };
                self.add(
                    shown,
                    format!("pub {unsafety}trait {shown}{}{supers}", generics(&item.generics)),
                    &place,
                );
                for member in &item.items {
                    self.trait_item(member, shown, &place);
                }
            }
            Item::Fn(item) => {
                let place = place.with(&item.attrs);
                self.marks(&item.attrs, shown, &place);
                let text = signature(&item.sig, shown);
                self.add(shown, format!("pub {text}"), &place);
            }
            Item::Const(item) => {
                let text = format!("pub const {shown}: {}", line(&item.ty));
                self.add(shown, text, &place.with(&item.attrs));
            }
            Item::Static(item) => {
                let text = format!("pub static {shown}: {}", line(&item.ty));
                self.add(shown, text, &place.with(&item.attrs));
            }
            Item::Type(item) => {
                let text = format!("pub type {shown}{} = {}", generics(&item.generics), line(&item.ty));
                self.add(shown, text, &place.with(&item.attrs));
            }
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Fields, shown: &str, place: &Place<'_>) {
        let Fields::Named(fields) = fields else { return };
        for field in &fields.named {
            if let (true, Some(name)) = (is_public(&field.vis) && !hidden(&field.attrs), &field.ident) {
                let name = format!("{shown}::{name}");
                self.add(&name, format!("field {name}: {}", line(&field.ty)), &place.with(&field.attrs));
            }
        }
    }

    fn trait_item(&mut self, member: &TraitItem, shown: &str, place: &Place<'_>) {
        match member {
            TraitItem::Fn(member) if !hidden(&member.attrs) => {
                let name = format!("{shown}::{}", member.sig.ident);
                let body = if member.default.is_some() { " { … }" } else { "" };
                let text = format!("{}{body}", signature(&member.sig, &name));
                self.add(&name, text, &place.with(&member.attrs));
            }
            TraitItem::Type(member) => {
                let name = format!("{shown}::{}", member.ident);
                let bounds = if member.bounds.is_empty() {
                    String::new()
                } else {
                    format!(": {}", line(&member.bounds))
                };
                let condition =
                    member.generics.where_clause.as_ref().map(|clause| format!(" {}", line(clause)));
                let text = format!("type {name}{bounds}{}", condition.unwrap_or_default());
                self.add(&name, text, &place.with(&member.attrs));
            }
            TraitItem::Const(member) => {
                let name = format!("{shown}::{}", member.ident);
                let value = if member.default.is_some() { " = …" } else { "" };
                self.add(
                    &name,
                    format!("const {name}: {}{value}", line(&member.ty)),
                    &place.with(&member.attrs),
                );
            }
            _ => {}
        }
    }

    fn impl_block(&mut self, block: &ItemImpl, place: &Place<'_>) {
        let place = place.with(&block.attrs);
        let Some(shown) = self.type_path(&block.self_ty, place.module) else { return };
        let header = line(&block.generics);
        let condition = block.generics.where_clause.as_ref().map(|clause| format!(" {}", line(clause)));
        let condition = condition.unwrap_or_default();
        if let Some((bang, name, _)) = &block.trait_ {
            // A private trait is nobody's business.
            let written: Path = name.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let found = self.names.resolve(place.module, &written, 0);
            if found.is_some_and(|found| self.names.canonical(&found).is_none()) {
                return;
            }
            let bang = if bang.is_some() { "!" } else { "" };
            let name = name.segments.last().map(line).unwrap_or_default();
            let for_type = self.shown_type(&block.self_ty, &shown);
            let text = format!("impl{header} {bang}{name} for {for_type}{condition}");
            self.add(&shown, text, &place);
            for member in &block.items {
                if let ImplItem::Type(member) = member {
                    let name = format!("<{for_type} as {name}>::{}", member.ident);
                    self.add(&shown, format!("type {name} = {}", line(&member.ty)), &place);
                }
            }
            return;
        }
        let arguments = match &*block.self_ty {
            Type::Path(path) => {
                path.path.segments.last().map(|last| line(&last.arguments)).unwrap_or_default()
            }
            _ => String::new(),
        };
        for member in &block.items {
            match member {
                ImplItem::Fn(member) if is_public(&member.vis) && !hidden(&member.attrs) => {
                    let name = format!("{shown}::{}", member.sig.ident);
                    let inner = place.with(&member.attrs);
                    self.marks(&member.attrs, &name, &inner);
                    let owner = if header.is_empty() && condition.is_empty() {
                        String::new()
                    } else {
                        format!(" [impl{header}{condition} _{arguments}]")
                    };
                    self.add(&name, format!("pub {}{owner}", signature(&member.sig, &name)), &inner);
                }
                ImplItem::Const(member) if is_public(&member.vis) && !hidden(&member.attrs) => {
                    let name = format!("{shown}::{}", member.ident);
                    let text = format!("pub const {name}: {}", line(&member.ty));
                    self.add(&name, text, &place.with(&member.attrs));
                }
                _ => {}
            }
        }
    }

    /// The public path of the type that an impl is for, or of the type that it refers to.
    fn type_path(&self, ty: &Type, module: &Path) -> Option<String> {
        match ty {
            Type::Path(path) => {
                let written: Path =
                    path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                match self.names.resolve(module, &written, 0) {
                    Some(found) => self.names.canonical(&found).map(|visible| self.full(visible)),
                    // A trait of ours for a type of others.
                    None => Some(line(ty)),
                }
            }
            Type::Reference(reference) => self.type_path(&reference.elem, module),
            _ => Some(line(ty)),
        }
    }

    /// The type of an impl, a name of ours by its public path.
    fn shown_type(&self, ty: &Type, shown: &str) -> String {
        match ty {
            Type::Path(path) => {
                let arguments = path.path.segments.last().map(|last| line(&last.arguments));
                if shown.starts_with(self.crate_name) {
                    shown.to_owned() + &arguments.unwrap_or_default()
                } else {
                    line(ty)
                }
            }
            Type::Reference(reference) => {
                let lifetime =
                    reference.lifetime.as_ref().map(|lifetime| format!("{lifetime} ")).unwrap_or_default();
                let mutable = if reference.mutability.is_some() { "mut " } else { "" };
                format!("&{lifetime}{mutable}{}", self.shown_type(&reference.elem, shown))
            }
            _ => line(ty),
        }
    }

    /// Attributes that are part of the promise: derives, `non_exhaustive`, `must_use`.
    fn marks(&mut self, attributes: &[syn::Attribute], shown: &str, place: &Place<'_>) {
        for attribute in attributes {
            let path = attribute.path();
            if path.is_ident("derive") {
                let parsed =
                    attribute.parse_args_with(Punctuated::<syn::Path, syn::Token![,]>::parse_terminated);
                for derived in parsed.into_iter().flatten() {
                    let text = format!("impl {} for {shown}", line(&derived));
                    self.add(shown, text, place);
                }
            } else if path.is_ident("non_exhaustive")
                || path.is_ident("must_use")
                || path.is_ident("deprecated")
            {
                let name = path.to_token_stream().to_string();
                self.add(shown, format!("#[{name}] {shown}"), place);
            }
        }
    }

    fn re_exports(&mut self) {
        let mut lines = Vec::new();
        for (definition, reached) in &self.names.reached {
            let canonical = self.names.canonical(definition);
            for other in reached.iter().filter(|path| Some(*path) != canonical) {
                let shown = self.full(other);
                lines.push((
                    shown.clone(),
                    format!("pub use {shown} = {}", self.full(canonical.unwrap_or(other))),
                ));
            }
        }
        for (visible, (ours, target)) in &self.names.unresolved {
            let shown = self.full(visible);
            if *ours {
                lines.push((shown.clone(), format!("pub use {shown} (made by a macro)")));
                continue;
            }
            lines.push((shown.clone(), format!("pub use {shown} = {}", target.join("::"))));
            if let Some(first) = target.first().filter(|first| !OURS.contains(&first.as_str())) {
                self.foreign.insert(format!("{first}::{} (re-exported)", target[1..].join("::")));
            }
        }
        self.lines.extend(lines);
    }

    fn full(&self, path: &Path) -> String {
        std::iter::once(self.crate_name).chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("::")
    }

    fn add(&mut self, key: &str, text: impl AsRef<str>, place: &Place<'_>) {
        let text = text.as_ref();
        self.note_foreign(text, place);
        let conditions: String =
            place.conditions.iter().map(|condition| format!("#[{condition}] ")).collect();
        self.lines.insert((key.to_owned(), format!("{conditions}{text}")));
    }

    /// Looks up every word of a line among the imports of the module that it comes from.
    fn note_foreign(&mut self, text: &str, place: &Place<'_>) {
        let imports = self.names.uses.get(place.module).map(Vec::as_slice).unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for word in text.split(|c| !is_part(c)) {
            let written: Path = word.trim_matches(':').split("::").map(ToOwned::to_owned).collect();
            let named = imports.iter().find(|(_, name, _)| *name == written[0]).map(|(_, _, target)| target);
            let whole = written.len() > 1 && written[0].starts_with(|first: char| first.is_lowercase());
            let Some(target) = named.or(whole.then_some(&written)) else { continue };
            let ours = OURS.contains(&target[0].as_str()) || target[0] == self.crate_name;
            if ours || self.names.is_ours(place.module, target) {
                continue;
            }
            let under: String =
                place.conditions.iter().map(|condition| format!(" under {condition}")).collect();
            self.foreign.insert(format!("{}{under}", target.join("::")));
        }
    }
}

/// The parameters of an item with their conditions.
fn generics(generics: &syn::Generics) -> String {
    let condition = generics.where_clause.as_ref().map(|clause| format!(" {}", line(clause)));
    line(generics) + &condition.unwrap_or_default()
}

/// `fn` with its public path in place of its name.
fn signature(signature: &syn::Signature, shown: &str) -> String {
    let name = signature.ident.to_string();
    let text = line(signature);
    text.replacen(&format!("fn {name}"), &format!("fn {shown}"), 1)
        .replace("(mut ", "(")
        .replace(", mut ", ", ")
}

/// A variant's fields without their attributes.
fn variant_fields(fields: &Fields) -> String {
    let all = fields.iter().map(|field| match &field.ident {
        Some(name) => format!("{name}: {}", line(&field.ty)),
        None => line(&field.ty),
    });
    let all = all.collect::<Vec<_>>().join(", ");
    match fields {
        Fields::Named(_) => format!(" {{ {all} }}"),
        Fields::Unnamed(_) => format!("({all})"),
        Fields::Unit => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::from_text;
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let listing = list("c", &from_text(text));
        listing
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("# "))
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn items_of_private_modules_are_listed_where_they_are_re_exported() {
        let found = lines(
            "mod a { pub struct S; pub struct Hidden; impl S { pub fn new() -> Self { S } fn no() {} } } pub use a::S;",
        );
        assert_eq!(found, ["pub struct c::S", "pub fn c::S::new() -> Self"]);
    }

    #[test]
    fn items_of_public_modules_keep_their_path_and_re_exports_are_lines() {
        let found = lines("pub mod a { pub enum E { A, B { x: u8 }, C(u8) } } pub use a::E;");
        assert_eq!(
            found,
            [
                "pub use c::E = c::a::E",
                "pub mod c::a",
                "pub enum c::a::E",
                "variant c::a::E::A",
                "variant c::a::E::B { x: u8 }",
                "variant c::a::E::C(u8)"
            ]
        );
    }

    #[test]
    fn traits_show_bounds_and_which_methods_are_provided() {
        let found =
            lines("pub trait T: Send { type A: Copy where Self: Sized; fn a(&self) -> u8; fn b(&self) {} }");
        assert_eq!(
            found,
            [
                "pub trait c::T: Send",
                "type c::T::A: Copy where Self: Sized",
                "fn c::T::a(&self) -> u8",
                "fn c::T::b(&self) { … }"
            ]
        );
    }

    #[test]
    fn fields_derives_and_trait_impls_are_listed() {
        let found = lines(
            "#[derive(Clone)] #[non_exhaustive] pub struct S<T> { pub a: Vec<T>, b: u8 } impl<T> From<T> for S<T> { fn from(t: T) -> Self { x } }",
        );
        assert_eq!(
            found,
            [
                "#[non_exhaustive] c::S",
                "impl Clone for c::S",
                "impl<T> From<T> for c::S<T>",
                "pub struct c::S<T>",
                "field c::S::a: Vec<T>"
            ]
        );
    }

    #[test]
    fn private_types_have_no_lines_and_types_of_macros_are_no_foreign_types() {
        let found = lines(
            "struct P; impl Clone for P {} mod m { make!(T); } pub use m::T; pub fn f(t: T, mut u: u8) {}",
        );
        assert_eq!(found, ["pub use c::T (made by a macro)", "pub fn c::f(t: T, u: u8)"]);
    }

    #[test]
    fn hidden_items_and_tests_are_left_out() {
        let found = lines(
            "#[doc(hidden)] pub mod a { pub struct S; } #[cfg(test)] mod t { pub struct U; } pub(crate) struct V; #[doc(hidden)] pub fn f() {}",
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn foreign_types_are_found_and_only_some_are_allowed() {
        let listing = list(
            "c",
            &from_text(
                "use bytes::Bytes; use num::BigInt; #[cfg(feature = \"serde\")] use serde::Serialize; pub fn f(b: Bytes) -> Option<BigInt> { x } pub struct S; #[cfg(feature = \"serde\")] impl Serialize for S {} fn private(x: num::Other) {} pub fn g(x: num::Third) {}",
            ),
        );
        let refused = foreign_types(&listing);
        assert_eq!(refused.len(), 2, "{listing}");
        assert!(refused[0].contains("num::BigInt") && refused[1].contains("num::Third"), "{refused:?}");
        let always = list("c", &from_text("use serde::Serialize; pub struct S; impl Serialize for S {}"));
        assert_eq!(foreign_types(&always).len(), 1, "{always}");
    }
}
