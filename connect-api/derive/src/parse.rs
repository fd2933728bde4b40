//! The struct and its attributes as a model, each part with the span that an error would point to.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Generics, Lit, LitStr, Meta, Result, Type};

/// A struct that derives `Config`.
pub(crate) struct Model {
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) validate: Option<Expr>,
    pub(crate) fields: Vec<Field>,
}

/// One field.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
}

/// What a field stands for.
pub(crate) enum Kind {
    Flatten { prefix: String },
    Key(Box<Key>),
}

/// The attributes of a field that is a key.
#[derive(Default)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) documentation: String,
    pub(crate) default: Option<Expr>,
    pub(crate) validate: Option<Expr>,
    pub(crate) importance: Option<Ident>,
    pub(crate) width: Option<Ident>,
    pub(crate) ty: Option<Ident>,
    pub(crate) group: Option<LitStr>,
    pub(crate) display: Option<LitStr>,
    pub(crate) dependents: Option<Expr>,
    pub(crate) internal: bool,
}

impl Model {
    pub(crate) fn new(input: &DeriveInput) -> Result<Self> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new_spanned(&input.ident, "Config can be derived for structs only"));
        };
        let fields = match &data.fields {
            Fields::Named(named) => named.named.iter().map(Field::new).collect::<Vec<_>>(),
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => {
                return Err(Error::new_spanned(
                    &input.ident,
                    "Config needs named fields: a field's name is its key",
                ));
            }
        };
        let mut validate = None;
        for_each_attribute(&input.attrs, |meta| {
            if meta.path.is_ident("validate") {
                set(&meta, &mut validate, Expr::parse_value)
            } else {
                Err(meta.error("unknown attribute of a struct; known: validate"))
            }
        })?;
        let fields = all(fields)?;
        reject_repeated_keys(&fields)?;
        Ok(Self { name: input.ident.clone(), generics: input.generics.clone(), validate, fields })
    }
}

impl Field {
    fn new(field: &syn::Field) -> Result<Self> {
        let Some(name) = field.ident.clone() else {
            return Err(Error::new_spanned(field, "Config needs named fields: a field's name is its key"));
        };
        let mut key = Key::default();
        let (mut renamed, mut prefix, mut flatten) = (None::<LitStr>, None::<LitStr>, false);
        for_each_attribute(&field.attrs, |meta| {
            let attribute = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match attribute.as_str() {
                "key" => set(&meta, &mut renamed, LitStr::parse_value),
                "default" => set(&meta, &mut key.default, Expr::parse_value),
                "validate" => set(&meta, &mut key.validate, Expr::parse_value),
                "importance" => one_of(&meta, &mut key.importance, &["High", "Medium", "Low"]),
                "width" => one_of(&meta, &mut key.width, &["None", "Short", "Medium", "Long"]),
                "ty" => one_of(&meta, &mut key.ty, TYPES),
                "group" => set(&meta, &mut key.group, LitStr::parse_value),
                "display" => set(&meta, &mut key.display, LitStr::parse_value),
                "dependents" => set(&meta, &mut key.dependents, Expr::parse_value),
                "internal" => flag(&mut key.internal),
                "flatten" => flag(&mut flatten),
                "prefix" => set(&meta, &mut prefix, LitStr::parse_value),
                _ => Err(meta.error(
                    "unknown attribute of a field; known: key, default, importance, validate, group, display, width, \
                     ty, dependents, internal, flatten, prefix",
                )),
            }
        })?;
        key.documentation = documentation(&field.attrs);
        let kind = if flatten {
            if let Some(span) = key.first_attribute().or_else(|| renamed.map(ToTokens::into_token_stream)) {
                return Err(Error::new_spanned(span, "a flattened field takes no attribute but `prefix`"));
            }
            Kind::Flatten { prefix: prefix.map(|prefix| prefix.value()).unwrap_or_default() }
        } else {
            if let Some(prefix) = prefix {
                return Err(Error::new_spanned(prefix, "`prefix` goes with `flatten`"));
            }
            if key.documentation.is_empty() {
                let message = format!("`{name}` needs a doc comment: it is the documentation of the key");
                return Err(Error::new_spanned(&name, message));
            }
            key.name = match renamed {
                Some(text) if text.value().trim().is_empty() => {
                    return Err(Error::new_spanned(text, "a key has at least one letter"));
                }
                Some(text) => text.value(),
                None => unraw(&name).replace('_', "."),
            };
            Kind::Key(Box::new(key))
        };
        Ok(Self { name, ty: field.ty.clone(), kind })
    }
}

