//! Simulated sign-ins: one server that plays the issuers of all providers, and the APIs that take
//! their tokens.
//!
//! Two wishes pull against each other: it must refuse whatever a real issuer refuses (another
//! client, redirect, verifier or encoding, a code or refresh token used twice), so that a wrong
//! sign-in cannot pass; and a test must be able to order everything that can go wrong. Replies name the
//! real origins, as the providers' own do; [`Issuer::origins`] says who plays them.

mod authorize;
mod aws;
mod books;
mod browser;
mod claude;
mod code_assist;
mod codex;
mod config;
mod copilot;
mod device;
mod github;
mod google;
mod house;
mod iflow;
mod jwt;
mod kimi;
mod kiro;
mod mishap;
mod office;
mod oidc;
mod openrouter;
mod page;
mod qwen;
mod read;
mod realm;
mod siwc;
mod tokens;
mod user;

use std::{collections::BTreeMap, sync::Arc};

use http::Method;

pub(crate) use self::house::House;
#[cfg(test)]
pub(crate) use self::office::challenge;
use self::{books::Books, house::HOUSES, jwt::Signer, office::Office};
pub use self::{
    browser::{Browser, Visit},
    mishap::{Bend, Mishap, Poll},
    realm::{Realm, Rotation},
    user::User,
};
use crate::{
    Seen,
    server::{Desk, Port},
};

/// Where the plain OpenID provider stands, in place of whatever a user would enter.
pub(crate) const OIDC: &str = "https://sign-in.example.org";

/// All simulated issuers. Dropping it closes their ports.
#[derive(Debug)]
pub struct Issuer {
    office: Arc<Office>,
    /// Every listener with the real origins it plays.
    ports: Vec<(&'static [&'static str], Port)>,
}

impl Issuer {
    /// The client id under which byokey is known at GitHub here.
    pub const GITHUB_CLIENT: &str = github::CLIENT;

    /// The secret of both Google clients here.
    pub const GOOGLE_SECRET: &str = google::SECRET;

    /// The secret of iFlow's client here.
    pub const IFLOW_SECRET: &str = iflow::SECRET;

    /// The plain OpenID provider's origin; see [`Issuer::url`] for where it listens.
    pub const OIDC: &str = OIDC;

    /// The public client at the plain OpenID provider.
    pub const OIDC_CLIENT: &str = oidc::CLIENT;

