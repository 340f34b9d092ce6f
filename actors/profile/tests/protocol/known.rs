//! Values of the code in a state of the model: shared, and told apart by a print that is made once.

use std::fmt::{self, Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value and the print of what its `Debug` shows: all that it holds.
pub(crate) struct Known<T> {
    value: Arc<T>,
    print: u64,
}

impl<T: Debug> Known<T> {
    pub(crate) fn new(value: T) -> Self {
        let mut print = Print(DefaultHasher::new());
        // Writing to a hasher cannot fail.
        let _ = write!(print, "{value:?}");
        Self { value: Arc::new(value), print: print.0.finish() }
    }

    /// The value after a change.
    pub(crate) fn with<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R
    where
        T: Clone,
    {
        let mut value = T::clone(&self.value);
        let result = change(&mut value);
        *self = Self::new(value);
        result
    }
}

struct Print(DefaultHasher);

impl Write for Print {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), print: self.print }
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Known<T> {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl<T> Eq for Known<T> {}

impl<T> Hash for Known<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

impl<T: Debug> Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
