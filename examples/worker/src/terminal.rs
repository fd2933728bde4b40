//! Lines at the bottom of a terminal that are redrawn in place, with the log scrolling above them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Standard error, shared by the log and the live lines. Clones are handles of the same one.
pub(crate) struct Terminal<W = io::Stderr> {
    inner: Arc<Mutex<Inner<W>>>,
}

impl<W> Clone for Terminal<W> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<W> {
    out: W,
    live: String,
}

/// Up one line, and everything from there on erased.
const UP: &str = "\x1b[1A";
const ERASE: &str = "\r\x1b[0J";
/// Lines are cut off at the edge instead of taking two rows, which could not be counted.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

impl Terminal {
    pub(crate) fn stderr() -> Self {
        Self::new(io::stderr())
    }
}

impl<W: Write> Terminal<W> {
    fn new(out: W) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { out, live: String::new() })) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<W>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the live lines; an empty text removes them.
    pub(crate) fn show(&self, live: String) {
        let mut inner = self.lock();
        // A terminal that is gone is no reason to stop moving records.
        let _ = inner.redraw(live);
    }
}

impl<W: Write> Inner<W> {
    fn erase(&mut self) -> io::Result<()> {
        match self.live.lines().count() {
            0 => Ok(()),
            lines => write!(self.out, "{}{ERASE}", UP.repeat(lines)),
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        if !self.live.is_empty() {
            write!(self.out, "{NO_WRAP}{}{WRAP}", self.live)?;
        }
        self.out.flush()
    }

    fn redraw(&mut self, live: String) -> io::Result<()> {
        self.erase()?;
        self.live = live;
        self.draw()
    }
}

/// The log writes whole events, which appear above the live lines.
impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let mut inner = self.lock();
        inner.erase()?;
        inner.out.write_all(event)?;
        inner.draw()?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lock().out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_scrolls_above_the_live_lines() {
        let mut terminal = Terminal::new(Vec::new());
        terminal.show("a\nb\n".to_owned());
        terminal.write_all(b"log\n").unwrap();
        terminal.show(String::new());
        let text = String::from_utf8(terminal.lock().out.clone()).unwrap();
        let live = format!("{NO_WRAP}a\nb\n{WRAP}");
        assert_eq!(text, format!("{live}{UP}{UP}{ERASE}log\n{live}{UP}{UP}{ERASE}"));
    }
}
