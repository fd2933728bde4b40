//! The model as code.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, GenericArgument, Lit, PathArguments, Type, UnOp};

use crate::parse::{Field, Key, Kind, Model};

/// `impl Config`. Local names begin with two underscores, so that a field may have any name.
pub(crate) fn config(model: &Model) -> TokenStream {
    let name = &model.name;
    let (impl_generics, type_generics, where_clause) = model.generics.split_for_impl();
    let define = model.fields.iter().map(define);
    let read = model.fields.iter().map(read);
    let write = model.fields.iter().map(write);
    let fields: Vec<_> = model.fields.iter().map(|field| &field.name).collect();
    let build = if fields.is_empty() {
        quote! {
            __fields.finish()?;
            let __config = Self {};
        }
    } else {
        quote! {
            let (#(::core::option::Option::Some(#fields),)*) = (#(#fields,)*) else {
                return ::core::result::Result::Err(__fields.into_error());
            };
            __fields.finish()?;
            let __config = Self { #(#fields),* };
        }
    };
    let validate = model.validate.as_ref().map(|validate| {
        quote! { ::connect_api::config::fields::checked(__prefix, (#validate)(&__config))?; }
    });
    let cross_check = model.validate.as_ref().map(|_| {
        quote! {
            let def = def.cross_check(|properties| {
                <Self as ::connect_api::config::Config>::parse(properties).map(::core::mem::drop)
            });
        }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics ::connect_api::config::Config for #name #type_generics #where_clause {
            fn def() -> ::connect_api::config::ConfigDef {
                let def = ::connect_api::config::ConfigDef::new();
                #(let def = #define;)*
                #cross_check
                def
            }

            fn parse(properties: &::connect_api::config::Properties) -> ::connect_api::Result<Self> {
                <Self as ::connect_api::config::Config>::parse_prefixed(properties, "")
            }

            fn parse_prefixed(
                __properties: &::connect_api::config::Properties,
                __prefix: &str,
            ) -> ::connect_api::Result<Self> {
                #[allow(unused_mut, reason = "a struct without fields or checks changes nothing")]
                let mut __fields = ::connect_api::config::fields::Fields::new(
                    <Self as ::connect_api::config::Config>::def(),
                    __properties,
                    __prefix,
                );
                #(#read)*
                #build
                #validate
                ::core::result::Result::Ok(__config)
            }

            fn to_properties(&self) -> ::connect_api::config::Properties {
                #[allow(unused_mut, reason = "a struct without fields or checks changes nothing")]
                let mut properties = ::connect_api::config::Properties::new();
                #(#write)*
                properties
            }
        }
    }
}

/// An expression that adds the field to `def`.
fn define(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match &field.kind {
        Kind::Flatten { prefix } => {
            quote! { def.flatten(#prefix, &<#ty as ::connect_api::config::Config>::def()) }
        }
        Kind::Key(key) => {
            let key = define_key(key, ty);
            quote! { def.define(#key) }
        }
    }
}

fn define_key(key: &Key, ty: &Type) -> TokenStream {
    let Key { name, documentation, .. } = key;
    let config_type = match &key.ty {
        Some(other) => quote! { ::connect_api::config::Type::#other },
        None => quote! { <#ty as ::connect_api::config::ConfigField>::TYPE },
    };
    let mut parts = vec![quote! {
        ::connect_api::config::fields::key::<#ty>(#name, #config_type).documentation(#documentation)
    }];
    if let Some(default) = &key.default {
        let text = default_text(default, inner(ty));
        parts.push(quote! { .default(#text) });
    }
    if let Some(importance) = &key.importance {
        parts.push(quote! { .importance(::connect_api::config::Importance::#importance) });
    }
    if let Some(width) = &key.width {
        parts.push(quote! { .width(::connect_api::config::Width::#width) });
    }
    if let Some(group) = &key.group {
        parts.push(quote! { .group(#group) });
    }
    if let Some(display) = &key.display {
        parts.push(quote! { .display_name(#display) });
    }
    if let Some(dependents) = &key.dependents {
        parts.push(quote! { .dependents(#dependents) });
    }
    if key.internal {
        parts.push(quote! { .internal() });
    }
    if let Some(validate) = &key.validate {
        let validator = validator(validate, inner(ty));
        parts.push(quote! { .validator(#validator) });
    }
    quote! { #(#parts)* }
}

/// A function or closure is called with the typed value; through a closure, so that `&String` becomes `&str` where
/// the function wants that. Anything else is an expression of type `Validator`.
fn validator(validate: &Expr, ty: &Type) -> TokenStream {
    match validate {
        Expr::Path(function) => quote! {
            ::connect_api::config::Validator::typed("", |value: &#ty| #function(value))
        },
        Expr::Closure(closure) => quote! { ::connect_api::config::Validator::typed::<#ty, _>("", #closure) },
        other => quote! { #other },
    }
}

/// A literal is written as the user would; an array of literals is a list; anything else has the type of the field.
fn default_text(default: &Expr, ty: &Type) -> TokenStream {
    let literals = match default {
        Expr::Array(array) => {
            array.elems.iter().map(literal_text).collect::<Option<Vec<_>>>().map(|all| all.join(","))
        }
        other => literal_text(other),
    };
    match literals {
        Some(text) => quote! { #text },
        None => quote! { ::connect_api::config::fields::default_text::<#ty>(&{ #default }) },
    }
}

fn literal_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(text.value()),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Float(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(truth) => Some(truth.value.to_string()),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            literal_text(&unary.expr).map(|text| format!("-{text}"))
        }
        _ => None,
    }
}

fn read(field: &Field) -> TokenStream {
    let Field { name, ty, kind } = field;
    match kind {
        Kind::Flatten { prefix } => quote! { let #name = __fields.flatten::<#ty>(#prefix); },
        Kind::Key(key) => {
            let key = &key.name;
            quote! { let #name = __fields.field::<#ty>(#key); }
        }
    }
}

fn write(field: &Field) -> TokenStream {
    let Field { name, ty, kind } = field;
    match kind {
        Kind::Flatten { prefix } => quote! {
            properties.extend(<#ty as ::connect_api::config::Config>::to_properties(&self.#name).prefixed(#prefix));
        },
        Kind::Key(key) => {
            let key = &key.name;
            quote! {
                if let ::core::option::Option::Some(text) =
                    <#ty as ::connect_api::config::ConfigField>::to_text(&self.#name)
                {
                    properties.insert(#key, text);
                }
            }
        }
    }
}

/// `T` of `Option<T>`, otherwise the type itself.
fn inner(ty: &Type) -> &Type {
    let Type::Path(path) = ty else { return ty };
    let Some(last) = path.path.segments.last().filter(|last| last.ident == "Option") else { return ty };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return ty };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => inner,
        _ => ty,
    }
}
