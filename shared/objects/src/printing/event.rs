//! The columns of events.
