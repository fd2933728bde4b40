//! Tests of the contract from the outside, in one binary.

mod config_def;
mod derive;
mod plugins;
