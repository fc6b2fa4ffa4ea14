//! Records which settings a command used, to warn about flags without effect.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use super::Key;

/// The settings that were used. Flags and settings share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: RefCell<BTreeSet<Key>>,
    loaded: Cell<bool>,
}

impl Used {
    /// Marks a setting as used.
    pub(crate) fn mark(&self, key: Key) {
        let mut keys = self.0.keys.borrow_mut();
        keys.insert(key);
        // The halves are parts of the same setting.
        if key == Key::ClientId {
            keys.extend([Key::GroupId, Key::DeviceId]);
        }
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.0.keys.borrow().contains(&key)
    }

    /// Marks that settings were loaded at all.
    pub(super) fn set_loaded(&self) {
        self.0.loaded.set(true);
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.0.loaded.get()
    }
}
