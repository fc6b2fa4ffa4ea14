//! Requests and replies, as `rr` and `p2p` share them: who asks, and who answers.

mod answer;
mod ask;

pub(crate) use answer::AnswerArgs;
pub(crate) use ask::AskArgs;
