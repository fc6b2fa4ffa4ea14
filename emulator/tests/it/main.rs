//! The integration tests of the emulator, one module per theme. A test that must have a process to itself is a file
//! beside this folder.

mod api;
mod api_signature;
mod api_trace;
mod control;
mod control_accounts;
mod control_api;
mod control_complete;
mod control_refusals;
mod limits;
mod login;
mod mqtt5;
mod page;
mod program;
mod ram_role;
mod resume;
mod server;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod upstream;
mod violation;
