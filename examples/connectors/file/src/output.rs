//! Where lines go: appended to a file so that a failed write leaves no half line, or to standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use connect_api::{Error, Result};

/// What lines are appended to.
pub(crate) trait Target: Send + 'static {
    /// Writes some bytes at the end and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// The length, where there is one.
    fn length(&self) -> Option<u64>;
    /// Cuts off what is beyond this length.
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Makes what was written survive a crash of the machine.
    fn sync(&self) -> io::Result<()>;
}

/// Appends all bytes or none: after a failure, what was written of them is cut off again.
///
/// It is not cut off where the target has no length (a pipe, a device), or where somebody else appended meanwhile,
/// since that would cut off the other's lines. The error then says so.
pub(crate) fn append(target: &mut dyn Target, bytes: &[u8]) -> Result<(), (io::Error, Option<String>)> {
    let before = target.length();
    let mut written = 0;
    let error = loop {
        if written == bytes.len() {
            return Ok(());
        }
        match target.write(&bytes[written..]) {
            Ok(0) => break ErrorKind::WriteZero.into(),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break error,
        }
    };
    if written == 0 {
        return Err((error, None));
    }
    let undone = match before {
        Some(before) if target.length() == Some(before + written as u64) => target.cut(before).is_ok(),
        _ => false,
    };
    let left =
        (!undone).then(|| format!("{written} bytes of the batch were written and may end in half a line"));
    Err((error, left))
}

/// A file opened to append, or standard output.
#[derive(Debug)]
pub(crate) enum Output {
    File { file: File, regular: bool },
    Stdout,
}

impl Output {
    /// Opens the file, which is made if there is none. A half line that an earlier process left at its end, killed
    /// while it wrote, gets an end of its own, so that the next line does not become part of it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error: io::Error| {
            let text = format!("Couldn't find or create file '{}' for FileStreamSinkTask", path.display());
            Error::connect(text).with_source(error)
        };
        let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
        let regular = file.metadata().map_err(failed)?.is_file();
        if regular && ends_in_half_a_line(path).unwrap_or(false) {
            tracing::warn!(file = %path.display(), "The file does not end with a line end; adding one");
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self::File { file, regular })
    }
}

fn ends_in_half_a_line(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl Target for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { file, .. } => file.write(bytes),
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()?;
                Ok(bytes.len())
            }
        }
    }

    fn length(&self) -> Option<u64> {
        match self {
            Self::File { file, regular: true } => file.metadata().ok().map(|metadata| metadata.len()),
            Self::File { regular: false, .. } | Self::Stdout => None,
        }
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        match self {
            Self::File { file, .. } => file.set_len(length),
            Self::Stdout => Err(ErrorKind::Unsupported.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        match self {
            Self::File { file, regular: true } => file.sync_data(),
            Self::File { regular: false, .. } | Self::Stdout => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of some bytes, which others may write too.
    struct Disk {
        content: Vec<u8>,
        room: usize,
        guest: &'static [u8],
    }

    impl Target for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room).min(3);
            if count == 0 {
                self.content.extend_from_slice(self.guest);
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.content.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn length(&self) -> Option<u64> {
            Some(self.content.len() as u64)
        }

        fn cut(&self, length: u64) -> io::Result<()> {
            assert!(self.guest.is_empty(), "cut off somebody else's lines");
            assert_eq!(length, 4);
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_batch_that_fits_is_written_whole() {
        let mut disk = Disk { content: b"old\n".to_vec(), room: 100, guest: b"" };
        append(&mut disk, b"one\ntwo\n").unwrap();
        assert_eq!(disk.content, b"old\none\ntwo\n");
    }

    #[test]
    fn on_a_full_disk_the_written_part_is_cut_off() {
        let mut disk = Disk { content: b"old\n".to_vec(), room: 5, guest: b"" };
        let (error, left) = append(&mut disk, b"one\ntwo\n").unwrap_err();
        assert_eq!((error.kind(), left), (ErrorKind::StorageFull, None));
    }

    #[test]
    fn what_others_wrote_is_not_cut_off() {
        let mut disk = Disk { content: b"old\n".to_vec(), room: 5, guest: b"other\n" };
        let (_, left) = append(&mut disk, b"one\ntwo\n").unwrap_err();
        assert!(left.unwrap().starts_with("5 bytes of the batch were written"));
    }
}
