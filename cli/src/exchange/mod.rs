//! Requests and replies, shared by `rr` and `p2p`.

mod answer;
mod ask;

pub(crate) use answer::AnswerArgs;
pub(crate) use ask::AskArgs;
