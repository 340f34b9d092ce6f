//! Connectors, account linking, the token vault, webhooks and polling, content on demand.
//!
//! Start with `connector.rs` (what a provider is) and `sync.rs` (how its news become signals).

mod backoff;
mod connector;
mod content;
mod content_store;
mod hooks;
mod hooks_store;
mod http;
mod link;
mod link_store;
mod oauth;
mod own_server;
mod pace;
mod refresh;
mod settings;
mod shared;
mod store;
mod sync;
mod sync_store;
mod unlink;
mod vault;
mod vault_store;

pub use settings::Settings;

use oo_runtime::seal::{Tally, Walk};
use oo_runtime::{Context, redis_store, web};
use oo_subjects::{CLEAR_LINKS, COMPLETE, FETCH, HOOK, LINK_CALLBACK, LINK_END, LINK_LIST, LINK_START};
use shared::Shared;
use std::sync::Arc;

/// Questions answered at once, of each kind.
const AT_ONCE: usize = 64;

/// Runs the service until it is told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    web::serve_health(&ctx).await?;
    let shared = Shared::new(&ctx, ctx.people().await?)?;
    let offered: Vec<_> = shared.connectors.keys().map(|provider| provider.slug()).collect();
    tracing::info!(?offered, "providers");

    macro_rules! answer {
        ($wire:expr, $handler:path) => {
            let own: Arc<Shared> = shared.clone();
            ctx.answer($wire, AT_ONCE, move |question| $handler(own.clone(), question)).await?;
        };
    }
    answer!(LINK_START, link::start);
    answer!(LINK_CALLBACK, link::callback);
    answer!(LINK_LIST, link::list);
    answer!(LINK_END, unlink::end);
    answer!(FETCH, content::fetch);
    answer!(COMPLETE, content::complete);
    answer!(HOOK, hooks::hook);
    answer!(CLEAR_LINKS, unlink::clear);

    let (http, stop) = (shared.http.clone(), ctx.shutdown.clone());
    ctx.spawn("pace", async move { stop.run_until_cancelled(http.pace().forget_the_quiet()).await });
    ctx.spawn("sync", sync::run(shared.clone()));
    ctx.spawn("unlink", unlink::run(shared));
    ctx.run_until_stopped().await;
    Ok(())
}

/// Walks over all that this service seals, by its kinds: which keys of the ring wrap it, wrapped again where asked to.
/// For `oo vault`; the service may run meanwhile.
pub async fn sealed(ctx: &Context, walk: Walk) -> anyhow::Result<Vec<(&'static str, Tally)>> {
    let (redis, ring) = (redis_store::connect(&ctx.settings.redis)?, ctx.keyring()?);
    let vault = vault::Vault::new(vault_store::VaultStore::new(redis.clone()), ring.clone(), ctx.people().await?);
    let links = link_store::LinkStore::new(redis);
    Ok(vec![
        ("linked accounts", vault.sealed(walk).await?),
        ("ended links", vault.sealed_ended(walk).await?),
        ("the proof of the ring", vault.sealed_proof(walk).await?),
        ("begun links", links.sealed(&ring, walk, link::belongs).await?),
    ])
}
