//! Source offsets in a file, in the format of Java's standalone worker.
//!
//! Every write makes a new file beside the old one, forces it to the disk and renames it over the old one: after a
//! crash at any point one of the two is there, whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use connect_api::{Error, Result, ResultExt};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

use super::OffsetBackingStore;
use crate::wire;

/// See the module.
pub(crate) struct FileOffsets {
    path: PathBuf,
    // Held across the write on purpose: two writes must not overtake each other.
    map: Mutex<BTreeMap<Bytes, Bytes>>,
}

impl FileOffsets {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), map: Mutex::default() }
    }

    fn named(&self, error: Error) -> Error {
        error.with("offset.storage.file.filename", self.path.display())
    }

    async fn write(&self, map: &BTreeMap<Bytes, Bytes>) -> Result<()> {
        let entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let bytes = wire::offset_file::encode(&entries)?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let mut file = tokio::fs::File::create(&new).await.retriable("create the new offset file")?;
        file.write_all(&bytes).await.retriable("write the offset file")?;
        file.sync_all().await.retriable("force the offset file to the disk")?;
        drop(file);
        tokio::fs::rename(&new, &self.path).await.retriable("put the new offset file in place")?;
        // The rename itself is durable when its directory is.
        let directory =
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(directory) = tokio::fs::File::open(directory).await {
            directory.sync_all().await.retriable("force the directory of the offset file to the disk")?;
        }
        Ok(())
    }
}

#[async_trait]
impl OffsetBackingStore for FileOffsets {
    async fn start(&self) -> Result<()> {
        let bytes = match tokio::fs::read(&self.path).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.named(Error::connect("read the offset file").with_source(error))),
        };
        let entries = wire::offset_file::decode(&bytes).map_err(|error| self.named(error))?;
        let mut map = self.map.lock().await;
        *map = entries
            .into_iter()
            .filter_map(|(key, value)| Some((wire::offset::normalize_key(key), value?)))
            .collect();
        // Better to hear now than at the first commit that the file cannot be written.
        self.write(&map).await.map_err(|error| self.named(error))
    }

    async fn get(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>> {
        let map = self.map.lock().await;
        Ok(keys.iter().map(|key| map.get(key).cloned()).collect())
    }

    async fn entries(&self) -> Result<Vec<(Bytes, Bytes)>> {
        let map = self.map.lock().await;
        Ok(map.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    async fn set(&self, entries: Vec<(Bytes, Option<Bytes>)>) -> Result<()> {
        let mut map = self.map.lock().await;
        let mut changed = map.clone();
        for (key, value) in entries {
            match value {
                Some(value) => changed.insert(key, value),
                None => changed.remove(&key),
            };
        }
        self.write(&changed).await.map_err(|error| self.named(error))?;
        *map = changed;
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, value: &str) -> (Bytes, Option<Bytes>) {
        (Bytes::copy_from_slice(key.as_bytes()), Some(Bytes::copy_from_slice(value.as_bytes())))
    }

    #[tokio::test]
    async fn what_was_set_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets");
        let store = FileOffsets::new(&path);
        store.start().await.unwrap();
        store.set(vec![entry("a", "1"), entry("b", "1")]).await.unwrap();
        store.set(vec![entry("a", "2"), (Bytes::from_static(b"b"), None)]).await.unwrap();
        let again = FileOffsets::new(&path);
        again.start().await.unwrap();
        let keys = [Bytes::from_static(b"a"), Bytes::from_static(b"b")];
        assert_eq!(again.get(&keys).await.unwrap(), [Some(Bytes::from_static(b"2")), None]);
    }

    #[tokio::test]
    async fn a_file_that_is_something_else_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("offsets");
        tokio::fs::write(&path, b"my diary").await.unwrap();
        let error = FileOffsets::new(&path).start().await.unwrap_err().to_string();
        assert!(
            error.contains("not an offset file") && error.contains("offset.storage.file.filename"),
            "{error}"
        );
        assert_eq!(tokio::fs::read(&path).await.unwrap(), b"my diary");
    }

    #[tokio::test]
    async fn a_write_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/offsets");
        tokio::fs::create_dir(dir.path().join("sub")).await.unwrap();
        let store = FileOffsets::new(&path);
        store.start().await.unwrap();
        store.set(vec![entry("a", "1")]).await.unwrap();
        tokio::fs::remove_dir_all(dir.path().join("sub")).await.unwrap();
        let error = store.set(vec![entry("a", "2")]).await.unwrap_err();
        assert!(error.is_retriable());
        assert_eq!(store.get(&[Bytes::from_static(b"a")]).await.unwrap(), [Some(Bytes::from_static(b"1"))]);
    }
}
