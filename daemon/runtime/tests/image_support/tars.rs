//! Builds tar archives for tests, good ones and ones that no tool would write.
#![allow(dead_code)]

/// An archive that grows entry by entry.
#[derive(Clone, Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

/// Fields of an entry; `Default` is a plain file of root.
#[derive(Clone, Debug)]
pub struct Fields {
    pub kind: u8,
    pub link: &'static str,
    pub mode: u32,
    pub owner: (u64, u64),
    pub mtime: u64,
    pub device: (u32, u32),
}

impl Default for Fields {
    fn default() -> Self {
        Fields { kind: b'0', link: "", mode: 0o644, owner: (0, 0), mtime: 1_000_000_000, device: (0, 0) }
    }
}

impl Tar {
    pub fn entry(mut self, path: &str, fields: &Fields, data: &[u8]) -> Tar {
        let mut header = tar::Header::new_ustar();
        // Set by hand: the tar crate refuses what hostile archives have.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.as_old_mut().linkname[..fields.link.len()].copy_from_slice(fields.link.as_bytes());
        header.set_entry_type(tar::EntryType::new(fields.kind));
        header.set_mode(fields.mode);
        header.set_uid(fields.owner.0);
        header.set_gid(fields.owner.1);
        header.set_mtime(fields.mtime);
        header.set_size(data.len() as u64);
        header.set_device_major(fields.device.0).unwrap();
        header.set_device_minor(fields.device.1).unwrap();
        header.set_cksum();
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, path: &str, data: &[u8]) -> Tar {
        self.entry(path, &Fields::default(), data)
    }

    pub fn folder(self, path: &str, mode: u32) -> Tar {
        self.entry(path, &Fields { kind: b'5', mode, ..Fields::default() }, b"")
    }

    pub fn symlink(self, path: &str, target: &'static str) -> Tar {
        self.entry(path, &Fields { kind: b'2', link: target, mode: 0o777, ..Fields::default() }, b"")
    }

    pub fn hard_link(self, path: &str, target: &'static str) -> Tar {
        self.entry(path, &Fields { kind: b'1', link: target, ..Fields::default() }, b"")
    }

    /// An extended header for the entry that follows.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Tar {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let length = (rest..).find(|length| rest + length.to_string().len() == *length).unwrap();
            data.extend_from_slice(format!("{length} {key}=").as_bytes());
            data.extend_from_slice(value);
            data.push(b'\n');
        }
        self.entry("pax", &Fields { kind: b'x', ..Fields::default() }, &data)
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

/// Whether the kernel lets us do what unpacking takes; prints why not.
pub fn has_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: unpacking layers with their owners and devices needs root");
    }
    is_root
}
