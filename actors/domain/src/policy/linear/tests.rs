//! What the learner must hold.
