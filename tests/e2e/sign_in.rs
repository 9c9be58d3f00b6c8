//! Signing in to every provider, without an account: the real program, simulated issuers, and a
//! person at a browser. The credential that comes of it must serve a request.

mod board;
mod ends;
mod hostile;
mod imports;
mod renewal;
mod secrets;
mod states;
mod survival;
mod terminal;
mod ways;

use byokey_sim::{Browser, Issuer, Seen, User, Visit};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::rig::{House, Server, manage::Manage};

/// Codex and iFlow come back to ports of their own, of which a machine has one each.
static FIXED_PORTS: Mutex<()> = Mutex::const_new(());

pub(crate) async fn fixed_ports() -> MutexGuard<'static, ()> {
    FIXED_PORTS.lock().await
}

/// A running engine whose sign-ins lead to simulated issuers.
pub(crate) struct Scene {
    pub(crate) issuer: Issuer,
    pub(crate) house: House,
    pub(crate) server: Server,
    key: String,
}

impl Scene {
    /// With these providers of the catalogue.
    pub(crate) async fn of(providers: &[&str]) -> Self {
        Self::with(providers, "").await
    }

    /// With these providers; `more` stands at each of them.
    pub(crate) async fn with(providers: &[&str], more: &str) -> Self {
        Self::open(providers, more, "info").await
    }

    /// With a log of everything.
    pub(crate) async fn loud(providers: &[&str]) -> Self {
        Self::open(providers, "", "trace").await
    }

    async fn open(providers: &[&str], more: &str, log: &str) -> Self {
        let issuer = Issuer::start().await;
        // Short, so that no test waits longer than it must.
        issuer.interval(1);
        let mut config = "port: 0\nproviders:\n".to_owned();
        for provider in providers {
            config += &issuer.provider_yaml(provider);
            config += more;
        }
        let house = House::configured(&config).env("BYOKEY_LOG", log);
        let key = house.client_key("programs").await;
        let server = house.serve().await;
        Self {
            issuer,
            house,
            server,
            key,
        }
    }

    /// The engine ends without warning, and another one starts on the same folder.
    pub(crate) async fn killed(self) -> Self {
        let Self {
            issuer,
            house,
            server,
            key,
        } = self;
        server.kill().await;
        let server = house.serve().await;
        Self {
            issuer,
            house,
            server,
            key,
        }
    }

    pub(crate) fn browser(&self, subject: &str) -> Browser {
        self.issuer.browser(User::new(subject))
    }

    fn api(&self) -> Manage<'_> {
        self.house.manage(&self.server)
    }

    /// Asks the management API; the status and what it says.
    pub(crate) async fn manage(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.api().ask(method, path, body).await
    }

    /// Starts a sign-in by this route, its notice accepted.
    pub(crate) async fn start(&self, provider: &str, route: &str, more: Value) -> String {
        self.api().start(provider, route, more).await
    }

    /// Waits until a sign-in is at one of these steps.
    pub(crate) async fn step(&self, id: &str, wanted: &[&str]) -> Value {
        self.api().step(id, wanted).await
    }

    /// The page that the browser opens.
    pub(crate) async fn page(&self, id: &str) -> String {
        let step = self.step(id, &["browser"]).await;
        step["url"].as_str().unwrap().to_owned()
    }

    /// Signs in by a browser's page; what the person read at the end.
    pub(crate) async fn by_browser(&self, provider: &str, route: &str, subject: &str) -> Visit {
        let id = self.start(provider, route, Value::Null).await;
        let page = self.page(&id).await;
        let end = self.browser(subject).consents(&page).await;
        self.step(&id, &["done"]).await;
        end
    }

    /// Signs in by a code that the person types.
    pub(crate) async fn by_code(&self, provider: &str, route: &str, subject: &str, more: Value) {
        let id = self.start(provider, route, more).await;
        let step = self.step(&id, &["code"]).await;
        let code = step["code"].as_str().unwrap();
        assert!(self.browser(subject).types(code), "{step}");
        self.step(&id, &["done"]).await;
    }

    /// Every account of a provider.
    pub(crate) async fn accounts(&self, provider: &str) -> Vec<Value> {
        let (status, found) = self.manage("GET", "/manage/accounts", Value::Null).await;
        assert_eq!(status, 200, "{found}");
        let all = found["accounts"].as_array().unwrap().iter();
        let mine = all.filter(|account| account["provider"] == provider);
        mine.cloned().collect()
    }

    /// The only account of a provider.
    pub(crate) async fn account(&self, provider: &str) -> Value {
        let mut accounts = self.accounts(provider).await;
        assert_eq!(accounts.len(), 1, "{accounts:?}");
        accounts.remove(0)
    }

    /// Says something to a model in OpenAI's chat; the status and the reply.
    pub(crate) async fn say(&self, model: &str) -> (u16, Value) {
        let path = "/v1/chat/completions";
        self.server.say(path, &self.key, model, "hello").await
    }

    /// Says something to a model; it must answer.
    pub(crate) async fn answers(&self, model: &str) {
        let (status, reply) = self.say(model).await;
        assert_eq!(status, 200, "{reply}");
        let said = &reply["choices"][0]["message"]["content"];
        assert_eq!(said, "You said: hello", "{reply}");
    }

    /// The only request that came to this real address.
    pub(crate) fn only(&self, real: &str) -> Seen {
        let mut seen = self.issuer.requests(real);
        assert_eq!(seen.len(), 1, "{real}: {seen:?}");
        seen.remove(0)
    }
}
