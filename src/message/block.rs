//! The size of an allocation.

/// Returns the memory that the allocator uses for this many bytes, with its own overhead. Modelled on glibc; others
/// differ little.
pub(crate) const fn block(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8).next_multiple_of(16),
    }
}
