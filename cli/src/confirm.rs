//! Asks before something is deleted for good.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::{Exit, Failure, Result};
use crate::output::visible;

/// Asks on a terminal, unless the command line has --yes. Without a terminal the answer is yes, so that scripts work.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<()> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let cannot = |error: io::Error| Failure::io("cannot ask", &error);
    let mut stderr = io::stderr();
    write!(stderr, "{} [y/N] ", visible(question)).and_then(|()| stderr.flush()).map_err(cannot)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(cannot)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failure, "nothing was done")),
    }
}
