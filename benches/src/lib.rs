//! Benchmarks of the engine, micro and end to end
