//! The cluster's protocol without sockets: membership, spreading of fresh records, anti-entropy.
