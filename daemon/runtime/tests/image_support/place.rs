//! A folder with an image store, for one test.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::PathBuf;

use runtime::image::{ImageRecord, ImageStore, LoadError};

pub struct Place {
    pub folder: tempfile::TempDir,
    pub store: ImageStore,
}

impl Place {
    pub fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::open(&folder.path().join("images")).unwrap();
        Place { folder, store }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn load(&self, bytes: &[u8]) -> Result<Vec<ImageRecord>, LoadError> {
        let path = self.path("archive");
        fs::write(&path, bytes).unwrap();
        self.store.load(&path)
    }

    pub fn reopened(self) -> Place {
        let Place { folder, store } = self;
        drop(store);
        let store = ImageStore::open(&folder.path().join("images")).unwrap();
        Place { folder, store }
    }

    pub fn count(&self, sub_folder: &str) -> usize {
        fs::read_dir(self.path("images").join(sub_folder)).unwrap().count()
    }
}

pub fn names(store: &ImageStore) -> Vec<String> {
    store.list().into_iter().flat_map(|record| record.names).collect()
}
