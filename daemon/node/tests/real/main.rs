//! The real daemon with real pods, in namespaces of its own. Needs root and busybox-static; skipped without.

mod daemon;
mod many;
mod network;
mod pods;
mod world;
