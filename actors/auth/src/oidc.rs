//! OpenID Connect with the `openidconnect` crate: out to the issuer with state, nonce and PKCE challenge, back with a code,
//! and an ID token that says who somebody is.

use crate::apple;
use crate::settings::{ClientSecret, Registration};
use anyhow::Context as _;
use oo_contracts::session::Issuer;
use oo_runtime::outbound::{Outbound, Reach};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGrantType, CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// How long an issuer's description and keys are believed.
const BELIEVED_FOR: Duration = Duration::from_secs(3600);
/// A key that is not known may be a new one; but not more often than this.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// No answer of an issuer is larger.
const MAX_ANSWER: usize = 1024 * 1024;

/// Signatures that only the issuer can have made: never `none`, and no shared secret.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 6] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What we read of an issuer's description beyond what the crate knows.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct More {
    /// Its answers name it (RFC 9207).
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

type Description = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// Why nobody is vouched for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// The issuer said no, or what it said does not hold.
    #[error("the issuer's answer is not believed: {0}")]
    Refused(String),
    /// It may work later.
    #[error("the issuer is away: {0}")]
    Away(String),
}

/// What stays here while the browser is at the issuer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) iss: String,
    pub(crate) sub: String,
}

/// One issuer.
pub(crate) struct Oidc {
    pub(crate) registration: Registration,
    http: Outbound,
    known: Mutex<Option<(Instant, Arc<Description>)>>,
}

impl Oidc {
    /// With calls out that the operator's settings lead to: an issuer may well live in the same house.
    pub(crate) fn new(registration: Registration) -> anyhow::Result<Self> {
        Ok(Self { registration, http: Outbound::new(Reach::Operator)?, known: Mutex::default() })
    }

    /// Whether the answer comes as a POST from the issuer's page: Apple insists where a name is asked for.
    pub(crate) fn posts_back(&self) -> bool {
        self.registration.issuer == Issuer::Apple
    }

