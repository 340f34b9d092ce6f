//! OAuth with the `oauth2` crate: where to send the browser, a code for tokens, a refresh token for new ones.

use crate::connector::App;
use crate::http::{CallError, Http, is_json};
use crate::vault::Grant;
use oauth2::basic::{
    BasicErrorResponse, BasicErrorResponseType, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenResponse,
};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardRevocableToken, TokenResponse as _, TokenUrl,
};
use oo_contracts::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::pin::Pin;
use std::time::Duration;
use url::Url;

/// Asked for as a scope, answered with a refresh token, and never among the granted scopes.
const OFFLINE: &str = "offline_access";
const GRAPH_SCOPE: &str = "https://graph.microsoft.com/";

/// Why there are no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OauthError {
    /// The code or the grant is dead; only the person can mend it.
    #[error("the provider no longer grants it ({0})")]
    Terminal(String),
    /// Our own registration is wrong: the operator must mend it, no person can.
    #[error("the provider does not accept oO's registration ({0}): set the client id and secret right")]
    Config(String),
    /// It may work later.
    #[error("the provider's token endpoint is away: {cause}")]
    Transient { cause: String, after: Option<Duration> },
}

/// Tokens as the provider gave them.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: SecretString,
    /// A refresh may leave it out: then the old one stays.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) life: Option<Duration>,
    /// `None` where the provider does not say: then it is what was asked for.
    pub(crate) scopes: Option<Vec<String>>,
}

impl Tokens {
    /// Which of the wanted scopes were not granted.
    pub(crate) fn missing(&self, app: &App) -> Vec<&'static str> {
        let Some(granted) = &self.scopes else { return Vec::new() };
        let is_it = |one: &String, wanted: &str| {
            // Microsoft may write its scopes with the name of the API before them.
            let short = one.strip_prefix(GRAPH_SCOPE).unwrap_or(one);
            one == wanted || short.eq_ignore_ascii_case(wanted)
        };
        let wanted = app.scopes.iter().copied().filter(|wanted| *wanted != OFFLINE);
        wanted.filter(|wanted| !granted.iter().any(|one| is_it(one, wanted))).collect()
    }

    /// Whether the grant would end within the hour although a lasting one was asked for.
    pub(crate) fn is_brief(&self, app: &App) -> bool {
        app.scopes.contains(&OFFLINE) && self.refresh.is_none()
    }

    /// What the vault keeps of them. `before` is the refresh token to go on with where none came.
    pub(crate) fn into_grant(self, app: &App, owner: String, before: Option<SecretString>, wall: Timestamp) -> Grant {
        let life = self.life.or(app.life_unsaid);
        Grant {
            access: self.access,
            refresh: self.refresh.or(before),
            expires: life.and_then(|life| wall.checked_add(life).ok()),
            life_seconds: life.map_or(0, |life| life.as_secs()),
            renewed: Some(wall),
            owner,
        }
    }
}

/// Where the browser goes, and the PKCE verifier that stays here.
pub(crate) fn authorize(app: &App, state: &str) -> (Url, SecretString) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let client = client(app);
    let state = state.to_owned();
    let mut request = client.authorize_url(|| CsrfToken::new(state)).set_pkce_challenge(challenge);
    // One scope to the crate, which would put spaces between several.
    request = request.add_scope(Scope::new(app.scopes.join(app.separator)));
    for (name, value) in app.extra {
        request = request.add_extra_param(*name, *value);
    }
    (request.url().0, verifier.into_secret().into())
}

/// Exchanges a code, once.
pub(crate) async fn exchange(
    http: &Http,
    app: &App,
    code: &str,
    verifier: &SecretString,
) -> Result<Tokens, OauthError> {
    let call = caller(http);
    let client = client(app);
    let answer = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
        .request_async(&call)
        .await;
    read(answer)
}

/// Exchanges a refresh token.
pub(crate) async fn refresh(http: &Http, app: &App, token: &SecretString) -> Result<Tokens, OauthError> {
    let call = caller(http);
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let client = client(app);
    let mut request = client.exchange_refresh_token(&token);
    if app.scopes.contains(&OFFLINE) {
        // Microsoft's documentation wants them again here; to the others the grant's own are meant.
        request = request.add_scope(Scope::new(app.scopes.join(app.separator)));
    }
    let answer = request.request_async(&call).await;
    read(answer)
}

type Registered = Client<
    BasicErrorResponse,
    BasicTokenResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

