//! Many nodes in virtual time, from a seed.
