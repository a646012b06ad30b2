//! The image store: images from archives and registries, unpacked once into layers that overlayfs stacks.
//!
//! ```text
//! archive ─ load ──┐                                      ┌─ list, find, resolve → ImageRecord { layers, config }
//! rootfs ─ import ─┼─ layers ─ unpack ─ tree   records ───┤
//! registry ─ pull ─┘  (once each, shared)    (one an image)└─ remove, prune, collect_garbage
//! ```
//!
//! Invariants:
//! - A layer is in the store only if its content's digest is the one that the image's config names. It is made in a scratch
//!   folder and renamed into place as a whole; nothing changes it afterwards.
//! - An image has a record only if all its layers are there. Layers come before records and go after them.
//! - What an archive or a registry sends is hostile until verified: paths are resolved beneath the layer's root without
//!   following links, documents and extended headers have limits, layers stream to the disk.
//! - One process at a time has the store open. Whatever it was doing when it died is cleaned up by the next.
//!
//! Only unpacked layers are kept, no compressed blobs: nothing on this machine reads a blob twice, and they would cost half as
//! much disk again. A pull that must give a layer to a peer packs it anew.
//!
//! The mount of the layers belongs to the container's setup; here are the paths for it, short, top first.

mod archive;
mod compression;
mod config;
mod digest;
mod disk;
mod garbage;
mod import;
mod layers;
mod load;
mod lowers;
mod manifest;
mod platform;
mod pull;
mod records;
mod reference;
mod registry;
mod removal;
mod single_flight;
mod store;
mod tar_stream;
mod tree;
mod unpack;
mod users;

pub use archive::ArchiveError;
pub use compression::CompressionError;
pub use config::ImageConfig;
pub use digest::{Digest, DigestError};
pub use disk::Damage;
pub use garbage::{DiskUsage, GcCandidate, GcPlan, GcPolicy, plan};
pub use import::ImportOptions;
pub use layers::LayerError;
pub use load::LoadError;
pub use manifest::ManifestError;
pub use platform::Platform;
pub use pull::{PullError, PullFault, PullOptions, PullProgress, PullStage};
pub use reference::{Reference, ReferenceError};
pub use registry::{Credentials, Mirror, MirrorError, RegistryError};
pub use removal::{ImageHold, Prune, RemoveError, Removed};
pub use store::{ImageRecord, ImageStore, Limits, StoreError};
pub use tar_stream::TarError;
pub use unpack::UnpackError;
pub use users::{ResolvedUser, UserError, resolve_user};
