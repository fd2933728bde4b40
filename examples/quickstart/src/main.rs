//! Placeholder until the engine runs.
fn main() {}
