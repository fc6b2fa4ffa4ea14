//! Tests that call the functions as a C program does.

mod batches;
mod messages;
mod misuse;
mod receiving;
mod requests;
mod sending;
mod settings;
mod support;
