//! The machine by examples ([`lifecycle`], [`deletion`], [`restart`]) and by chance ([`schedule`]).

mod bench;
mod deletion;
mod grace;
mod hooks;
mod images;
mod init;
mod lifecycle;
mod manifests;
mod probes;
mod put_out;
mod random;
mod resize;
mod restart;
mod schedule;
mod whole_status;
mod world;
