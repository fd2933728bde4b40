//! The standalone offset file: a Java serialization stream of one `HashMap<byte[], byte[]>`, both ways, so that a
//! worker of either kind goes on where the other stopped.
//!
//! Only what such a stream can hold is understood: `java.util.HashMap`, `[B`, references to them and null.

use bytes::{BufMut, Bytes, BytesMut};
use connect_api::{Error, Result};

const MAGIC: [u8; 4] = [0xac, 0xed, 0x00, 0x05];
const TC_NULL: u8 = 0x70;
const TC_REFERENCE: u8 = 0x71;
const TC_CLASSDESC: u8 = 0x72;
const TC_OBJECT: u8 = 0x73;
const TC_ARRAY: u8 = 0x75;
const TC_BLOCKDATA: u8 = 0x77;
const TC_ENDBLOCKDATA: u8 = 0x78;
const BASE_HANDLE: u32 = 0x007e_0000;
const HASH_MAP: &str = "java.util.HashMap";
const HASH_MAP_UID: u64 = 0x0507_dac1_c316_60d1;
const BYTE_ARRAY: &str = "[B";
const BYTE_ARRAY_UID: u64 = 0xacf3_17f8_0608_54e0;
/// Serializable, with writeObject.
const HASH_MAP_FLAGS: u8 = 3;
const BYTE_ARRAY_FLAGS: u8 = 2;

/// Keys and values as they stand in the file.
pub type Entries = Vec<(Bytes, Option<Bytes>)>;

/// Writes the map.
///
/// # Errors
///
/// When there are more entries or bytes than such a stream can count.
pub fn encode(entries: &[(Bytes, Option<Bytes>)]) -> Result<Bytes> {
    let count = u32::try_from(entries.len()).map_err(|_| Error::connect("too many offsets for one file"))?;
    let mut out = BytesMut::new();
    out.put_slice(&MAGIC);
    out.put_u8(TC_OBJECT);
    class(&mut out, HASH_MAP, HASH_MAP_UID, HASH_MAP_FLAGS, &[(b'F', "loadFactor"), (b'I', "threshold")]);
    // Java's table: it begins with 16 and doubles when more than three quarters are taken; an empty map has none.
    let capacity = (u64::from(count) * 4).div_ceil(3).next_power_of_two().max(16);
    let capacity = u32::try_from(capacity).map_err(|_| Error::connect("too many offsets for one file"))?;
    out.put_f32(0.75);
    out.put_u32(if count == 0 { 0 } else { capacity / 4 * 3 });
    out.put_u8(TC_BLOCKDATA);
    out.put_u8(8);
    out.put_u32(capacity);
    out.put_u32(count);
    let mut described = false;
    for (key, value) in entries {
        array(&mut out, key, &mut described)?;
        match value {
            Some(value) => array(&mut out, value, &mut described)?,
            None => out.put_u8(TC_NULL),
        }
    }
    out.put_u8(TC_ENDBLOCKDATA);
    Ok(out.freeze())
}

fn class(out: &mut BytesMut, name: &str, uid: u64, flags: u8, fields: &[(u8, &str)]) {
    out.put_u8(TC_CLASSDESC);
    utf(out, name);
    out.put_u64(uid);
    out.put_u8(flags);
    out.put_u16(u16::try_from(fields.len()).unwrap_or_default());
    for (ty, name) in fields {
        out.put_u8(*ty);
        utf(out, name);
    }
    out.put_u8(TC_ENDBLOCKDATA);
    out.put_u8(TC_NULL);
}

fn utf(out: &mut BytesMut, text: &str) {
    out.put_u16(u16::try_from(text.len()).unwrap_or_default());
    out.put_slice(text.as_bytes());
}

fn array(out: &mut BytesMut, bytes: &[u8], described: &mut bool) -> Result<()> {
    let length = i32::try_from(bytes.len()).map_err(|_| Error::connect("an offset is larger than 2 GiB"))?;
    out.put_u8(TC_ARRAY);
    if *described {
        // Handle 0 is the map's class, 1 the map, 2 the class of its arrays.
        out.put_u8(TC_REFERENCE);
        out.put_u32(BASE_HANDLE + 2);
    } else {
        class(out, BYTE_ARRAY, BYTE_ARRAY_UID, BYTE_ARRAY_FLAGS, &[]);
        *described = true;
    }
    out.put_i32(length);
    out.put_slice(bytes);
    Ok(())
}

/// Reads the map. Empty bytes are an empty map.
///
/// # Errors
///
/// When the bytes are not such a stream.
pub fn decode(bytes: &[u8]) -> Result<Entries> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = Reader { all: bytes, at: 0, handles: Vec::new() };
    if reader.take(4)? != MAGIC {
        let header: String = bytes[..4].iter().map(|byte| format!("{byte:02X}")).collect();
        let cause = Error::data(format!("invalid stream header: {header}"));
        let cause = cause.with_java_class("java.io.StreamCorruptedException");
        return Err(reader.wrong("it does not begin with a Java serialization header").with_source(cause));
    }
    reader.tag(TC_OBJECT, "an object")?;
    if reader.class()? != HASH_MAP {
        return Err(reader.wrong("the object is not a java.util.HashMap"));
    }
    reader.handles.push(Handle::Map);
    reader.take(8)?; // load factor and threshold
    reader.tag(TC_BLOCKDATA, "the size of the map")?;
    if reader.u8()? != 8 {
        return Err(reader.wrong("the size of the map has another shape"));
    }
    reader.take(4)?; // buckets
    let count = reader.u32()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let key = reader.array()?.ok_or_else(|| reader.wrong("a key is null"))?;
        let value = reader.array()?;
        entries.push((key, value));
    }
    reader.tag(TC_ENDBLOCKDATA, "the end of the map")?;
    Ok(entries)
}

