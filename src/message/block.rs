//! What an allocation takes.

/// What the allocator takes for this many bytes: with its own, rounded up, and no less than its smallest block. So it
/// is with glibc; others differ by little.
pub(crate) const fn block(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8).next_multiple_of(16),
    }
}
