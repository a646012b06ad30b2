//! The file: all records in one redb table, committed with one sync.
//!
//! A file that cannot be opened is renamed and a new store begun; a record that cannot be read is written to a file of its own. Both
//! are told as [`Damage`]. After an I/O error (a full disk) redb takes no more writes, so the file is opened anew before the next.

use crate::codec::{decode_key, decode_record, encode_key, encode_record};
use crate::{Damage, Key, OpenError, ResourceVersion, Settings};
use control::entry::Entry;
use control::record::Part;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const RESERVED: &str = "reserved";

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
    pub entries: BTreeMap<Key, Entry>,
    /// Greater than every version shown before.
    pub version: ResourceVersion,
    pub damage: Vec<Damage>,
}

/// What a commit writes.
#[derive(Debug, Default)]
pub struct Batch {
    /// Records to write; `None` removes one.
    pub records: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Versions below this may be shown after it.
    pub reserved: Option<ResourceVersion>,
}

impl Batch {
    /// Writes an entry's records as they are, or removes all of them.
    pub fn put(&mut self, key: &Key, entry: Option<&Entry>) {
        for part in Part::ALL {
            self.records.insert(encode_key(key, part), entry.and_then(|entry| entry.get(part)).map(encode_record));
        }
    }
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

impl Disk {
    pub fn open(dir: &Path, settings: &Settings) -> Result<(Self, Loaded), OpenError> {
        fs::create_dir_all(dir).map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        let path = dir.join("store.redb");
        let set_aside = dir.join("damaged");
        let cache_bytes = settings.cache_bytes;
        let mut damage = Vec::new();
        let (database, records, reserved) = match Self::try_open(&path, cache_bytes) {
            Ok(opened) => opened,
            Err(redb::Error::DatabaseAlreadyOpen) => return Err(OpenError::InUse { dir: dir.to_owned() }),
            Err(error) => {
                damage.push(move_file(&path, &set_aside, &error)?);
                let again = Self::try_open(&path, cache_bytes);
                again.map_err(|source| OpenError::Database { path: path.clone(), source: Box::new(source) })?
            }
        };
        let mut disk = Self { database: Some(database), path, set_aside, cache_bytes };
        let entries = disk.decode(records, &mut damage)?;
        let version = reserved.unwrap_or_else(|| ResourceVersion::new(new_epoch(), 1));
        let batch = Batch { reserved: Some(version.after(RESERVE)), ..Batch::default() };
        disk.commit(&batch).map_err(|source| OpenError::Database { path: disk.path.clone(), source: Box::new(source) })?;
        Ok((disk, Loaded { entries, version, damage }))
    }

    fn try_open(path: &Path, cache_bytes: usize) -> Result<(Database, Records, Option<ResourceVersion>), redb::Error> {
        let database = Database::builder().set_cache_size(cache_bytes).create(path)?;
        let read = database.begin_read()?;
        let reserved = match read.open_table(META) {
            Ok(table) => table.get(RESERVED)?.and_then(|found| std::str::from_utf8(found.value()).ok()?.parse().ok()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let mut records = Vec::new();
        match read.open_table(RECORDS) {
            Ok(table) => {
                for found in table.iter()? {
                    let (key, record) = found?;
                    records.push((key.value().to_vec(), record.value().to_vec()));
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        drop(read);
        Ok((database, records, reserved))
    }

    fn decode(&self, records: Records, damage: &mut Vec<Damage>) -> Result<BTreeMap<Key, Entry>, OpenError> {
        let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
        for (key, bytes) in records {
            let decoded = match decode_key(&key) {
                Some(known) => decode_record(&bytes).map(|record| (known, record)),
                None => Err("its key is none of ours"),
            };
            match decoded {
                Ok(((key, part), record)) => drop(entries.entry(key).or_default().merge(part, record)),
                Err(why) => damage.push(self.write_aside(&key, &bytes, why)?),
            }
        }
        Ok(entries)
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
    pub fn set_aside(&self, key: &Key, entry: &Entry, why: &str) -> Result<Damage, OpenError> {
        let bytes = entry.spec.as_ref().map(encode_record).unwrap_or_default();
        self.write_aside(&encode_key(key, Part::Spec), &bytes, why)
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
            if let Some(reserved) = batch.reserved {
                transaction.open_table(META)?.insert(RESERVED, reserved.to_string().as_bytes())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Milliseconds since 1970; 0 before that.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
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
