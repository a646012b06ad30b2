//! The file: all records in one redb table, committed with one sync.
//!
//! A file that cannot be opened is renamed and a new store begun; a record that cannot be read is written to a file of its own. Both
//! are told as [`Damage`]. After an I/O error (a full disk) redb takes no more writes, so the file is opened anew before the next.

use crate::bearings::{Bearings, wall_ms};
use crate::codec::{Decoded, decode_key, decode_record, encode_key, encode_record, entry_of};
use crate::name::Name;
use crate::{Damage, OpenError, ResourceVersion, Settings};
use control::entry::Entry;
use control::record::Part;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const RESERVED: &str = "reserved";
const CORRECTION: &str = "clock-correction-ms";
const LAST_CONTACT: &str = "last-contact-ms";

/// Versions are reserved so many at a time: a crash skips some, and never gives one twice.
pub const RESERVE: u64 = 1 << 20;

#[derive(Debug)]
pub struct Disk {
    database: Option<Database>,
    path: PathBuf,
    set_aside: PathBuf,
    cache_bytes: usize,
}

/// What was on disk.
pub struct Loaded {
    pub entries: BTreeMap<Name, Entry>,
    /// Greater than every version shown before.
    pub version: ResourceVersion,
    pub bearings: Bearings,
    pub damage: Vec<Damage>,
}

/// What a commit writes.
#[derive(Debug, Default)]
pub struct Batch {
    /// Records to write; `None` removes one.
    pub records: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Versions below this may be shown after it.
    pub reserved: Option<ResourceVersion>,
    /// By how many ms our clock is ahead of the cluster's.
    pub correction_ms: Option<i64>,
    /// When a peer was last heard, in ms since 1970.
    pub last_contact_ms: Option<u64>,
}

impl Batch {
    /// Writes an entry's records as they are, or removes all of them.
    pub fn put(&mut self, name: &Name, entry: Option<&Entry>) {
        for part in Part::ALL {
            self.records.insert(encode_key(name, part), entry.and_then(|entry| entry.get(part)).map(encode_record));
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.meta().next().is_none()
    }

    /// The words beside the records.
    fn meta(&self) -> impl Iterator<Item = (&'static str, String)> {
        let reserved = self.reserved.map(|version| (RESERVED, version.to_string()));
        let correction = self.correction_ms.map(|ms| (CORRECTION, ms.to_string()));
        let contact = self.last_contact_ms.map(|ms| (LAST_CONTACT, ms.to_string()));
        [reserved, correction, contact].into_iter().flatten()
    }
}

/// What a file holds, as bytes.
#[derive(Default)]
struct Contents {
    records: Vec<(Vec<u8>, Vec<u8>)>,
    meta: BTreeMap<String, String>,
}

impl Contents {
    fn word<T: FromStr>(&self, key: &str) -> Option<T> {
        self.meta.get(key)?.parse().ok()
    }
}

impl Disk {
    pub fn open(dir: &Path, settings: &Settings) -> Result<(Self, Loaded), OpenError> {
        fs::create_dir_all(dir).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        let path = dir.join("store.redb");
        let set_aside = dir.join("damaged");
        let cache_bytes = settings.cache_bytes;
        let mut damage = Vec::new();
        let (database, contents) = match Self::try_open(&path, cache_bytes) {
            Ok(opened) => opened,
            Err(redb::Error::DatabaseAlreadyOpen) => return Err(OpenError::InUse { dir: dir.to_owned() }),
            Err(error) => {
                damage.push(move_file(&path, &set_aside, &error)?);
                let again = Self::try_open(&path, cache_bytes);
                again.map_err(|source| OpenError::Database { path: path.clone(), source: Box::new(source) })?
            }
        };
        let mut disk = Self { database: Some(database), path, set_aside, cache_bytes };
        let version = contents.word(RESERVED).unwrap_or_else(|| ResourceVersion::new(new_epoch(), 1));
        let bearings = Bearings::new(contents.word(CORRECTION).unwrap_or(0), contents.word(LAST_CONTACT).unwrap_or(0));
        let entries = disk.decode(contents.records, &mut damage)?;
        let batch = Batch { reserved: Some(version.after(RESERVE)), ..Batch::default() };
        disk.commit(&batch).map_err(|source| OpenError::Database { path: disk.path.clone(), source: Box::new(source) })?;
        Ok((disk, Loaded { entries, version, bearings, damage }))
    }

