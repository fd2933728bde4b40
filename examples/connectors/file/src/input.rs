//! Where lines come from: a file that is followed, or standard input.

use std::fs::File;
use std::io::{self, BufRead as _, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connect_api::{Bytes, BytesMut, Error, Result, ResultExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::lines::Lines;

/// How much is read at once of a file that has little new.
const CHUNK: usize = 64 * 1024;
/// And of one that always has more: each read costs a way to another thread and back.
const MAX_CHUNK: usize = 1024 * 1024;

/// What an attempt to read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// More bytes.
    More,
    /// Nothing now.
    NothingYet,
    /// Nothing, and the file does not exist.
    Missing,
    /// Nothing ever again.
    End,
}

/// Where lines come from.
#[derive(Debug)]
pub(crate) enum Input {
    /// A file, followed while it grows.
    File(FollowedFile),
    /// Standard input.
    Stdin(mpsc::Receiver<io::Result<Bytes>>),
}

impl Input {
    /// Adds what can be read now to the lines. Only standard input waits for more, until `until`.
    pub(crate) async fn read(&mut self, lines: &mut Lines, until: Instant) -> Result<Outcome> {
        match self {
            Self::File(file) => {
                let (buffer, result) = file.read(lines.take_buffer()).await;
                lines.appended(buffer);
                result
            }
            Self::Stdin(chunks) => match timeout_at(until, chunks.recv()).await {
                Ok(Some(Ok(chunk))) => {
                    let mut buffer = lines.take_buffer();
                    buffer.extend_from_slice(&chunk);
                    lines.appended(buffer);
                    Ok(Outcome::More)
                }
                Ok(Some(Err(error))) => Err(error).fatal("read standard input"),
                Ok(None) => Ok(Outcome::End),
                Err(_) => Ok(Outcome::NothingYet),
            },
        }
    }
}

/// A file and how far it has been read.
#[derive(Debug)]
pub(crate) struct FollowedFile {
    path: Arc<Path>,
    position: u64,
    file: Option<File>,
    /// How much the next read asks for.
    chunk: usize,
}

impl FollowedFile {
    pub(crate) fn new(path: impl Into<PathBuf>, position: u64) -> Self {
        Self { path: path.into().into(), position, file: None, chunk: CHUNK }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    async fn read(&mut self, buffer: BytesMut) -> (BytesMut, Result<Outcome>) {
        let (path, position, file) = (Arc::clone(&self.path), self.position, self.file.take());
        let chunk = self.chunk;
        let length = buffer.len();
        let reading = tokio::task::spawn_blocking(move || {
            let mut buffer = buffer;
            let result = open(&path, position, file).and_then(|file| match file {
                Some(mut file) => {
                    let outcome = read_chunk(&path, position, &mut file, &mut buffer, chunk)?;
                    Ok((Some(file), outcome))
                }
                None => Ok((None, Outcome::Missing)),
            });
            (buffer, result)
        });
        match reading.await {
            Ok((buffer, Ok((file, outcome)))) => {
                self.file = file;
                let read = buffer.len() - length;
                self.position += read as u64;
                self.chunk = if read == chunk { (4 * chunk).min(MAX_CHUNK) } else { CHUNK };
                (buffer, Ok(outcome))
            }
            Ok((buffer, Err(error))) => (buffer, Err(error)),
            Err(error) => (BytesMut::new(), Err(error).fatal("read the file")),
        }
    }
}

/// The file at its position; `None` when there is none.
fn open(path: &Path, position: u64, open: Option<File>) -> Result<Option<File>> {
    if open.is_some() {
        return Ok(open);
    }
    let failed = |error| cannot_read(path, error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::connect(format!(
            "'{}' is not a regular file, so it cannot be read again from a position. To read a pipe or a terminal, \
             leave `file` unset and redirect it to standard input.",
            path.display()
        )));
    }
    check_length(path, position, metadata.len())?;
    file.seek(SeekFrom::Start(position)).map_err(failed)?;
    Ok(Some(file))
}

fn read_chunk(
    path: &Path,
    position: u64,
    file: &mut File,
    buffer: &mut BytesMut,
    chunk: usize,
) -> Result<Outcome> {
    let length = buffer.len();
    buffer.resize(length + chunk, 0);
    let read = loop {
        match file.read(&mut buffer[length..]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    buffer.truncate(length + *read.as_ref().unwrap_or(&0));
    if read.map_err(|error| cannot_read(path, error))? > 0 {
        return Ok(Outcome::More);
    }
    check_length(path, position, file.metadata().map_err(|error| cannot_read(path, error))?.len())?;
    Ok(Outcome::NothingYet)
}

fn check_length(path: &Path, position: u64, length: u64) -> Result<()> {
    if length >= position {
        return Ok(());
    }
    Err(Error::connect(format!(
        "The file '{}' was truncated or replaced: it has been read up to byte {position}, but it is {length} bytes \
         long. To read it from its beginning, stop the connector, reset its offsets (DELETE \
         /connectors/<name>/offsets) and resume it; to read on, alter the offset to a position within the file.",
        path.display()
    )))
}

fn cannot_read(path: &Path, error: io::Error) -> Error {
    let text = format!("Error while trying to open or read file '{}'", path.display());
    Error::connect(text).with_source(error)
}

/// Standard input, read by a thread of its own, since such a read cannot be cancelled. At most four chunks wait.
///
/// When the receiver is dropped, the thread takes nothing more from the process-wide buffer of standard input, so
/// that a restarted task misses none of it.
pub(crate) fn stdin() -> Result<Input> {
    let (sender, receiver) = mpsc::channel(4);
    let read = move || {
        let mut stdin = io::stdin().lock();
        loop {
            let chunk = match stdin.fill_buf() {
                Ok([]) => return,
                Ok(bytes) => Ok(Bytes::copy_from_slice(bytes)),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let length = chunk.as_ref().map_or(0, Bytes::len);
            if sender.blocking_send(chunk).is_err() || length == 0 {
                return;
            }
            stdin.consume(length);
        }
    };
    std::thread::Builder::new()
        .name("connect-file-stdin".into())
        .spawn(read)
        .fatal("start to read standard input")?;
    Ok(Input::Stdin(receiver))
}
