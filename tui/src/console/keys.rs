//! Keys and what they do: one table that input, hints and help are made from.

pub mod action;
pub mod commands;
pub mod file;
pub mod key;
pub mod map;
pub mod own;
pub mod table;