    /// Starts all issuers, each on a free loopback port. Replies name the real origins.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    pub async fn start() -> Self {
        Self::open(false).await
    }

    /// As [`Issuer::start`], with replies that name the origins that play, so that a person can
    /// click on them.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    pub async fn start_with_own_names() -> Self {
        Self::open(true).await
    }

    async fn open(own_names: bool) -> Self {
        let mut bound = Vec::new();
        let mut local = BTreeMap::new();
        for (_, origins) in HOUSES {
            let socket = Port::bind(0).await;
            for origin in *origins {
                local.insert((*origin).to_owned(), format!("http://{}", socket.1));
            }
            bound.push(socket);
        }
        let people = ["ada", "grace", "edsger"].map(User::new).to_vec();
        let office = Arc::new(Office {
            books: parking_lot::Mutex::new(Books {
                people,
                ..Books::default()
            }),
            signer: Signer::new(),
            local,
            own_names,
        });
        let ports = HOUSES.iter().zip(bound).map(|((place, origins), socket)| {
            let house = House::new(*place, format!("http://{}", socket.1), Arc::clone(&office));
            (*origins, Port::open(socket, Desk::House(house)))
        });
        let ports = ports.collect();
        Self { office, ports }
    }

    /// The address that plays this real one, path and query included.
    #[must_use]
    pub fn url(&self, real: &str) -> String {
        self.office.resolve(real)
    }

    /// Every real origin and the one that plays it.
    #[must_use]
    pub fn origins(&self) -> &BTreeMap<String, String> {
        &self.office.local
    }

    /// A browser in the hands of this person.
    #[must_use]
    pub fn browser(&self, user: User) -> Browser {
        Browser::new(Arc::clone(&self.office), user)
    }

    /// Every request to this real address so far, whatever its query.
    #[must_use]
    pub fn requests(&self, real: &str) -> Vec<Seen> {
        let (origin, path) = split(real);
        let port = self
            .ports
            .iter()
            .find(|(origins, _)| origins.contains(&origin));
        let mut seen = port.map(|(_, port)| port.requests()).unwrap_or_default();
        seen.retain(|seen| read::path(seen) == path);
        seen
    }

    /// How many POSTs came to this real address.
    #[must_use]
    pub fn posts(&self, real: &str) -> usize {
        let requests = self.requests(real);
        let posts = requests.iter().filter(|seen| seen.method == Method::POST);
        posts.count()
    }

    /// Every request to any issuer or API, by listener.
    #[must_use]
    pub fn everything(&self) -> Vec<Seen> {
        let seen = self.ports.iter().flat_map(|(_, port)| port.requests());
        seen.collect()
    }

    /// Waits until this real address has got so many requests.
    ///
    /// # Panics
    /// When they do not come within 20 seconds, or nobody plays the address.
    pub async fn wait_for(&self, real: &str, requests: usize) {
        let (origin, _) = split(real);
        let found = self
            .ports
            .iter()
            .find(|(origins, _)| origins.contains(&origin));
        assert!(found.is_some(), "nobody plays {real}");
        if let Some((_, port)) = found {
            port.wait_until(|| self.requests(real).len() >= requests)
                .await;
        }
    }

    /// Orders a mishap for the next request to this real address; several orders are served in turn.
    pub fn mishap(&self, real: &str, mishap: Mishap) {
        let order = (self.url(real), mishap);
        self.office.books.lock().mishaps.push(order);
    }

    /// Bends what this sign-in yields from now on.
    pub fn bend(&self, realm: Realm, bend: Bend) {
        let mut books = self.office.books.lock();
        books.bends.entry(realm).or_default().push(bend);
    }

    /// Takes every bend of this sign-in back.
    pub fn straighten(&self, realm: Realm) {
        self.office.books.lock().bends.remove(&realm);
    }

    /// What the next polls of this device login are answered, before the person's answer counts.
    pub fn polls(&self, realm: Realm, answers: impl IntoIterator<Item = Poll>) {
        let mut books = self.office.books.lock();
        books.polls.entry(realm).or_default().extend(answers);
    }

    /// Seconds between polls of device codes given out from now on; a poll that comes sooner is
    /// told to slow down.
    pub fn interval(&self, seconds: u64) {
        self.office.books.lock().interval = Some(seconds);
    }

    /// How many polls came sooner than their interval.
    #[must_use]
    pub fn hasty(&self) -> usize {
        self.office.books.lock().hasty
    }

    /// Seconds for which access tokens of this sign-in last from now on.
    pub fn lifetime(&self, realm: Realm, seconds: i64) {
        self.office.books.lock().lifetimes.insert(realm, seconds);
    }

    /// What becomes of this sign-in's refresh tokens when they are used.
    pub fn rotation(&self, realm: Realm, rotation: Rotation) {
        self.office.books.lock().rotations.insert(realm, rotation);
    }

    /// Seconds by which the issuers' clock is ahead of the true one, in everything they say.
    pub fn skew(&self, seconds: i64) {
        self.office.books.lock().skew = seconds;
    }

    /// No access token that this sign-in has given out so far is good any more. Refresh tokens are.
    pub fn expire(&self, realm: Realm) {
        let mut books = self.office.books.lock();
        let Books {
            access, families, ..
        } = &mut *books;
        access.retain(|_, token| families[token.family].realm != realm);
    }

    /// Ends every sign-in of this person, as if it had been taken back on the provider's page.
    pub fn end(&self, realm: Realm, user: &User) {
        let mut books = self.office.books.lock();
        for at in 0..books.families.len() {
            if books.families[at].realm == realm && books.families[at].user == *user {
                books.end(at);
            }
        }
    }

    /// How many sign-ins of this kind are good.
    #[must_use]
    pub fn alive(&self, realm: Realm) -> usize {
        let books = self.office.books.lock();
        let good = |family: &&books::Family| family.realm == realm && family.alive;
        books.families.iter().filter(good).count()
    }

    /// Signs a person in without any flow, as another program would have: the access token and the
    /// refresh token, empty where there is none.
    #[must_use]
    pub fn signed_in(&self, realm: Realm, user: &User, client: &str) -> (String, String) {
        let grant = self.office.grant(realm, user.clone(), client, "");
        (grant.access, grant.refresh.unwrap_or_default())
    }

    /// Lets the APIs take this key, too.
    pub fn know(&self, key: &str) {
        self.office.books.lock().keys.insert(key.to_owned());
    }

    /// Whether GitHub knows byokey's app as one that may exchange its token for Copilot's.
    pub fn copilot_exchange(&self, known: bool) {
        self.office.books.lock().no_exchange = !known;
    }

    /// Has Code Assist refuse this person with a reason code.
    pub fn ineligible(&self, user: &User, reason: &'static str) {
        let mut books = self.office.books.lock();
        books.reasons.insert(user.subject.clone(), reason);
    }

    /// Everything secret that was made or heard here: tokens, codes, device codes, verifiers, client
    /// secrets.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.office.books.lock().secrets.clone()
    }
}

/// Origin and path of an address.
fn split(url: &str) -> (&str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    let (origin, rest) = url.split_at(end);
    (origin, rest.split('?').next().unwrap_or_default())
}
