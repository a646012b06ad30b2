//! The network against the real kernel, each test in a network namespace of its own.
