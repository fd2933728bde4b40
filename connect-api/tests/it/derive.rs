//! `#[derive(Config)]` and `#[derive(ConfigEnum)]`.
