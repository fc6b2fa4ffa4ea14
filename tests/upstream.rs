//! Faults of dependencies, each shown on the dependency itself: a test here fails when the dependency is mended, and what
//! the library does about the fault can go. See docs/upstream.md.

#[path = "upstream/oversized.rs"]
mod oversized;
mod support;
#[path = "upstream/threads.rs"]
mod threads;
