//! The house in one process: data folder, private servers, sandbox, all services; and tools that look inside.
#![allow(clippy::print_stdout, reason = "a command line tool")]

pub mod backup;
pub mod browser;
pub mod clockfile;
pub mod data;
pub mod dead;
pub mod demo;
pub mod doctor;
pub mod house;
pub mod init;
pub mod inspect;
pub mod learn;
pub mod reshard;
mod servers;
pub mod simulate;
pub mod up;
pub mod vault;
pub mod verify;
