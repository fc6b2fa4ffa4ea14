//! A sequence of numbered items, most of which leave in the order in which they came.

use std::collections::{BTreeMap, VecDeque};

/// How many slots may be empty, or unused, beside a share of those in use.
const SPARE: usize = 16;

/// Items under consecutive numbers, which are never used again. Finding, adding and removing one takes constant time as
/// long as the items leave roughly in order, and never more than a search in a tree.
///
/// Memory: [`PER_ITEM`](Numbered::PER_ITEM) for each item, and some slots more. Items that stay while most later ones
/// leave move aside, so that a single old item does not keep the slots of all later ones.
pub(super) struct Numbered<T> {
    /// The number of the first slot.
    first: u64,
    /// The first of them is not empty.
    slots: VecDeque<Option<T>>,
    /// The number of empty slots.
    holes: usize,
    /// Items with numbers below `first`.
    aside: BTreeMap<u64, T>,
}

impl<T> Numbered<T> {
    /// The most memory that one item takes: a node of the tree may be half empty. A slot takes as much, since a quarter
    /// of the slots in use may be empty, and a third of all may be unused.
    pub(super) const PER_ITEM: usize = 2 * (size_of::<u64>() + size_of::<Option<T>>());

    /// Creates an empty sequence; the first item will have this number.
    pub(super) fn starting_at(first: u64) -> Self {
        Numbered { first, slots: VecDeque::new(), holes: 0, aside: BTreeMap::new() }
    }

