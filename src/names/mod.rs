//! The names a client uses: client ids, topics and filters, P2P topics.

mod characters;
mod client_id;
mod instance;
mod p2p;
mod topic;

use characters::{check_characters, is_name_char, shown};
pub use client_id::ClientId;
pub(crate) use client_id::{check_device, check_group, unique_device_id};
pub(crate) use instance::check_instance;
pub use p2p::p2p_topic;
#[cfg(any(feature = "openapi", test))]
pub(crate) use topic::check_parent;
pub use topic::topic_matches;
pub(crate) use topic::{check_filter, check_payload, check_topic, filter_matches, filters_overlap};
