//! The command line as a child process, one module per theme. What they share is in `../support`.

mod api;
mod bench;
mod chain;
#[cfg(unix)]
mod connecting;
mod doctor;
mod doctor_line;
mod doctor_proxy;
mod doctor_service;
mod doctor_setup;
#[cfg(feature = "emulator")]
mod emulator;
mod generated;
mod given;
mod hidden;
mod lang;
mod no_key;
mod offline;
mod p2p;
mod publish;
mod publish_lines;
mod publish_outage;
mod publish_spool;
mod rr;
mod sign_for;
mod subscribe;
#[path = "../support/mod.rs"]
mod support;
mod surroundings;
mod terminal;
mod transports;
