//! Faults of dependencies that are worked around: each test fails when the dependency is mended. See `docs/upstream.md`.

mod support;
#[path = "upstream/threads.rs"]
mod threads;
