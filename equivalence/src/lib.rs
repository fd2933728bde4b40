//! Whether this Kafka Connect answers as the Java one does.
//!
//! A case is one line of JSON: an operation and what it is about, in the [`notation`]. An answer is `{"ok": …}`,
//! `{"error": {"class", "message", "cause"?, "stage"?}}`, `{"bad_case": …}` where the notation was misused, or
//! `{"skip": …}` where a case asks for what cannot be said here. An `id` is echoed. A program around the genuine Java
//! classes speaks the same protocol; both can be asked the same and compared.
//!
//! ```
//! let mut program = equivalence::Program::new();
//! let answer = program.answer(r#"{"id":7,"op":"values_parse","text":"[1,300]"}"#);
//! assert_eq!(
//!     answer.to_string(),
//!     r#"{"id":7,"ok":{"schema":{"type":"array","items":"int16"},"value":{"list":[{"i16":1},{"i16":300}]}}}"#,
//! );
//! ```

mod failure;
mod json;
pub mod notation;
mod ops;

pub use failure::{Answer, Failure, Thrown};
pub use json::Json;
pub use ops::Program;
