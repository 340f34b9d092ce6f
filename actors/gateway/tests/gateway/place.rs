//! A gateway with all services behind it, and a browser before it.

use oo_contracts::http::Problem;
use oo_contracts::wire::OwnerLink;
use oo_runtime::random;
use oo_sandbox::Sandbox;
use oo_subjects::SIGN_IN_OWNER;
use oo_testkit::{House, Running, eventually, http};
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// The page's own address, as far as the gateway is told: requests come by another, as behind a proxy.
pub(crate) const ORIGIN_HTTPS: &str = "https://oo.example.org";

pub(crate) struct Place {
    pub(crate) house: House,
    pub(crate) gateway: Running,
    pub(crate) origin: String,
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
    client: reqwest::Client,
    services: Vec<Running>,
}

impl Place {
    /// Everything, on plain http.
    pub(crate) async fn new() -> Self {
        Self::at(None).await
    }

    /// Everything, with more settings.
    pub(crate) async fn with(more: impl IntoIterator<Item = (&str, &str)>) -> Self {
        Self::start(None, more).await
    }

    /// Everything, where the page's public address is `origin`.
    pub(crate) async fn at(origin: Option<&str>) -> Self {
        Self::start(origin, []).await
    }

    /// The same, with more settings.
    pub(crate) async fn at_with(origin: &str, more: impl IntoIterator<Item = (&str, &str)>) -> Self {
        Self::start(Some(origin), more).await
    }

    async fn start(origin: Option<&str>, more: impl IntoIterator<Item = (&str, &str)>) -> Self {
        let mut house = House::start().await;
        let sandbox = oo_sandbox::start(oo_sandbox::Options { sample: false, ..Default::default() }).await.unwrap();
        let address = format!("127.0.0.1:{}", oo_runtime::engines::free_port().unwrap());
        let here = format!("http://{}", address.replace("127.0.0.1", "localhost"));
        let origin = origin.map_or(here, ToOwned::to_owned);
        let vapid = house.dir().join("vapid.pem");
        std::fs::write(&vapid, oo_notifier::new_vapid_key().unwrap()).unwrap();
        let token = random::token();
        let defaults = oo_sandbox::Options::default();
        let todoist = |path: &str| sandbox.url().join("todoist/").unwrap().join(path).unwrap().to_string();
        let microsoft = |path: &str| sandbox.url().join("microsoft/").unwrap().join(path).unwrap().to_string();
        house.set([
            ("OO_GATEWAY__PUBLIC_URL", origin.clone()),
            ("OO_AUTH__PUBLIC_URL", origin.clone()),
            ("OO_AUTH__OWNER_LINK", oo_auth::hash(&token)),
            ("OO_RECOMMENDER__POLICY", "random-todo".into()),
            ("OO_NOTIFIER__VAPID_FILE", vapid.display().to_string()),
            ("OO_NOTIFIER__VAPID_SUBJECT", "mailto:ada@lovelace.org".into()),
            ("OO_NOTIFIER__LOOPBACK", "true".into()),
            ("OO_INTEGRATIONS__PUBLIC_URL", origin.clone()),
            ("OO_INTEGRATIONS__LOOPBACK", "true".into()),
            ("OO_INTEGRATIONS__SANDBOX", "true".into()),
            ("OO_INTEGRATIONS__TODOIST_CLIENT_ID", defaults.todoist_client.id),
            ("OO_INTEGRATIONS__TODOIST_CLIENT_SECRET", defaults.todoist_client.secret),
            ("OO_INTEGRATIONS__TODOIST_AUTHORIZE_URL", todoist("oauth/authorize")),
            ("OO_INTEGRATIONS__TODOIST_TOKEN_URL", todoist("oauth/access_token")),
            ("OO_INTEGRATIONS__TODOIST_API_URL", todoist("api/v1/")),
            ("OO_INTEGRATIONS__TODOIST_REVOKE_URL", todoist("api/v1/revoke")),
            ("OO_INTEGRATIONS__MICROSOFT_CLIENT_ID", defaults.microsoft_client.id),
            ("OO_INTEGRATIONS__MICROSOFT_CLIENT_SECRET", defaults.microsoft_client.secret),
            ("OO_INTEGRATIONS__MICROSOFT_AUTHORIZE_URL", microsoft("common/oauth2/v2.0/authorize")),
            ("OO_INTEGRATIONS__MICROSOFT_TOKEN_URL", microsoft("common/oauth2/v2.0/token")),
            ("OO_INTEGRATIONS__MICROSOFT_API_URL", microsoft("v1.0/")),
        ]);
        house.set(more);
        let services = vec![
            house.serve("events", oo_events::serve).await,
            house.serve("auth", oo_auth::serve).await,
            house.serve("profile", oo_profile::serve).await,
            house.serve("recommender", oo_recommender::serve).await,
            house.serve("integrations", oo_integrations::serve).await,
            house.serve("notifier", oo_notifier::serve).await,
        ];
        let gateway = house.serve_with("gateway", [("OO_HTTP__BIND", address.as_str())], oo_gateway::serve).await;
        let place = Self { house, gateway, origin, sandbox, token, client: http(), services };
        place.ready().await;
        place
    }

    /// Waits until every service says that it is ready.
    pub(crate) async fn ready(&self) {
        for service in self.services.iter().chain([&self.gateway]) {
            let health = service.url("/health");
            eventually("a service is ready", || async {
                self.client.get(&health).send().await.ok()?.status().is_success().then_some(())
            })
            .await;
        }
    }

    /// A request as anybody may send it.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.gateway.url(path))
    }

    /// A request as the page's script sends it.
    pub(crate) fn page(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header(ORIGIN, &self.origin).header("x-oo", "1").header("sec-fetch-site", "same-origin")
    }

    /// The same, of somebody who is signed in.
    pub(crate) fn signed_in(&self, session: &str, method: Method, path: &str) -> RequestBuilder {
        self.page(method, path).header(COOKIE, session)
    }

    /// Signs in by the owner's link and gives the cookie as a browser sends it back.
    pub(crate) async fn session(&self) -> String {
        let answer = self.sign_in(&self.token).await;
        assert_eq!(answer.status(), 204);
        cookie(&answer)
    }

    /// Another session of the owner, whose link is used up: begun by `auth` itself with a link of its own.
    pub(crate) async fn sign_in(&self, token: &str) -> Response {
        let request = self.page(Method::POST, "/api/v1/session/owner").json(&json!({ "token": token }));
        request.send().await.unwrap()
    }

    /// What the page shows.
    pub(crate) async fn state(&self, session: &str) -> Value {
        let answer = self.signed_in(session, Method::GET, "/api/v1/state").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Whether the owner's one-time link is still good; using it up.
    pub(crate) async fn link_is_unused(&self) -> bool {
        let ctx = self.house.context("test").await;
        ctx.bus.ask(SIGN_IN_OWNER, &OwnerLink { token: self.token.clone(), device: None }).await.is_ok()
    }
}

/// `name=value` of the first cookie that an answer sets.
pub(crate) fn cookie(answer: &Response) -> String {
    let set = answer.headers()[SET_COOKIE].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// The problem that an answer is.
pub(crate) async fn problem(answer: Response) -> Problem {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let status = answer.status();
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!(status, problem.status);
    problem
}
