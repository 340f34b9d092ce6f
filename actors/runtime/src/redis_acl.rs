//! The users of Redis: what each service keeps there, from which Redis's own rules are written. A password for each is in a
//! folder of its own; the rules hold only hashes of them.

use crate::{random, secret_file};
use anyhow::Context as _;
use oo_subjects::access::OPERATOR;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Who keeps what there, by how its keys begin. The other services keep nothing in Redis, and are no users of it.
const KEPT: &[(&str, &[&str])] = &[
    ("auth", &["oo:auth:", "oo:session:", "oo:sessions:", "oo:owner-link:"]),
    ("integrations", &["oo:integrations:"]),
    ("notifier", &["oo:email:", "oo:push:", "oo:pushhost:"]),
    ("profile", &["oo:snapshot:"]),
];

/// What a service may do with its keys: read and write them, also in transactions and scripts. Not look for keys: a walk comes
/// by everybody's. Nothing that is about the whole server.
const COMMANDS: &str = "-@all +@read +@write +@transaction +@connection +eval +evalsha +script|load -@admin -@dangerous \
                        -scan -randomkey -dbsize";

/// May ask whether the server answers, without a password. For health checks.
const HEALTH: &str = "user health on nopass resetkeys resetchannels -@all +ping";

/// Nobody signs in as this one. It may do everything nevertheless: Redis reads its own file back as the default user, and would
/// leave out, without a word, every transaction that this user may not do.
const DEFAULT: &str = "user default off resetpass ~* &* +@all";

/// Makes the passwords that are missing below `dir`, and gives the rules of all users: hashes only.
pub fn make(dir: &Path) -> anyhow::Result<String> {
    let mut rules = format!("{DEFAULT}\n{HEALTH}\n");
    for (user, keys) in KEPT {
        // It has no list of its accounts, and looks for them when it starts.
        let more = if *user == "integrations" { " +scan" } else { "" };
        let keys: String = keys.iter().map(|begin| format!("~{begin}* ")).collect();
        let _ = writeln!(rules, "user {user} on #{} {keys}resetchannels {COMMANDS}{more}", hash(dir, user)?);
    }
    let _ = writeln!(rules, "user {OPERATOR} on #{} ~* &* +@all", hash(dir, OPERATOR)?);
    Ok(rules)
}

/// Settings by which a user of those below `dir` connects; none where a service keeps nothing in Redis.
pub fn settings(dir: &Path, user: &str) -> Option<(String, String)> {
    is_user(user).then(|| ("OO_REDIS__PASSWORD_FILE".into(), password_file(dir, user).display().to_string()))
}

/// Whether a service is a user of Redis.
pub fn is_user(service: &str) -> bool {
    KEPT.iter().any(|(user, _)| *user == service)
}

/// Where the password of a user is, below `dir`.
pub fn password_file(dir: &Path, user: &str) -> PathBuf {
    dir.join(user).join("redis.password")
}

/// The password in a file.
///
/// # Errors
/// Says which file cannot be read, or holds none.
pub fn password(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file).map(SecretString::from);
    let text =
        text.with_context(|| format!("cannot read the password in {}: make it with `oo init`", file.display()))?;
    let password = text.expose_secret().trim();
    anyhow::ensure!(!password.is_empty(), "{} is empty: remove it, and run `oo init` again", file.display());
    Ok(password.into())
}

fn hash(dir: &Path, user: &str) -> anyhow::Result<String> {
    let file = password_file(dir, user);
    secret_file::make_once(&file, || Ok(random::token()))?;
    Ok(random::hex(&Sha256::digest(password(&file)?.expose_secret())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_and_none_is_in_the_rules() {
        let dir = tempfile::tempdir().unwrap();
        let first = make(dir.path()).unwrap();
        assert_eq!(make(dir.path()).unwrap(), first);
        for user in KEPT.iter().map(|(user, _)| *user).chain([OPERATOR]) {
            let password = std::fs::read_to_string(password_file(dir.path(), user)).unwrap();
            assert!(password.len() == 32 && !first.contains(&password), "{user}");
        }
    }

    #[test]
    fn an_empty_password_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path()).unwrap();
        let file = password_file(dir.path(), "auth");
        std::fs::write(&file, "\n").unwrap();
        let error = make(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&file.display().to_string()) && error.contains("oo init"), "{error}");
    }
}
