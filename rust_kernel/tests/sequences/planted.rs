//! The planted bugs, held against the sequences.
