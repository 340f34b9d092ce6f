//! Types for subjects, so that a wrong payload does not compile.

use crate::shard::Place;
use std::marker::PhantomData;

/// One kind of entry in a person's log: `oo.v1.log.<shard>.<log>.<kind>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSubject {
    pub kind: &'static str,
}

impl LogSubject {
    /// The subject of entries of this kind.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind }
    }

    /// For one person.
    pub fn of(self, place: &Place) -> String {
        format!("oo.v1.log.{}.{}.{}", place.shard.0, place.log, self.kind)
    }
}

/// A question and its answer. One member of the queue group answers.
#[derive(Debug)]
pub struct Request<Q, A> {
    pub name: &'static str,
    pub queue: &'static str,
    carries: PhantomData<fn(Q) -> A>,
}

impl<Q, A> Clone for Request<Q, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, A> Copy for Request<Q, A> {}

impl<Q, A> Request<Q, A> {
    /// A request on `name`, answered by the service `queue`.
    pub const fn new(name: &'static str, queue: &'static str) -> Self {
        Self { name, queue, carries: PhantomData }
    }
}

/// A row of the map.
#[derive(Debug, Clone, Copy)]
pub struct Wire {
    pub name: &'static str,
    /// With `{name}` for the tokens that vary.
    pub address: &'static str,
    /// `publish` or `request`.
    pub kind: &'static str,
    /// Name of the type in the schema; a log's entries are that type, sealed.
    pub carries: &'static str,
    pub answer: Option<&'static str>,
    pub stream: Option<&'static str>,
    /// Services, and the operator.
    pub publishers: &'static [&'static str],
    /// Services.
    pub subscribers: &'static [&'static str],
    pub says: &'static str,
}
