//! The pool that chooses one tip, or silence. See README.md.

fn main() -> std::process::ExitCode {
    oo_runtime::run("recommender", oo_recommender::serve)
}
