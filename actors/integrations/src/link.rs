//! Linking an account: out to the provider with a state and a PKCE challenge, back with a code, into the vault.

use crate::connector::{Connector, Way};
use crate::link_store::Begun;
use crate::oauth::{self, OauthError};
use crate::own_server;
use crate::shared::Shared;
use crate::vault::{Grant, Kept};
use oo_contracts::http::Problem;
use oo_contracts::wire::{Account, EndedLink, LinkCallback, LinkList, LinkStart, LinkStarted, Links, Offer};
use oo_contracts::{Provider, UserId};
use oo_runtime::random;
use oo_runtime::seal::Envelope;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// A begun link as it is sealed until the browser comes back.
#[derive(Serialize, Deserialize)]
struct Transaction {
    user: UserId,
    provider: Provider,
    /// Hash of the value that the browser's cookie must bring back.
    browser: String,
    /// The PKCE verifier.
    verifier: String,
}

/// Begins: where the browser goes, and what its cookie must bring back.
pub(crate) async fn start(shared: Arc<Shared>, start: LinkStart) -> Result<LinkStarted, Problem> {
    let LinkStart { user, provider, server } = start;
    let connector = offered(&shared, provider)?;
    let app = match connector.way() {
        Way::Oauth(app) => app,
        Way::OwnServer(wants) => return own_server::start(&shared, user, provider, wants, server).await,
    };
    let (state, transaction) = (secret(), secret());
    let (authorize, verifier) = oauth::authorize(app, &state);
    let begun =
        Transaction { user, provider, browser: hash(&transaction), verifier: verifier.expose_secret().to_owned() };
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(&begun).unwrap_or_default());
    let name = hash(&state);
    let sealed = Envelope::seal(&shared.ring, &belongs(&name), &plain);
    shared.links.begin(&name, &Begun { sealed }, shared.settings.link_within()).await?;
    Ok(LinkStarted { authorize: authorize.into(), transaction })
}

/// The browser is back.
pub(crate) async fn callback(shared: Arc<Shared>, back: LinkCallback) -> Result<Account, Problem> {
    let LinkCallback { user, provider, transaction, state, code, error, iss } = back;
    let connector = offered(&shared, provider)?;
    let Way::Oauth(app) = connector.way() else {
        return Err(Problem::new(404, "no way back", "this provider sends nobody back"));
    };
    let verifier = recognise(&shared, &user, provider, &transaction, &state).await?;
    // A mix-up: another provider's answer at this one's address.
    if iss.is_some_and(|iss| !app.issuer.is(&iss)) {
        return Err(Problem::new(400, "another provider answered", "begin again"));
    }
    if let Some(error) = error {
        return Err(match error.as_str() {
            "access_denied" => Problem::new(403, "not allowed", "the provider was told not to link this account"),
            _ => Problem::new(
                502,
                "the provider refused",
                "begin again; if it stays so, oO's registration there is not right",
            ),
        });
    }
    let code =
        code.filter(|code| !code.is_empty()).ok_or_else(|| Problem::new(400, "no code came back", "begin again"))?;

    let tokens = oauth::exchange(&shared.http, app, &code, &verifier).await.map_err(exchange_problem)?;
    if !tokens.missing(app).is_empty() || tokens.is_brief(app) {
        return Err(Problem::new(403, "not enough was allowed", "begin again and leave all boxes ticked"));
    }
    let owner = connector.owner(&shared.http, &tokens.access).await.map_err(|error| {
        tracing::warn!(provider = provider.slug(), %error, "whose account it is could not be asked");
        Problem::new(502, "the provider does not answer as it should", "begin again in a moment")
    })?;
    let wall = shared.ctx.clock.wall();
    let grant = tokens.into_grant(app, owner, None, wall);
    keep(&shared, &user, provider, &grant).await
}