const TYPES: &[&str] = &["Boolean", "String", "Int", "Short", "Long", "Double", "List", "Class", "Password"];

impl Key {
    fn first_attribute(&self) -> Option<TokenStream> {
        let exprs = [&self.default, &self.validate, &self.dependents]
            .into_iter()
            .flatten()
            .map(|e| e.to_token_stream());
        let idents =
            [&self.importance, &self.width, &self.ty].into_iter().flatten().map(|i| i.to_token_stream());
        let texts = [&self.group, &self.display].into_iter().flatten().map(|t| t.to_token_stream());
        exprs.chain(idents).chain(texts).next()
    }
}

/// What can stand after `attribute =`.
trait ParseValue: Sized {
    fn parse_value(meta: &ParseNestedMeta<'_>) -> Result<Self>;
}

impl<T: syn::parse::Parse> ParseValue for T {
    fn parse_value(meta: &ParseNestedMeta<'_>) -> Result<Self> {
        meta.value()?.parse()
    }
}

fn set<T>(
    meta: &ParseNestedMeta<'_>,
    slot: &mut Option<T>,
    parse: impl Fn(&ParseNestedMeta<'_>) -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        return Err(meta.error("given twice"));
    }
    *slot = Some(parse(meta)?);
    Ok(())
}

fn one_of(meta: &ParseNestedMeta<'_>, slot: &mut Option<Ident>, known: &[&str]) -> Result<()> {
    set(meta, slot, Ident::parse_value)?;
    match slot {
        Some(ident) if !known.iter().any(|name| ident == name) => {
            Err(Error::new_spanned(&*ident, format!("expected one of: {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one shape with the other attributes")]
fn flag(slot: &mut bool) -> Result<()> {
    *slot = true;
    Ok(())
}

/// Calls `each` for every item of every `#[config(…)]`.
pub(crate) fn for_each_attribute(
    attributes: &[Attribute],
    mut each: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    attributes
        .iter()
        .filter(|one| one.path().is_ident("config"))
        .try_for_each(|one| one.parse_nested_meta(&mut each))
}

/// The doc comment: lines of a paragraph joined, paragraphs apart.
fn documentation(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|one| one.path().is_ident("doc")) {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        let Expr::Lit(syn::ExprLit { lit: Lit::Str(line), .. }) = &pair.value else { continue };
        for line in line.value().lines().map(str::trim) {
            if line.is_empty() {
                text.push_str("\n\n");
            } else {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push(' ');
                }
                text.push_str(line);
            }
        }
        if attribute_is_blank(pair) {
            text.push_str("\n\n");
        }
    }
    text.trim().to_owned()
}

/// A blank line has no lines to iterate over.
fn attribute_is_blank(pair: &syn::MetaNameValue) -> bool {
    matches!(&pair.value, Expr::Lit(syn::ExprLit { lit: Lit::Str(line), .. }) if line.value().trim().is_empty())
}

fn reject_repeated_keys(fields: &[Field]) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for field in fields {
        if let Kind::Key(key) = &field.kind
            && !seen.insert(key.name.as_str())
        {
            let message = format!("the key `{}` is there already", key.name);
            return Err(Error::new_spanned(&field.name, message));
        }
    }
    Ok(())
}

/// Every result, or all errors together.
pub(crate) fn all<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let (mut values, mut errors) = (Vec::new(), None::<Error>);
    for result in results {
        match (result, &mut errors) {
            (Ok(value), _) => values.push(value),
            (Err(error), Some(all)) => all.combine(error),
            (Err(error), none) => *none = Some(error),
        }
    }
    errors.map_or(Ok(values), Err)
}

/// The name of a field without `r#`.
pub(crate) fn unraw(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn errors(input: &DeriveInput) -> Vec<String> {
        match Model::new(input) {
            Ok(_) => Vec::new(),
            Err(error) => error.into_iter().map(|error| error.to_string()).collect(),
        }
    }

    #[test]
    fn a_field_without_documentation_does_not_compile() {
        let input = parse_quote! {
            struct S {
                first: String,
                /// Fine.
                second: String,
                ///
                third: String,
            }
        };
        assert_eq!(
            errors(&input),
            [
                "`first` needs a doc comment: it is the documentation of the key",
                "`third` needs a doc comment: it is the documentation of the key",
            ]
        );
    }

    #[test]
    fn every_misuse_of_an_attribute_is_named() {
        let known = "unknown attribute of a field; known: key, default, importance, validate, group, display, width, \
                     ty, dependents, internal, flatten, prefix";
        let cases: Vec<(Attribute, &str)> = vec![
            (parse_quote!(#[config(defualt = 1)]), known),
            (parse_quote!(#[config(importance = Hihg)]), "expected one of: High, Medium, Low"),
            (parse_quote!(#[config(width = Wide)]), "expected one of: None, Short, Medium, Long"),
            (
                parse_quote!(#[config(ty = Integer)]),
                "expected one of: Boolean, String, Int, Short, Long, Double, List, Class, Password",
            ),
            (parse_quote!(#[config(default = 1, default = 2)]), "given twice"),
            (parse_quote!(#[config(key = "")]), "a key has at least one letter"),
            (parse_quote!(#[config(prefix = "a.")]), "`prefix` goes with `flatten`"),
            (
                parse_quote!(#[config(flatten, default = 1)]),
                "a flattened field takes no attribute but `prefix`",
            ),
            (
                parse_quote!(#[config(flatten, key = "a")]),
                "a flattened field takes no attribute but `prefix`",
            ),
        ];
        for (attribute, expected) in cases {
            let input = parse_quote! {
                struct S {
                    /// A field.
                    #attribute
                    field: String,
                }
            };
            assert_eq!(errors(&input), [expected]);
        }
    }

    #[test]
    fn two_fields_do_not_share_a_key() {
        let input = parse_quote! {
            struct S {
                /// One.
                batch_size: i32,
                /// Two.
                #[config(key = "batch.size")]
                other: i32,
            }
        };
        assert_eq!(errors(&input), ["the key `batch.size` is there already"]);
    }

    #[test]
    fn only_structs_with_named_fields_have_keys() {
        assert_eq!(errors(&parse_quote! { enum E { A } }), ["Config can be derived for structs only"]);
        let tuple = parse_quote! { struct S(String); };
        assert_eq!(errors(&tuple), ["Config needs named fields: a field's name is its key"]);
        let unknown = parse_quote! { #[config(rename_all = "x")] struct S {} };
        assert_eq!(errors(&unknown), ["unknown attribute of a struct; known: validate"]);
    }

    #[test]
    fn a_key_is_the_name_with_dots() {
        let input = parse_quote! {
            struct S {
                /// Raw.
                r#type: String,
                /// Long.
                tasks_max_enforce: bool,
            }
        };
        let model = Model::new(&input).unwrap();
        let keys: Vec<&str> = model
            .fields
            .iter()
            .filter_map(|field| match &field.kind {
                Kind::Key(key) => Some(key.name.as_str()),
                Kind::Flatten { .. } => None,
            })
            .collect();
        assert_eq!(keys, ["type", "tasks.max.enforce"]);
    }
}
