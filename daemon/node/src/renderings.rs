//! The events that watches have sent last, as bytes: what a change is to all who watch it in the same form is made once and shared.
//!
//! A rendering is kept with the object that it shows, and found by that object's identity and not by its version: two states may be shown
//! at one version. See `k8s.io/apiserver/pkg/storage/cacher/caching_object.go`, which does the same a change.

use bytes::Bytes;
use rest::accept::{Encoding, Form};
use rest::table::Include;
use rest::view::View;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Object;

/// Renderings that are kept at most: watches that keep up ask for the newest ones.
const MOST: usize = 32;
/// Bytes of those together at most, the objects' included; the newest one is kept whatever its size.
const MOST_BYTES: usize = 1024 * 1024;

/// All that an event's bytes depend on beside the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The event's type.
    pub word: &'static str,
    /// The form of its object.
    pub form: Form,
    /// For a table: how much of the object its row carries, whether it has its columns, and the second that ages are counted to.
    pub table: Option<(Include, bool, i64)>,
    /// The version that the object is shown in.
    pub view: View,
    /// How it is written.
    pub encoding: Encoding,
}

/// The newest renderings of a daemon.
#[derive(Debug, Default)]
pub struct Renderings(Mutex<VecDeque<Rendering>>);

#[derive(Debug)]
struct Rendering {
    object: Arc<Object>,
    shape: Shape,
    bytes: Bytes,
}

impl Rendering {
    fn shows(&self, object: &Arc<Object>, shape: &Shape) -> bool {
        Arc::ptr_eq(&self.object, object) && self.shape == *shape
    }

    fn size_bytes(&self) -> usize {
        self.bytes.len() + self.object.json().get().len()
    }
}

impl Renderings {
    /// The object in that shape, made with `make` where it is not there yet. Two who ask at once may both make it.
    pub fn shared(&self, object: &Arc<Object>, shape: Shape, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        if let Some(bytes) = find(&self.lock(), object, &shape) {
            return bytes;
        }
        // Not under the lock: others need other ones.
        let bytes = Bytes::from(make());
        let mut kept = self.lock();
        if let Some(bytes) = find(&kept, object, &shape) {
            return bytes;
        }
        kept.push_front(Rendering { object: Arc::clone(object), shape, bytes: bytes.clone() });
        let mut sum = 0;
        let fit = kept.iter().take(MOST).take_while(|rendering| {
            sum += rendering.size_bytes();
            sum <= MOST_BYTES
        });
        let fit = fit.count().max(1);
        kept.truncate(fit);
        bytes
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Rendering>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(kept: &VecDeque<Rendering>, object: &Arc<Object>, shape: &Shape) -> Option<Bytes> {
    kept.iter().find(|rendering| rendering.shows(object, shape)).map(|rendering| rendering.bytes.clone())
}

#[cfg(test)]
mod tests;
