//! The cluster's keys: its authority, certificates, join tokens, sealed datagrams.