/// Keeps a new grant, and sees to it that the account is read soon.
pub(crate) async fn keep(
    shared: &Shared,
    user: &UserId,
    provider: Provider,
    grant: &Grant,
) -> Result<Account, Problem> {
    let wall = shared.ctx.clock.wall();
    let linked = match shared.vault.keep(user, provider, grant, wall).await? {
        Kept::New(linked) => linked,
        Kept::Again(linked) => {
            shared.schedule.hint(&linked.id, wall).await?;
            linked
        }
        Kept::Nobody => return Err(Problem::new(404, "nobody by that name", "sign in again")),
        // The new grant is not revoked: at Google that would end the other person's link, too.
        Kept::Elsewhere => {
            return Err(Problem::new(
                409,
                "linked by somebody else",
                "end the link there first, or choose another account",
            ));
        }
    };
    tracing::info!(%user, account = %linked.id, provider = provider.slug(), "linked");
    shared.due.notify_one();
    shared.ctx.bus.changed(user, 0).await;
    Ok(shared.account(linked))
}

/// A person's accounts, and what can be linked.
pub(crate) async fn list(shared: Arc<Shared>, list: LinkList) -> Result<Links, Problem> {
    let accounts = shared.vault.of_user(&list.user).await?;
    let offer = |&provider: &Provider| Offer {
        provider,
        name: provider.name().to_owned(),
        sandbox: shared.settings.is_sandbox(provider),
        wants: shared.connectors.get(&provider).and_then(|connector| match connector.way() {
            Way::Oauth(_) => None,
            Way::OwnServer(wants) => Some(wants),
        }),
    };
    let ended = shared.vault.ended().await?.into_iter().filter_map(|ending| ending.left?.linked);
    let ended = ended.filter(|linked| linked.user == list.user).map(|linked| EndedLink {
        name: shared.name(linked.provider),
        id: linked.id,
        provider: linked.provider,
    });
    Ok(Links {
        ended: ended.collect(),
        accounts: accounts.into_iter().map(|linked| shared.account(linked)).collect(),
        providers: Provider::ALL
            .iter()
            .filter(|provider| shared.connectors.contains_key(provider))
            .map(offer)
            .collect(),
    })
}

/// Takes the begun link that a state names, once, and checks that it is this person's, in this browser, at this provider.
async fn recognise(
    shared: &Shared,
    user: &UserId,
    provider: Provider,
    transaction: &str,
    state: &str,
) -> Result<SecretString, Problem> {
    // One answer for everything that can be wrong with it.
    let unknown = || Problem::new(400, "this link was not begun here, or too long ago", "begin again");
    let name = hash(state);
    let begun = shared.links.take(&name).await?.ok_or_else(unknown)?;
    let plain = begun.sealed.open(&shared.ring, &belongs(&name)).map_err(|_| unknown())?;
    let begun: Transaction = serde_json::from_slice(&plain).map_err(|_| unknown())?;
    let browser = bool::from(hash(transaction).as_bytes().ct_eq(begun.browser.as_bytes()));
    if !browser || begun.user != *user || begun.provider != provider {
        tracing::warn!(%user, provider = provider.slug(), "a link came back to another browser, person or provider");
        return Err(unknown());
    }
    Ok(begun.verifier.into())
}

pub(crate) fn offered(shared: &Shared, provider: Provider) -> Result<Arc<dyn Connector>, Problem> {
    shared.connector(provider).ok_or_else(|| Problem::new(404, "no such provider", "this provider is not set up here"))
}

fn exchange_problem(error: OauthError) -> Problem {
    match error {
        OauthError::Terminal(code) => {
            tracing::info!(%code, "a code was not taken");
            Problem::new(400, "the provider does not take the code", "begin again")
        }
        OauthError::Config(code) => {
            tracing::error!(%code, "oO's registration is refused: set the client id and secret right");
            Problem::new(502, "oO's registration at the provider is not right", "tell whoever runs this oO")
        }
        OauthError::Transient { cause, .. } => {
            tracing::warn!(%cause, "a code could not be exchanged");
            Problem::new(502, "the provider does not answer as it should", "begin again in a moment")
        }
    }
}

/// 256 random bits.
fn secret() -> String {
    random::hex(&random::bytes::<32>())
}

fn hash(text: &str) -> String {
    random::hex(&Sha256::digest(text))
}

/// A begun link opens under its own name only.
pub(crate) fn belongs(name: &str) -> String {
    format!("oo/link/v1|{name}")
}
