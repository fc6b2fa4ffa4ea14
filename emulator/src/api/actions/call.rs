//! The call and the parts of the responses, which the actions share.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::api::request::Parameters;
use crate::broker::Broker;
use crate::service::Service;

/// A call with a valid signature.
pub(in crate::api) struct Call<'a> {
    pub(in crate::api) service: &'a Service,
    pub(in crate::api) broker: &'a Broker,
    /// The AccessKey id.
    pub(in crate::api) caller: &'a str,
    pub(in crate::api) parameters: &'a Parameters,
    /// The time by the clock of the OpenAPI.
    pub(in crate::api) now: SystemTime,
}

/// Returns the fields of a response.
pub(super) fn fields<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns one page of a list. The first page is 1; those after the last are empty.
pub(super) fn page<T>(items: &[T], number: u64, size: u64) -> &[T] {
    let place = |pages: u64| usize::try_from(pages.saturating_mul(size)).unwrap_or(usize::MAX).min(items.len());
    &items[place(number.saturating_sub(1))..place(number)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let items = [1, 2, 3, 4, 5];
        assert_eq!(page(&items, 1, 2), [1, 2]);
        assert_eq!(page(&items, 3, 2), [5]);
        assert!(page(&items, 4, 2).is_empty() && page(&items, u64::MAX, u64::MAX).is_empty());
        assert_eq!(page(&items, 0, 2), [0; 0]);
    }
}
