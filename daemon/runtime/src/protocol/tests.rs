//! Frames in pieces, and the bytes of version 1.
