//! `oo init`: the secrets that services in containers need, made once.

use anyhow::Context as _;
use oo_runtime::engines::write_private;
use oo_runtime::seal::Keyring;
use oo_runtime::{Source, random};
use std::path::Path;

/// Makes what is missing in `dir`, and leaves alone what is there.
pub fn run(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    secret(dir, "keys", || Ok(Keyring::new_line("1").to_string()))?;
    secret(dir, "vapid.pem", || Ok(oo_notifier::new_vapid_key()?.to_string()))?;
    let token = random::token();
    if secret(dir, "owner-link", || Ok(oo_auth::hash(&token)))? {
        let source = Source::from_env();
        let page = source.get("OO_GATEWAY__PUBLIC_URL").unwrap_or("http://localhost:8088");
        println!("sign in once, as the owner: {page}/#owner={token}");
    } else {
        println!(
            "the secrets in {} are there already; delete owner-link and run again for a new sign-in link",
            dir.display()
        );
    }
    Ok(())
}

/// Makes a secret if it is missing, and says whether it did. By rename: half a key would lock everybody out.
pub(crate) fn secret(dir: &Path, name: &str, make: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<bool> {
    let file = dir.join(name);
    if file.exists() {
        return Ok(false);
    }
    let room = dir.join(format!("{name}.new"));
    write_private(&room, &make()?)?;
    std::fs::rename(room, &file)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path()).unwrap();
        let read = || ["keys", "vapid.pem", "owner-link"].map(|name| std::fs::read(dir.path().join(name)).unwrap());
        let first = read();
        run(dir.path()).unwrap();
        assert_eq!(read(), first);
    }
}
