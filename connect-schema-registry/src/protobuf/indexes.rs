//! Message indexes: which message of a schema the data is, in front of the data.

use bytes::{BufMut, BytesMut};
use connect_api::{Error, Result};

use super::wire::{Input, put_varint};

/// No schema nests messages deeper, so a path that is longer leads nowhere.
const DEEPEST: i64 = 64;

/// Reads the path of a message: the index among the messages of the file, then among those nested in it, and so on.
/// The single byte 0 stands for the first message, whose path is empty here; see [`path`].
pub(super) fn read(input: &mut Input<'_>) -> Result<Vec<usize>> {
    let count = zigzag(input.varint()?);
    if count == 0 {
        return Ok(Vec::new());
    }
    if !(0..=DEEPEST).contains(&count) {
        return Err(Error::data(format!("Invalid message indexes: {count} of them")));
    }
    let path: Result<Vec<usize>> = (0..count)
        .map(|_| {
            let index = zigzag(input.varint()?);
            usize::try_from(index).map_err(|_| Error::data(format!("Invalid message index {index}")))
        })
        .collect();
    path.map(|path| if path == [0] { Vec::new() } else { path })
}

/// The path that was read, in full.
pub(super) fn path(read: &[usize]) -> &[usize] {
    if read.is_empty() { &[0] } else { read }
}

/// Writes the path of a message.
pub(super) fn write(path: &[usize], out: &mut BytesMut) {
    if path == [0] {
        return out.put_u8(0);
    }
    put_varint(path.len() as u64 * 2, out);
    for index in path {
        put_varint(*index as u64 * 2, out);
    }
}

fn zigzag(varint: u64) -> i64 {
    // Numbers of 32 bits, as Java reads them.
    let varint = varint as u32;
    i64::from((varint >> 1) as i32 ^ -((varint & 1) as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Vec<usize>> {
        read(&mut Input::new(bytes))
    }

    #[test]
    fn a_path_is_its_length_and_the_index_at_every_level() {
        for path in [vec![0], vec![1], vec![2, 0, 300]] {
            let mut out = BytesMut::new();
            write(&path, &mut out);
            assert_eq!(super::path(&of(&out).unwrap()), path);
        }
        let mut out = BytesMut::new();
        write(&[0], &mut out);
        assert_eq!(&out[..], [0]);
        assert!(of(&[0]).unwrap().is_empty() && of(&[2, 0]).unwrap().is_empty());
    }

    #[test]
    fn negative_and_endless_paths_are_refused() {
        assert!(of(&[1]).is_err());
        assert!(of(&[2, 1]).is_err());
        assert!(of(&[0xfe, 0xff, 0xff, 0xff, 0x0f]).is_err());
        assert!(of(&[]).is_err());
    }
}
