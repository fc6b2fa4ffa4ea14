//! What is known to fail, and why. A scenario that is named here and passes fails the run: its line has to go.

use super::Scenario;

/// Why this scenario fails; `None` for one that has to pass.
pub fn reason(_scenario: &Scenario) -> Option<&'static str> {
    None
}
