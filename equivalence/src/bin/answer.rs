//! `answer`: cases on standard input, one line of JSON each; answers on standard output, one line each.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::thread;

use equivalence::Program;

/// Room for a case of a thousand levels.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    // An answer tells of a panic, so that nothing needs to be said about it.
    std::panic::set_hook(Box::new(|_| ()));
    let answered = thread::Builder::new().stack_size(STACK).spawn(answer_all).map(thread::JoinHandle::join);
    match answered {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) | Err(error) => {
            eprintln!("answer: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(_)) => ExitCode::FAILURE,
    }
}

fn answer_all() -> io::Result<()> {
    let mut program = Program::new();
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            writeln!(output, "{}", program.answer(text.trim_end()))?;
            output.flush()?;
        }
        line.clear();
    }
    Ok(())
}
