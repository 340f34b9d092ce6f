//! The story: the real program, real servers, the sandbox as the outside world. One test binary, since linking all
//! services takes its time.

mod accounts;
mod backup;
mod browsers;
mod cli;
mod crashes;
mod dead;
mod firefox;
mod leaks;
mod letters;
mod outages;
mod place;
mod push_server;
mod reshard;
mod rights;
mod security;
mod story;
mod traces;
mod vault;
