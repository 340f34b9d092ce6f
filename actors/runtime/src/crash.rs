//! Points at which a test lets the process die as kill -9 would. In release builds there are none.

/// Ends the process here and now, if `OO_CRASH_AT` names this point. Nothing is flushed, drained or told.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(debug_assertions)]
    if wanted() == Some(name) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        // The signal is on its way; nothing more may happen on this thread.
        loop {
            std::thread::park();
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
#[allow(clippy::disallowed_methods, reason = "read once for the life of a test's process, before settings exist")]
fn wanted() -> Option<&'static str> {
    static WANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    WANTED.get_or_init(|| std::env::var("OO_CRASH_AT").ok()).as_deref()
}
