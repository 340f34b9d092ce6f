//! The door with everybody behind it: each route answers and nothing else does, and who may not come in stays out.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod apple;
mod doors;
mod edge;
mod hooks;
mod live;
mod own_server;
mod pages;
mod place;
mod routes;
mod signals;
