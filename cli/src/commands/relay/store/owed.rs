//! Changes that could not be written yet.

use std::collections::BTreeMap;

use super::command::Command;

/// Facts to write. Bounded, as no new messages are accepted meanwhile: each message has one of a kind at most.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// The last count of each message. Written first, since a message is leased before it is a dead letter.
    leases: BTreeMap<u64, u32>,
    others: Vec<Command>,
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty() && self.others.is_empty()
    }

    pub(super) fn add(&mut self, fact: Command) {
        match fact {
            Command::Lease { counts } => self.leases.extend(counts),
            other => self.others.push(other),
        }
    }

    /// Takes everything, in the order in which it is to be written.
    pub(super) fn take(&mut self) -> Vec<Command> {
        let counts = std::mem::take(&mut self.leases).into_iter().collect();
        let mut commands = vec![Command::Lease { counts }];
        commands.append(&mut self.others);
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leases_of_a_message_are_one_fact() {
        let mut owed = Owed::default();
        assert!(owed.is_empty());
        for count in 1..=1_000 {
            owed.add(Command::Lease { counts: vec![(7, count)] });
        }
        owed.add(Command::Forget { seq: 1, key: None });
        let commands = owed.take();
        assert_eq!(commands.len(), 2);
        assert!(matches!(&commands[0], Command::Lease { counts } if counts == &[(7, 1_000)]));
        assert!(owed.is_empty());
    }
}
