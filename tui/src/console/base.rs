//! What every layer uses and what knows none of them: the width of text, the life of an age.

pub mod age;
pub mod short;
pub mod text;
