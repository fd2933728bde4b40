//! Harnesses, contract suites and latches for authors of connectors, converters and transformations
