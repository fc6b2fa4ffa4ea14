//! Which settings had a part in what a command did, to tell of the flags that had none.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use super::Key;

/// Shared by the flags and the settings made of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    keys: RefCell<BTreeSet<Key>>,
    loaded: Cell<bool>,
}

impl Used {
    /// This setting was asked for.
    pub(crate) fn mark(&self, key: Key) {
        let mut keys = self.0.keys.borrow_mut();
        keys.insert(key);
        // They are one setting: what is given of the halves besides is the same.
        if key == Key::ClientId {
            keys.extend([Key::GroupId, Key::DeviceId]);
        }
    }

    pub(crate) fn has(&self, key: Key) -> bool {
        self.0.keys.borrow().contains(&key)
    }

    /// Settings were read at all.
    pub(super) fn set_loaded(&self) {
        self.0.loaded.set(true);
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.0.loaded.get()
    }
}
