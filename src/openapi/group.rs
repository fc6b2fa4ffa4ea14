//! Group ids, which must exist before a client can use them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Api;
use super::json::Fields;
use super::message::check_given;
use crate::error::{Error, Result};
use crate::names::check_group;

/// A group of the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    id: String,
    created: Option<SystemTime>,
    updated: Option<SystemTime>,
}

impl Group {
    /// Returns the group id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns when it was created.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Returns when it was last changed.
    #[must_use]
    pub fn updated(&self) -> Option<SystemTime> {
        self.updated
    }
}

impl Api {
    /// Creates a group (`CreateGroupId`): 7 to 64 letters, digits, `-` and `_`, beginning with `GID_` or `GID-`. It
    /// cannot be renamed. The call is not repeated if its outcome is unknown.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the id breaks these rules. Otherwise as documented at [`Api`].
    pub fn create_group(&self, group_id: &str) -> Result<()> {
        self.same_process()?;
        check_group(group_id, &self.inner.limits).map_err(|rule| Error::invalid(format!("CreateGroupId: {rule}")))?;
        self.run(|_| self.of_instance("CreateGroupId").parameter("GroupId", group_id)).map(drop)
    }

    /// Lists the groups of the instance (`ListGroupId`).
    ///
    /// # Errors
    /// As documented at [`Api`].
    pub fn list_groups(&self) -> Result<Vec<Group>> {
        const ACTION: &str = "ListGroupId";
        let answer = self.run(|_| self.of_instance(ACTION).repeatable(true))?;
        let read = |group: &Fields<'_>| {
            let time = |name| UNIX_EPOCH.checked_add(Duration::from_millis(group.maybe_number(name)?));
            Ok(Group { id: group.text("GroupId")?, created: time("CreateTime"), updated: time("UpdateTime") })
        };
        Fields::new(ACTION, &answer).objects("Data")?.iter().map(read).collect()
    }

    /// Deletes a group (`DeleteGroupId`). The call is not repeated if its outcome is unknown.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid): the id is empty. Otherwise as documented at [`Api`].
    pub fn delete_group(&self, group_id: &str) -> Result<()> {
        const ACTION: &str = "DeleteGroupId";
        self.same_process()?;
        check_given(ACTION, "group id", group_id)?;
        self.run(|_| self.of_instance(ACTION).parameter("GroupId", group_id)).map(drop)
    }
}
