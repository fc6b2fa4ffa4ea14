//! The rows of the tables.

/// English and Chinese.
pub(in crate::lang) type Row = (&'static str, &'static str);
