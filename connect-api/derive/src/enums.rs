//! `#[derive(ConfigEnum)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, LitStr, Result, Variant};

use crate::parse::{all, for_each_attribute, unraw};

/// `impl ConfigEnum` and `impl ConfigField`.
pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "ConfigEnum can be derived for enums only"));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "ConfigEnum needs at least one variant"));
    }
    let mut ignores_case = false;
    for_each_attribute(&input.attrs, |meta| {
        if meta.path.is_ident("ignore_case") {
            ignores_case = true;
            Ok(())
        } else {
            Err(meta.error("unknown attribute of an enum; known: ignore_case"))
        }
    })?;
    let texts = all(data.variants.iter().map(text).collect())?;
    for (at, text) in texts.iter().enumerate() {
        if texts[..at].contains(text) {
            return Err(Error::new_spanned(
                &data.variants[at],
                format!("the text `{text}` is there already"),
            ));
        }
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let name = &input.ident;
    let matches = texts.iter().map(|text| match ignores_case {
        true => quote! { name.eq_ignore_ascii_case(#text) },
        false => quote! { name == #text },
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::connect_api::config::ConfigEnum for #name {
            const NAMES: &'static [&'static str] = &[#(#texts),*];
            const IGNORES_CASE: bool = #ignores_case;

            fn as_str(&self) -> &'static str {
                match self {
                    #(Self::#variants => #texts,)*
                }
            }

            fn from_name(name: &str) -> ::core::option::Option<Self> {
                #(if #matches {
                    return ::core::option::Option::Some(Self::#variants);
                })*
                ::core::option::Option::None
            }
        }

        #[automatically_derived]
        impl ::connect_api::config::ConfigField for #name {
            const TYPE: ::connect_api::config::Type = ::connect_api::config::Type::String;

            fn base_validator() -> ::core::option::Option<::connect_api::config::Validator> {
                ::core::option::Option::Some(::connect_api::config::enum_validator::<Self>())
            }

            fn from_parsed(
                name: &str,
                value: ::core::option::Option<&::connect_api::config::ParsedValue>,
            ) -> ::connect_api::Result<Self> {
                ::connect_api::config::enum_from_parsed(name, value)
            }

            fn to_text(&self) -> ::core::option::Option<::std::string::String> {
                ::core::option::Option::Some(::std::borrow::ToOwned::to_owned(
                    ::connect_api::config::ConfigEnum::as_str(self),
                ))
            }
        }
    })
}

fn text(variant: &Variant) -> Result<String> {
    if !variant.fields.is_empty() {
        return Err(Error::new_spanned(variant, "a variant of a ConfigEnum holds no data"));
    }
    let mut name = None;
    for_each_attribute(&variant.attrs, |meta| {
        if meta.path.is_ident("name") {
            name = Some(meta.value()?.parse::<LitStr>()?.value());
            Ok(())
        } else {
            Err(meta.error("unknown attribute of a variant; known: name"))
        }
    })?;
    Ok(name.unwrap_or_else(|| snake_case(&unraw(&variant.ident))))
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn error(input: &DeriveInput) -> String {
        expand(input).unwrap_err().to_string()
    }

    #[test]
    fn every_misuse_is_named() {
        assert_eq!(error(&parse_quote! { struct S; }), "ConfigEnum can be derived for enums only");
        assert_eq!(error(&parse_quote! { enum E {} }), "ConfigEnum needs at least one variant");
        assert_eq!(error(&parse_quote! { enum E { A(i32) } }), "a variant of a ConfigEnum holds no data");
        let unknown = parse_quote! { #[config(ignore)] enum E { A } };
        assert_eq!(error(&unknown), "unknown attribute of an enum; known: ignore_case");
        let unknown = parse_quote! { enum E { #[config(key = "a")] A } };
        assert_eq!(error(&unknown), "unknown attribute of a variant; known: name");
        let twice = parse_quote! { enum E { #[config(name = "b")] A, B } };
        assert_eq!(error(&twice), "the text `b` is there already");
    }

    #[test]
    fn a_text_is_the_name_in_snake_case() {
        assert_eq!(snake_case("ReadCommitted"), "read_committed");
        assert_eq!(snake_case("All"), "all");
    }
}
