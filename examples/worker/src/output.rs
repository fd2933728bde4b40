//! Standard output, which its reader may close whenever he has read enough.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::{ExitCode, exit};

/// Writes to standard output. When nobody reads it any more, as after `| head`, the program ends at once and without
/// complaint, since all that was left to do was to print; when it cannot be written, with a message.
pub(crate) fn print(text: impl Display) {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            eprintln!("The output could not be written: {error}");
            exit(1);
        }
    }
}

/// Writes a line to standard output, see [`print()`].
pub(crate) fn line(text: impl Display) {
    print(format_args!("{text}\n"));
}

/// Writes and ends the program well.
pub(crate) fn print_and_end(text: impl Display) -> ExitCode {
    print(text);
    ExitCode::SUCCESS
}
