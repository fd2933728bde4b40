//! Names of plugins.
