//! The Kubernetes REST API without sockets: what a request asks for, and how its answer is written.
//!
//! Paths ([`route`]), queries ([`query`]), media types ([`accept`]), the resources there are ([`resource`]), discovery ([`discovery`]),
//! tables ([`table`]), pages of lists ([`page`]), refusals ([`refusal`]) and who may do what ([`rights`]). Everything is a function of its
//! arguments: the daemon reads requests, asks its verbs, and sends what these make.
//!
//! Invariants: what a client sends costs no more than its size, nothing that is read panics, and a kind of object that
//! [`objects::Kind`] gains is served without a change here.

pub mod accept;
pub mod discovery;
pub mod exposition;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod protobuf;
pub mod query;
pub mod refusal;
pub mod resource;
pub mod review;
pub mod rights;
pub mod route;
pub mod spdy;
pub mod table;
pub mod version;
pub mod view;
