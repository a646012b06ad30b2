//! A supervisor driven through the public interface.