    fn try_open(path: &Path, cache_bytes: usize) -> Result<(Database, Contents), redb::Error> {
        let database = Database::builder().set_cache_size(cache_bytes).create(path)?;
        let read = database.begin_read()?;
        let mut contents = Contents::default();
        match read.open_table(META) {
            Ok(table) => {
                for found in table.iter()? {
                    let (key, word) = found?;
                    contents.meta.insert(key.value().to_owned(), String::from_utf8_lossy(word.value()).into_owned());
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        match read.open_table(RECORDS) {
            Ok(table) => {
                for found in table.iter()? {
                    let (key, record) = found?;
                    contents.records.push((key.value().to_vec(), record.value().to_vec()));
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        drop(read);
        Ok((database, contents))
    }

    fn decode(&self, records: Vec<(Vec<u8>, Vec<u8>)>, damage: &mut Vec<Damage>) -> Result<BTreeMap<Name, Entry>, OpenError> {
        let mut objects: BTreeMap<Name, Vec<(Part, Decoded)>> = BTreeMap::new();
        for (key, bytes) in records {
            let decoded = match decode_key(&key) {
                Some(known) => decode_record(&bytes).map(|record| (known, record)),
                None => Err("its key is none of ours"),
            };
            match decoded {
                Ok(((name, part), record)) => objects.entry(name).or_default().push((part, record)),
                Err(why) => damage.push(self.write_aside(&key, &bytes, why)?),
            }
        }
        Ok(objects.into_iter().map(|(name, records)| (name, entry_of(records))).collect())
    }

    fn write_aside(&self, key: &[u8], bytes: &[u8], why: &str) -> Result<Damage, OpenError> {
        let folder = |source| OpenError::Io { path: self.set_aside.clone(), source };
        fs::create_dir_all(&self.set_aside).map_err(folder)?;
        let name: String = key.iter().map(|byte| if byte.is_ascii_alphanumeric() { char::from(*byte) } else { '_' }).collect();
        let set_aside = self.set_aside.join(format!("{}-{name}", wall_ms()));
        fs::write(&set_aside, bytes).map_err(folder)?;
        Ok(Damage::Record { key: String::from_utf8_lossy(key).replace('\0', "/"), set_aside, message: why.to_owned() })
    }

    /// Writes the records of an entry that makes no object to files of their own.
    pub fn set_aside(&self, name: &Name, entry: &Entry, why: &str) -> Result<Damage, OpenError> {
        let bytes = entry.spec.as_ref().map(encode_record).unwrap_or_default();
        self.write_aside(&encode_key(name, Part::Spec), &bytes, why)
    }

    /// Writes a batch; when this returns it is on disk.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), redb::Error> {
        let result = self.try_commit(batch);
        if result.is_err() {
            // redb refuses everything after an I/O error until the file is opened anew.
            self.database = None;
        }
        result
    }

    fn try_commit(&mut self, batch: &Batch) -> Result<(), redb::Error> {
        let database = match self.database.take() {
            Some(database) => database,
            None => Database::builder().set_cache_size(self.cache_bytes).create(&self.path)?,
        };
        let transaction = self.database.insert(database).begin_write()?;
        {
            let mut records = transaction.open_table(RECORDS)?;
            for (key, record) in &batch.records {
                match record {
                    Some(record) => drop(records.insert(key.as_slice(), record.as_slice())?),
                    None => drop(records.remove(key.as_slice())?),
                }
            }
            let mut meta = transaction.open_table(META)?;
            for (key, word) in batch.meta() {
                meta.insert(key, word.as_bytes())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// A number for a new database: never 0, and hardly ever that of the one before it.
fn new_epoch() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.subsec_nanos() ^ since.as_secs() as u32) % ResourceVersion::MAX_EPOCH + 1
}

/// Renames a file that cannot be opened.
fn move_file(path: &Path, folder: &Path, why: &redb::Error) -> Result<Damage, OpenError> {
    let set_aside = folder.join(format!("store-{}.redb", wall_ms()));
    let moved = fs::create_dir_all(folder).and_then(|()| fs::rename(path, &set_aside));
    moved.map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
    Ok(Damage::Database { set_aside, message: why.to_string() })
}
