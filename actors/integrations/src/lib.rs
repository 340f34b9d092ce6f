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

use oo_runtime::{Context, web};
use oo_subjects::{COMPLETE, FETCH, HOOK, LINK_CALLBACK, LINK_END, LINK_LIST, LINK_START};
use shared::Shared;
use std::sync::Arc;

/// Questions answered at once, of each kind.
const AT_ONCE: usize = 64;

/// Runs the service until it is told to stop.
pub async fn serve(ctx: Context) -> anyhow::Result<()> {
    let shared = Shared::new(&ctx)?;
    web::serve_health(&ctx).await?;
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

    ctx.spawn("sync", sync::run(shared.clone()));
    ctx.spawn("unlink", unlink::run(shared));
    ctx.shutdown.cancelled().await;
    Ok(())
}
