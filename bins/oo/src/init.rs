//! `oo init`: the secrets that services in containers need, made once.

use anyhow::Context as _;
use oo_runtime::seal::Keyring;
use oo_runtime::secret_file::make_once;
use oo_runtime::{Source, nats_users, public, random, redis_acl, settings};
use std::path::Path;

/// Makes what is missing in `dir`, and leaves alone what is there. A folder for each service holds what it alone may see;
/// `ring` is for those that open what is sealed, `operator` for tools, `nats` and `redis` hold no secret.
pub fn run(dir: &Path) -> anyhow::Result<()> {
    let source = Source::from_env();
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    make_once(&dir.join("ring/keys"), || Ok(Keyring::new_line("1").to_string()))?;
    make_once(&dir.join("notifier/vapid.pem"), || Ok(oo_notifier::new_vapid_key()?.to_string()))?;
    let shards = source.section::<settings::Log>("LOG")?.shards;
    rules(&dir.join("nats/users.conf"), &nats_users::make(dir, shards)?)?;
    rules(&dir.join("redis/users.acl"), &redis_acl::make(dir)?)?;
    if public::is_public(&source)? {
        println!("the secrets are in {}; {} makes no sign-in link", dir.display(), public::PUBLIC);
        return Ok(());
    }
    let token = random::token();
    if make_once(&dir.join("auth/owner-link"), || Ok(oo_auth::hash(&token)))? {
        let page = source.get("OO_GATEWAY__PUBLIC_URL").unwrap_or("http://localhost:8088");
        println!("sign in once, as the owner: {page}/#owner={token}");
    } else {
        println!(
            "the secrets in {} are there already; delete auth/owner-link and run again for a new sign-in link",
            dir.display()
        );
    }
    Ok(())
}

/// Writes what a server reads of its users: public keys, or hashes, which everybody may see. It follows from the code, so it is
/// written anew each time.
fn rules(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, text));
    written.with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_time_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path()).unwrap();
        let all = [
            "ring/keys",
            "notifier/vapid.pem",
            "auth/owner-link",
            "auth/nats.seed",
            "auth/redis.password",
            "nats/users.conf",
            "redis/users.acl",
        ];
        let read = || all.map(|name| std::fs::read(dir.path().join(name)).unwrap());
        let first = read();
        run(dir.path()).unwrap();
        assert_eq!(read(), first);
    }
}
