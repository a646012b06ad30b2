//! The bytes of an archive on their way, and files that change while they are read.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Tells whether the bytes ended by themselves: an archive that is whole says its end before that.
pub(crate) struct Watched<R> {
    inner: R,
    has_ended: Rc<Cell<bool>>,
}

impl<R: Read> Watched<R> {
    pub(crate) fn new(inner: R) -> (Self, Rc<Cell<bool>>) {
        let has_ended = Rc::new(Cell::new(false));
        (Self { inner, has_ended: has_ended.clone() }, has_ended)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        if count == 0 && !bytes.is_empty() {
            self.has_ended.set(true);
        }
        Ok(count)
    }
}

/// Exactly so many bytes of a file, whatever becomes of it meanwhile: what is missing is zeros, what comes on top is left out.
pub(crate) struct Exactly<R> {
    inner: R,
    left: u64,
    /// How many bytes were made up.
    pub(crate) missing: u64,
}

impl<R: Read> Exactly<R> {
    pub(crate) fn new(inner: R, bytes: u64) -> Self {
        Self { inner, left: bytes, missing: 0 }
    }

    pub(crate) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        if most == 0 {
            return Ok(0);
        }
        let count = match if self.missing > 0 { 0 } else { self.inner.read(&mut bytes[..most])? } {
            0 => {
                bytes[..most].fill(0);
                self.missing += most as u64;
                most
            }
            count => count,
        };
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::Exactly;
    use std::io::Read;

    #[test]
    fn a_file_that_shrinks_or_grows_has_the_size_that_was_said() {
        let read = |size: u64| {
            let mut exactly = Exactly::new(&b"abc"[..], size);
            let mut bytes = Vec::new();
            exactly.read_to_end(&mut bytes).expect("it is read");
            (bytes, exactly.missing)
        };
        assert_eq!(read(2), (b"ab".to_vec(), 0));
        assert_eq!(read(3), (b"abc".to_vec(), 0));
        assert_eq!(read(5), (b"abc\0\0".to_vec(), 2));
    }
}