    /// Returns the number that the next item will have.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.holes + self.aside.len()
    }

    /// Adds an item and returns its number.
    pub(super) fn push(&mut self, item: T) -> u64 {
        let number = self.next_number();
        if self.slots.len() == self.slots.capacity() {
            // Not twice as many, as `push_back` would do.
            self.slots.reserve_exact(self.slots.len() / 4 + SPARE / 4);
        }
        self.slots.push_back(Some(item));
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<&T> {
        match self.slot(number) {
            Some(slot) => self.slots.get(slot)?.as_ref(),
            None => self.aside.get(&number),
        }
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        match self.slot(number) {
            Some(slot) => self.slots.get_mut(slot)?.as_mut(),
            None => self.aside.get_mut(&number),
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let Some(slot) = self.slot(number) else { return self.aside.remove(&number) };
        let item = self.slots.get_mut(slot)?.take()?;
        self.holes += 1;
        self.trim();
        if self.holes > SPARE + (self.slots.len() - self.holes) / 3 {
            self.move_aside();
        }
        let used = self.slots.len();
        if self.slots.capacity() > used + used / 2 + SPARE {
            self.slots.shrink_to(used + used / 4 + SPARE / 4);
        }
        Some(item)
    }

    /// Returns the items with their numbers, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.starting_with(0)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut T)> {
        let slots = (self.first..).zip(&mut self.slots);
        let slots = slots.filter_map(|(number, slot)| Some((number, slot.as_mut()?)));
        self.aside.iter_mut().map(|(number, item)| (*number, item)).chain(slots)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, item)| item)
    }

    /// Returns the items from this number on.
    pub(super) fn starting_with(&self, number: u64) -> impl Iterator<Item = (u64, &T)> {
        let start = self.slot(number).unwrap_or_default().min(self.slots.len());
        let slots = self.slots.range(start..).enumerate();
        let first = self.first + start as u64;
        let slots = slots.filter_map(move |(slot, item)| Some((first + slot as u64, item.as_ref()?)));
        self.aside.range(number..).map(|(number, item)| (*number, item)).chain(slots)
    }

    /// Returns the items below this number, in order.
    pub(super) fn below(&self, number: u64) -> impl Iterator<Item = (u64, &T)> {
        self.iter().take_while(move |(other, _)| *other < number)
    }

    /// Removes all items. The numbers continue.
    pub(super) fn clear(&mut self) {
        *self = Numbered::starting_at(self.next_number());
    }

    /// Returns the slot of this number; `None` for a number below all slots.
    fn slot(&self, number: u64) -> Option<usize> {
        // A number far above all slots has none either way.
        number.checked_sub(self.first).map(|slot| usize::try_from(slot).unwrap_or(usize::MAX))
    }

    /// Removes the empty slots in front.
    fn trim(&mut self) {
        while let Some(None) = self.slots.front() {
            self.slots.pop_front();
            self.first += 1;
            self.holes -= 1;
        }
    }

    /// Moves the items in front of the last empty slot aside. Each item moves at most once in its life.
    fn move_aside(&mut self) {
        let Some(last) = self.slots.iter().rposition(Option::is_none) else { return };
        let slots = (self.first..).zip(self.slots.drain(..=last));
        self.aside.extend(slots.filter_map(|(number, slot)| Some((number, slot?))));
        self.first += last as u64 + 1;
        self.holes = 0;
    }

    /// Panics if the sequence is inconsistent or takes more memory than it says.
    #[cfg(any(test, fuzzing))]
    pub(super) fn assert_consistent(&self) {
        assert!(!matches!(self.slots.front(), Some(None)), "the first slot is in use");
        assert_eq!(self.holes, self.slots.iter().filter(|slot| slot.is_none()).count(), "the empty slots");
        assert!(self.aside.keys().all(|number| *number < self.first), "what is aside is older");
        let used = self.slots.len() - self.holes;
        assert!(self.slots.capacity() <= 2 * used + 3 * SPARE, "{} slots for {used}", self.slots.capacity());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers<T>(items: &Numbered<T>) -> Vec<u64> {
        items.iter().map(|(number, _)| number).collect()
    }

    proptest! {
        /// Against a tree. A step adds an item, or removes that many places behind the first.
        #[test]
        fn it_is_a_map_of_ever_higher_numbers(steps: Vec<Option<u8>>) {
            let (mut items, mut model) = (Numbered::starting_at(1), BTreeMap::new());
            for (value, step) in steps.into_iter().chain([None; 70]).chain([Some(3); 60]).enumerate() {
                match step {
                    None => _ = model.insert(items.push(value), value),
                    Some(place) => {
                        let number = model.keys().nth(usize::from(place % 64)).copied();
                        let number = number.unwrap_or(u64::from(place));
                        prop_assert_eq!(items.remove(number), model.remove(&number));
                    }
                }
                items.assert_consistent();
                prop_assert_eq!(items.len(), model.len());
                prop_assert!(items.iter().eq(model.iter().map(|(number, item)| (*number, item))));
                let middle = items.next_number().saturating_sub(5);
                let from = items.starting_with(middle).map(|(number, _)| number);
                prop_assert!(from.eq(model.range(middle..).map(|(number, _)| *number)));
                let below = items.below(middle).map(|(number, _)| number);
                prop_assert!(below.eq(model.range(..middle).map(|(number, _)| *number)));
            }
            prop_assert!((0..=items.next_number()).all(|number| items.get(number) == model.get(&number)));
            let next = items.next_number();
            prop_assert!(items.iter_mut().map(|(number, _)| number).eq(model.keys().copied()));
            items.clear();
            prop_assert_eq!((items.len(), items.next_number()), (0, next));
        }
    }

    #[test]
    fn an_old_item_does_not_keep_the_slots_of_a_million_later_ones() {
        let mut items = Numbered::starting_at(1);
        let old = items.push(0);
        for value in 1..1_000_000 {
            let number = items.push(value);
            assert_eq!(items.remove(number), Some(value));
            assert!(items.slots.capacity() <= 3 * SPARE);
        }
        assert_eq!((items.len(), items.get(old), numbers(&items)), (1, Some(&0), vec![old]));
    }

    #[test]
    fn memory_is_given_back() {
        let mut items = Numbered::starting_at(1);
        let all: Vec<_> = (0..10_000).map(|value| items.push(value)).collect();
        assert!(items.slots.capacity() <= 12_600);
        for number in &all[..9_990] {
            items.remove(*number);
            items.assert_consistent();
        }
        assert!(items.slots.capacity() <= 10 + 10 / 2 + SPARE);
        assert_eq!(numbers(&items), all[9_990..]);
    }
}
