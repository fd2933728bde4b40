//! The derive macros behind the `derive` feature of connect-api: `Config` and `ConfigEnum`.
//!
//! They are documented with the traits of the same names in `connect_api::config`; use them from there.

mod enums;
mod expand;
mod parse;

use proc_macro::TokenStream;

/// Writes `impl Config` for a struct with named fields: one field, one key.
///
/// See the trait `connect_api::Config` for the attributes.
#[proc_macro_derive(Config, attributes(config))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    parse::Model::new(&input)
        .map(|model| expand::config(&model))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Writes `impl ConfigEnum` and `impl ConfigField` for an enum without payload: one variant, one text.
///
/// The text of a variant is its name in snake case, or `#[config(name = "…")]`. `#[config(ignore_case)]` on the enum
/// makes upper and lower case the same.
#[proc_macro_derive(ConfigEnum, attributes(config))]
pub fn derive_config_enum(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    enums::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
