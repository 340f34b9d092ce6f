//! `oo init`: the secrets that services in containers need, made once.

use anyhow::Context as _;
use oo_runtime::seal::Keyring;
use oo_runtime::secret_file::make_once;
use oo_runtime::{Source, nats_users, random, settings};
use std::path::Path;

/// Makes what is missing in `dir`, and leaves alone what is there.
pub fn run(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    make_once(&dir.join("keys"), || Ok(Keyring::new_line("1").to_string()))?;
    make_once(&dir.join("vapid.pem"), || Ok(oo_notifier::new_vapid_key()?.to_string()))?;
    users(dir)?;
    let token = random::token();
    if make_once(&dir.join("owner-link"), || Ok(oo_auth::hash(&token)))? {
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

/// Writes the users that nats-server and its configuration know. They follow from the code: written anew each time.
fn users(dir: &Path) -> anyhow::Result<()> {
    let shards = Source::from_env().section::<settings::Log>("LOG")?.shards;
    let nats = nats_users::make(dir, shards)?;
    std::fs::create_dir_all(dir.join("nats"))?;
    std::fs::write(dir.join("nats/users.conf"), nats).with_context(|| format!("cannot write into {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path()).unwrap();
        let all = ["keys", "vapid.pem", "owner-link", "nats/users.conf", "auth/nats.seed"];
        let read = || all.map(|name| std::fs::read(dir.path().join(name)).unwrap());
        let first = read();
        run(dir.path()).unwrap();
        assert_eq!(read(), first);
    }
}
