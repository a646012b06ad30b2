//! What the console knows, without any look: rows of objects, filters and orders, lines of text and logs.

pub mod burst;
pub mod cells;
pub mod cluster;
pub mod columns;
pub mod containers;
pub mod diff;
pub mod forwards;
pub mod inventory;
pub mod life;
pub mod lines;
pub mod log;
pub mod namespaces;
pub mod packed;
pub mod past;
pub mod project;
pub mod pulse;
pub mod query;
pub mod row;
pub mod schema;
pub mod sides;
pub mod store;
pub mod template;
pub mod usage;
pub mod users;
pub mod view;
pub mod why;
