//! Just enough of Rust's grammar to tell code from comments, text and tests.

/// The code without comments, without the contents of literals, and without the tests at its end.
pub(super) fn code(text: &str) -> String {
    let plain = without_text(text);
    match plain.find("#[cfg(test)]") {
        Some(tests) => plain[..tests].to_owned(),
        None => plain,
    }
}

/// Whether code names an outside crate: `name::…`, also by way of another crate's re-export, or `use name`.
pub(super) fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let whole = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let ours = ["crate::", "self::", "super::"].iter().any(|path| before.ends_with(path));
        let used = before.ends_with("use ") && after.starts_with([';', ' ']);
        whole && !ours && (after.starts_with("::") || used)
    })
}

fn without_text(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) =
            raw_string(rest).filter(|_| !out.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            length
        } else if next == '"' {
            quoted(rest, '"')
        } else if next == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skip..];
    }
    out
}

/// The length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let Some(next) = text[at..].find(['/', '*']) else { return text.len() };
        at += next;
        let step = match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
    }
    at
}

/// The length of a literal up to its closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw string literal, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = inside.find(&close).map_or(inside.len(), |at| at + close.len());
    Some(text.len() - inside.len() + end)
}

/// Whether a quote begins a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut after = text.chars().skip(1);
    match after.next() {
        Some('\\') => true,
        Some(_) => after.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts() {
        let text = r##"
//! redis::doc
/* redis::a /* redis::b */ redis::c */
const A: &str = "redis::d \" redis::e"; // redis::f
const B: &str = r#"redis::g " "#;
const C: char = '"'; const D: char = '\'';
fn f<'a>(x: &'a str) { warp::serve(x); }
#[cfg(test)]
mod tests { use redis::h; }
"##;
        let code = code(text);
        assert!(!code.contains("redis"), "{code}");
        assert!(names(&code, "warp"), "{code}");
    }

    #[test]
    fn a_crate_is_named_in_many_ways() {
        for code in
            ["use redis::Client;", "use redis;", "use redis as r;", "let c = redis::Client::open();", "use {redis::x};"]
        {
            assert!(names(code, "redis"), "{code}");
        }
        assert!(names("use oo_runtime::redis::Client;", "redis"));
        for code in ["crate::redis::x()", "let redis = 1;", "my_redis::x()", "redis_store::x()", "use redistribute;"] {
            assert!(!names(code, "redis"), "{code}");
        }
    }
}
