//! Real containers under a real supervisor, driven through the daemon's interface. Needs root and a static busybox.

mod attach;
mod attacks;
mod exec;
mod identity;
mod isolation;
mod lifecycle;
mod logs;
mod sharing;
mod volumes;
mod world;