    /// Where the browser goes, and what stays here.
    pub(crate) async fn authorize(&self, state: &str) -> Result<(Url, Waiting), OidcError> {
        let client = self.client(&*self.description(None).await?)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = state.to_owned();
        // `openid` and nothing more, but where a name can be had: the subject is all that we need to know of anybody.
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), Nonce::new_random)
            .set_pkce_challenge(challenge);
        if self.posts_back() {
            // A name is given once, to who asks for it, and by a posted form only.
            request = request.add_scope(Scope::new("name".into())).add_extra_param("response_mode", "form_post");
        }
        let (url, _, nonce) = request.url();
        Ok((url, Waiting { nonce: nonce.secret().clone(), verifier: verifier.into_secret() }))
    }

    /// Whether an answer that names this issuer, or none, is this one's.
    pub(crate) async fn is_named(&self, iss: Option<&str>) -> Result<bool, OidcError> {
        let description = self.description(None).await?;
        Ok(match iss {
            Some(iss) => iss == description.issuer().as_str(),
            None => !description.additional_metadata().authorization_response_iss_parameter_supported,
        })
    }

    /// Exchanges the code, once, and reads who it is from the ID token.
    pub(crate) async fn identify(&self, code: &str, waiting: &Waiting) -> Result<Identity, OidcError> {
        let description = self.description(None).await?;
        let client = self.client(&description)?;
        let call = caller(&self.http);
        let answer = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| OidcError::Refused(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(waiting.verifier.clone()))
            .request_async(&call)
            .await
            .map_err(|error| match error {
                // Of an error only its code is kept: its description is the issuer's prose.
                RequestTokenError::ServerResponse(said) => OidcError::Refused(brief(said.error().as_ref())),
                RequestTokenError::Request(error) => OidcError::Away(error.to_string()),
                RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                    OidcError::Refused("its answer cannot be read".into())
                }
            })?;
        let token = answer.id_token().ok_or_else(|| OidcError::Refused("it gave no ID token".into()))?;
        let nonce = Nonce::new(waiting.nonce.clone());
        let subject = match self.subject(&client, token, &nonce) {
            // Keys rotate: one that is not known may be new.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let renewed = self.client(&*self.description(Some(&description)).await?)?;
                self.subject(&renewed, token, &nonce)
            }
            other => other,
        };
        let sub = subject.map_err(|error| OidcError::Refused(error.to_string()))?;
        Ok(Identity { iss: description.issuer().as_str().to_owned(), sub })
    }

    /// Whom a token is about, if it holds. Beyond what the crate checks, it must have been made for us, where it says for whom
    /// (`azp`, OpenID Connect Core 3.1.3.7).
    fn subject(&self, client: &Client, token: &CoreIdToken, nonce: &Nonce) -> Result<String, ClaimsVerificationError> {
        let claims = token.claims(&verifier(client), nonce)?;
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.registration.client_id) {
            return Err(ClaimsVerificationError::InvalidAudience("it was made for another client".into()));
        }
        Ok(claims.subject().as_str().to_owned())
    }

    /// The issuer's description with its keys; asked for anew when it is old, or when `outdated` missed something.
    async fn description(&self, outdated: Option<&Arc<Description>>) -> Result<Arc<Description>, OidcError> {
        let mut known = self.known.lock().await;
        if let Some((at, description)) = &*known {
            let is_outdated = outdated.is_some_and(|outdated| Arc::ptr_eq(outdated, description));
            let life = if is_outdated { ASK_AGAIN } else { BELIEVED_FOR };
            if at.elapsed() < life {
                return Ok(description.clone());
            }
        }
        let issuer = IssuerUrl::new(self.registration.address.clone())
            .map_err(|_| OidcError::Refused("its address is none".into()))?;
        let call = caller(&self.http);
        match Description::discover_async(issuer, &call).await {
            Ok(description) => {
                let description = Arc::new(description);
                *known = Some((Instant::now(), description.clone()));
                Ok(description)
            }
            Err(error) => {
                tracing::warn!(issuer = self.registration.issuer.slug(), %error, "an issuer's description is not to be had");
                Err(OidcError::Away("it does not describe itself as it should".into()))
            }
        }
    }

    fn client(&self, description: &Description) -> Result<Client, OidcError> {
        let registration = &self.registration;
        let secret = match &registration.secret {
            ClientSecret::None => None,
            ClientSecret::Kept(secret) => Some(secret.clone()),
            ClientSecret::Minted { team, key, pem } => {
                let minted = apple::client_secret(&registration.client_id, &registration.address, team, key, pem);
                Some(minted.map_err(|error| OidcError::Refused(format!("{error:#}")))?)
            }
        };
        let secret = secret.map(|secret: SecretString| openidconnect::ClientSecret::new(secret.expose_secret().into()));
        let client = CoreClient::from_provider_metadata(
            description.clone(),
            ClientId::new(registration.client_id.clone()),
            secret,
        )
        .set_redirect_uri(RedirectUrl::from_url(registration.redirect.clone()));
        let takes = description.token_endpoint_auth_methods_supported();
        let basic = takes.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(client.set_auth_type(auth))
    }
}

fn verifier(client: &Client) -> CoreIdTokenVerifier<'_> {
    client.id_token_verifier().set_allowed_algs(ALGORITHMS)
}

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send>>;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
struct CallError(anyhow::Error);

/// The crate's way out is ours: guarded and limited.
fn caller(http: &Outbound) -> impl Fn(HttpRequest) -> Sent + Send + Sync + use<> {
    let http = http.clone();
    move |request| {
        let http = http.clone();
        Box::pin(async move { send(&http, request).await.map_err(CallError) })
    }
}

async fn send(http: &Outbound, request: HttpRequest) -> anyhow::Result<HttpResponse> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string())?;
    let mut answer = http.request(parts.method, &url)?.headers(parts.headers).body(body).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut whole = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(whole.len() + chunk.len() <= MAX_ANSWER, "its answer is too large");
        whole.extend_from_slice(&chunk);
    }
    anyhow::ensure!(!status.is_server_error() && status.as_u16() != 429, "it answers {status}");
    let mut response = HttpResponse::new(whole);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A code of the issuer, short and plain enough for a log.
fn brief(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c)).take(64).collect()
}

/// Makes an issuer of each registration.
pub(crate) fn issuers(registrations: Vec<Registration>) -> anyhow::Result<Vec<Arc<Oidc>>> {
    let made = registrations.into_iter().map(|registration| {
        let name = registration.issuer.slug();
        Oidc::new(registration).map(Arc::new).with_context(|| format!("issuer {name}"))
    });
    made.collect()
}