fn client(app: &App) -> Registered {
    Client::new(ClientId::new(app.client_id.clone()))
        .set_client_secret(ClientSecret::new(app.client_secret.expose_secret().to_owned()))
        .set_auth_uri(AuthUrl::from_url(app.authorize_url.clone()))
        .set_token_uri(TokenUrl::from_url(app.token_url.clone()))
        .set_redirect_uri(RedirectUrl::from_url(app.redirect.clone()))
        // All of ours take the client in the body; the crate's default is HTTP Basic.
        .set_auth_type(AuthType::RequestBody)
}

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send>>;

/// The crate's way out is ours: guarded, limited, counted.
fn caller(http: &Http) -> impl Fn(HttpRequest) -> Sent + Send + Sync + use<> {
    let http = http.clone();
    move |request| {
        let http = http.clone();
        Box::pin(async move { send(&http, request).await })
    }
}

async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, CallError> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|_| CallError::Forbade("no address".into()))?;
    let answer = http.send(http.request(parts.method, &url)?.headers(parts.headers).body(body)).await?;
    let mut status = answer.status;
    if matches!(status.as_u16(), 408 | 429 | 500..600) {
        let after = http.retry_after(&answer);
        return Err(CallError::Away { cause: format!("it answers {}", status.as_u16()), after });
    }
    if !is_json(&answer.headers) {
        return Err(CallError::Garbled);
    }
    // Some providers say 200 and mean an error.
    let is_error = |value: Value| value.get("error").is_some() && value.get("access_token").is_none();
    if status.is_success() && serde_json::from_slice(&answer.body).is_ok_and(is_error) {
        status = reqwest::StatusCode::BAD_REQUEST;
    }
    let mut response = HttpResponse::new(answer.body);
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn read(
    answer: Result<BasicTokenResponse, RequestTokenError<CallError, BasicErrorResponse>>,
) -> Result<Tokens, OauthError> {
    let answer = answer.map_err(sort)?;
    let scopes = answer.scopes().map(|scopes| {
        scopes
            .iter()
            .flat_map(|scope| scope.split([',', ' ']))
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect()
    });
    Ok(Tokens {
        access: answer.access_token().secret().clone().into(),
        refresh: answer.refresh_token().map(|token| token.secret().clone().into()),
        life: answer.expires_in(),
        scopes,
    })
}

fn sort(error: RequestTokenError<CallError, BasicErrorResponse>) -> OauthError {
    let transient = |cause: &str, after| OauthError::Transient { cause: cause.into(), after };
    match error {
        // Of an error only its code is kept: its description is the provider's prose.
        RequestTokenError::ServerResponse(said) => match said.error() {
            BasicErrorResponseType::InvalidClient => OauthError::Config("invalid_client".into()),
            BasicErrorResponseType::Extension(code) => match code.as_str() {
                "incorrect_application_credentials" | "invalid_application_status" | "redirect_uri_mismatch" => {
                    OauthError::Config(code.clone())
                }
                "temporarily_unavailable" | "server_error" | "slow_down" => transient(code, None),
                code => OauthError::Terminal(brief(code)),
            },
            known => OauthError::Terminal(known.as_ref().into()),
        },
        RequestTokenError::Request(error) => {
            let after = error.after();
            transient(&error.to_string(), after)
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => transient("its answer cannot be read", None),
    }
}

/// A code of the provider, short and plain enough for a log.
fn brief(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "_.-".contains(*c)).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(body: &str) -> OauthError {
        let said: BasicErrorResponse = serde_json::from_str(body).unwrap();
        sort(RequestTokenError::ServerResponse(said))
    }

    #[test]
    fn failures_are_the_persons_the_operators_or_the_weathers() {
        for terminal in ["invalid_grant", "bad_authorization_code", "interaction_required", "unauthorized_client"] {
            let error = sorted(&format!(r#"{{"error":"{terminal}"}}"#));
            assert_eq!(error, OauthError::Terminal(terminal.into()));
        }
        for config in ["invalid_client", "incorrect_application_credentials"] {
            let error = sorted(&format!(r#"{{"error":"{config}"}}"#));
            assert_eq!(error, OauthError::Config(config.into()));
        }
        assert!(matches!(sorted(r#"{"error":"temporarily_unavailable"}"#), OauthError::Transient { .. }));
        let lost = sort(RequestTokenError::Request(CallError::Garbled));
        assert!(matches!(lost, OauthError::Transient { .. }));
    }

    #[test]
    fn the_providers_prose_does_not_reach_a_message() {
        let error = sorted(r#"{"error":"odd <b>code</b>","error_description":"<img onerror=x>"}"#);
        assert_eq!(error, OauthError::Terminal("oddbcodeb".into()));
    }
}
