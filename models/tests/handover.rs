//! The hand-over between callers and worker, under many schedules. shuttle says of each model whether somebody waits
//! for ever; `support` says what else is held against them.

#[path = "support/scenes.rs"]
mod scenes;
mod support;

use support::*;

macro_rules! models {
    ($($scene:ident $runs:expr;)*) => {
        $(#[test]
        fn $scene() {
            explore($runs, scenes::$scene);
        })*
    };
}

models! {
    blocking 2_000;
    crowded 2_000;
    draining 2_000;
    leaving 2_000;
    dropping 2_000;
    receiving 2_000;
    resting 2_000;
    neglecting 2_000;
    listening 2_000;
    resumed 20_000;
    expiring 2_000;
    stranding 2_000;
    panicking 2_000;
    tokens 2_000;
    asking 2_000;
    unanswered 2_000;
}