enum Handle {
    Class(String),
    Map,
    Array(Bytes),
}

struct Reader<'a> {
    all: &'a [u8],
    at: usize,
    handles: Vec<Handle>,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &str) -> Error {
        Error::connect(format!("not an offset file of Kafka Connect: {what}")).with("byte", self.at)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.all.len());
        let end = end.ok_or_else(|| self.wrong("it ends in the middle"))?;
        let taken = &self.all[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(self.take(2)?.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(self.take(4)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn tag(&mut self, tag: u8, what: &str) -> Result<()> {
        if self.u8()? == tag { Ok(()) } else { Err(self.wrong(&format!("expected {what}"))) }
    }

    fn reference(&mut self) -> Result<&Handle> {
        let handle = self.u32()?;
        let index = handle.checked_sub(BASE_HANDLE).map(|index| index as usize);
        match index.filter(|index| *index < self.handles.len()) {
            Some(index) => Ok(&self.handles[index]),
            None => Err(self.wrong("a reference leads nowhere")),
        }
    }

    /// A class description, in full or by reference; answers its name.
    fn class(&mut self) -> Result<String> {
        match self.u8()? {
            TC_REFERENCE => match self.reference()? {
                Handle::Class(name) => Ok(name.clone()),
                Handle::Map | Handle::Array(_) => Err(self.wrong("a reference is not to a class")),
            },
            TC_CLASSDESC => {
                let length = self.u16()?;
                let name = String::from_utf8_lossy(self.take(length.into())?).into_owned();
                if name != HASH_MAP && name != BYTE_ARRAY {
                    return Err(self.wrong(&format!("it contains an object of class {name}")));
                }
                self.take(9)?; // version and flags
                for _ in 0..self.u16()? {
                    self.u8()?;
                    let length = self.u16()?;
                    self.take(length.into())?;
                }
                self.tag(TC_ENDBLOCKDATA, "the end of a class")?;
                self.tag(TC_NULL, "a class without a parent")?;
                self.handles.push(Handle::Class(name.clone()));
                Ok(name)
            }
            _ => Err(self.wrong("expected a class")),
        }
    }

    fn array(&mut self) -> Result<Option<Bytes>> {
        match self.u8()? {
            TC_NULL => Ok(None),
            TC_REFERENCE => match self.reference()? {
                Handle::Array(bytes) => Ok(Some(bytes.clone())),
                Handle::Class(_) | Handle::Map => Err(self.wrong("a reference is not to a byte array")),
            },
            TC_ARRAY => {
                if self.class()? != BYTE_ARRAY {
                    return Err(self.wrong("an array is not of bytes"));
                }
                let length = self.u32()? as usize;
                let bytes = Bytes::copy_from_slice(self.take(length)?);
                self.handles.push(Handle::Array(bytes.clone()));
                Ok(Some(bytes))
            }
            _ => Err(self.wrong("expected a byte array")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// What Java 17 wrote for `{["c",{"filename":"f"}] -> {"position":5}}`.
    const JAVA: &str = "aced0005737200116a6176612e7574696c2e486173684d61700507dac1c31660d103000246000a6c6f6164466163746f72\
                        4900097468726573686f6c6478703f4000000000000c7708000000100000000175720002\
                        5b42acf317f8060854e0020000787000000016\
                        5b2263222c7b2266696c656e616d65223a2266227d5d7571007e00020000000e\
                        7b22706f736974696f6e223a357d78";

    #[test]
    fn the_bytes_are_those_that_java_writes() {
        let entries = vec![(
            Bytes::from_static(br#"["c",{"filename":"f"}]"#),
            Some(Bytes::from_static(br#"{"position":5}"#)),
        )];
        assert_eq!(encode(&entries).unwrap(), hex(JAVA));
        assert_eq!(decode(&hex(JAVA)).unwrap(), entries);
    }

    #[test]
    fn removed_offsets_and_many_entries_survive() {
        let entries: Entries = (0..100)
            .map(|i| (Bytes::from(format!("k{i}")), (i % 3 != 0).then(|| Bytes::from(format!("v{i}")))))
            .collect();
        assert_eq!(decode(&encode(&entries).unwrap()).unwrap(), entries);
        assert_eq!(decode(b"").unwrap(), Entries::new());
    }

    #[test]
    fn every_cut_file_is_an_error_and_never_a_panic() {
        let whole = hex(JAVA);
        for end in 1..whole.len() {
            assert!(decode(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            let _ = decode(&bent);
        }
        assert!(decode(b"{\"not\":\"java\"}").unwrap_err().to_string().contains("Java serialization header"));
    }
}
