//! The machine by examples ([`lifecycle`], [`deletion`], [`restart`]) and by chance ([`schedule`]).

mod bench;
mod deletion;
mod images;
mod lifecycle;
mod random;
mod restart;
mod schedule;
mod world;
