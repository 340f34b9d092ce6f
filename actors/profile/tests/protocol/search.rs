//! Looks at every state that can be reached, the nearest first, so that what leads to a bad one is as short as can be.
//!
//! Our own, and small: the crates that do this would turn on features of others that no service is built with.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What can happen in a world.
pub(crate) trait Model {
    type State: Clone + Hash;
    type Action: Copy;

    fn first(&self) -> Self::State;
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;
    fn after(&self, state: &Self::State, action: Self::Action) -> Self::State;
}

/// How a search ended.
pub(crate) struct Searched<A> {
    pub(crate) states: usize,
    /// The longest way that was needed to reach a state.
    pub(crate) deep: usize,
    /// The way to the first state that was refused.
    pub(crate) refused: Option<Vec<A>>,
}

/// Visits each state once, until `accept` refuses one. A state is known by its 64-bit hash: among a million of them the
/// chance that two share one is below one in ten million.
pub(crate) fn search<M: Model>(model: &M, mut accept: impl FnMut(&M::State) -> bool) -> Searched<M::Action> {
    let first = model.first();
    // Each state's print, and how it was reached.
    let mut reached = HashMap::from([(print(&first), None)]);
    let mut waiting = VecDeque::from([(first, 0)]);
    let mut deep = 0;
    while let Some((state, depth)) = waiting.pop_front() {
        deep = depth;
        let here = print(&state);
        if !accept(&state) {
            let mut way = Vec::new();
            let mut at = here;
            while let Some((before, action)) = reached[&at] {
                way.push(action);
                at = before;
            }
            way.reverse();
            return Searched { states: reached.len(), deep, refused: Some(way) };
        }
        for action in model.actions(&state) {
            let next = model.after(&state, action);
            reached.entry(print(&next)).or_insert_with(|| {
                waiting.push_back((next, depth + 1));
                Some((here, action))
            });
        }
    }
    Searched { states: reached.len(), deep, refused: None }
}

fn print(state: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
