//! What the issuers remember: codes, device codes, families of tokens, registered clients.

use std::collections::{HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use super::{Bend, Mishap, Poll, Realm, Rotation, User, read::Refusal};

/// An authorize page that waits for the person's answer.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) realm: Realm,
    pub(crate) client: String,
    pub(crate) redirect: String,
    pub(crate) scope: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) resource: Option<String>,
    /// The machine that asks for a client id of its own, where the given one stands for that.
    pub(crate) new_host: Option<String>,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) ask: Ask,
    pub(crate) user: User,
    /// The family that came of it; a second use ends that family.
    pub(crate) family: Option<usize>,
    pub(crate) used: bool,
}

/// A device code.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) realm: Realm,
    pub(crate) code: String,
    pub(crate) user_code: String,
    pub(crate) client: String,
    pub(crate) scope: String,
    pub(crate) challenge: Option<String>,
    pub(crate) fate: Fate,
    pub(crate) last_poll: Option<Instant>,
    pub(crate) interval: u64,
}

/// What the person has said to a device code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Granted(User),
    Denied,
    Expired,
    /// Tokens were given for it.
    Spent,
}

/// A sign-in and everything that was renewed from it.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) realm: Realm,
    pub(crate) user: User,
    pub(crate) client: String,
    pub(crate) scope: String,
    pub(crate) resource: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) alive: bool,
    pub(crate) refresh: Option<String>,
    pub(crate) spent: HashSet<String>,
}

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) family: usize,
    pub(crate) user: User,
    /// Unix seconds by the true clock.
    pub(crate) expires: i64,
}

/// A client that registered itself at AWS.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) secret: String,
    pub(crate) region: &'static str,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirects: Vec<String>,
    pub(crate) grants: Vec<String>,
}

/// What a sign-in or renewal yields.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) user: User,
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) id_token: Option<String>,
    pub(crate) expires_in: Option<i64>,
    pub(crate) scope: Option<String>,
    pub(crate) earliest_refresh: Option<i64>,
}

/// Everything that changes.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) asks: HashMap<String, Ask>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) devices: Vec<Device>,
    pub(crate) families: Vec<Family>,
    pub(crate) access: HashMap<String, Access>,
    pub(crate) clients: HashMap<String, Registered>,
    /// Clients that a first authorization made, and the machine of each.
    pub(crate) agents: HashMap<String, String>,
    pub(crate) people: Vec<User>,
    pub(crate) mishaps: Vec<(String, Mishap)>,
    pub(crate) bends: HashMap<Realm, Vec<Bend>>,
    pub(crate) polls: HashMap<Realm, VecDeque<Poll>>,
    pub(crate) rotations: HashMap<Realm, Rotation>,
    pub(crate) lifetimes: HashMap<Realm, i64>,
    pub(crate) keys: HashSet<String>,
    /// Everything secret that was ever made or heard here.
    pub(crate) secrets: Vec<String>,
    /// Seconds by which these issuers' clock is ahead of the true one.
    pub(crate) skew: i64,
    pub(crate) interval: Option<u64>,
    pub(crate) hasty: usize,
    pub(crate) operations: HashMap<String, (User, usize)>,
    pub(crate) onboarded: HashSet<String>,
    pub(crate) reasons: HashMap<String, &'static str>,
    pub(crate) no_exchange: bool,
    pub(crate) made: usize,
}

impl Books {
    pub(crate) fn bent(&self, realm: Realm) -> &[Bend] {
        self.bends.get(&realm).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn rotation(&self, realm: Realm) -> Rotation {
        let told = self.rotations.get(&realm).copied();
        told.unwrap_or_else(|| realm.rotation())
    }

    pub(crate) fn lifetime(&self, realm: Realm) -> i64 {
        let told = self.lifetimes.get(&realm).copied();
        told.unwrap_or_else(|| realm.lifetime())
    }

    /// Takes the first mishap that was ordered for this path.
    pub(crate) fn mishap(&mut self, path: &str) -> Option<Mishap> {
        let at = self.mishaps.iter().position(|(place, _)| place == path)?;
        Some(self.mishaps.remove(at).1)
    }

    /// Keeps a secret in mind and returns it.
    pub(crate) fn secret(&mut self, secret: String) -> String {
        self.secrets.push(secret.clone());
        secret
    }

    /// Ends a family: none of its tokens is good any more.
    pub(crate) fn end(&mut self, family: usize) {
        if let Some(found) = self.families.get_mut(family) {
            found.alive = false;
        }
        self.access.retain(|_, access| access.family != family);
    }

    /// The sign-in behind an access token that is good now.
    pub(crate) fn holder(&self, token: &str, now: i64) -> Option<Family> {
        let access = self.access.get(token)?;
        let mut family = self.families.get(access.family)?.clone();
        family.user = access.user.clone();
        (access.expires > now && family.alive).then_some(family)
    }

    /// Starts a family.
    pub(crate) fn begin(&mut self, family: Family) -> usize {
        self.families.push(family);
        self.families.len() - 1
    }

    /// The family that a refresh token belongs to. A token that was used before ends it.
    pub(crate) fn family_of(
        &mut self,
        realm: Realm,
        client: Option<&str>,
        refresh: &str,
    ) -> Result<usize, Refusal> {
        let mine = |family: &Family| {
            family.realm == realm
                && (family.refresh.as_deref() == Some(refresh) || family.spent.contains(refresh))
        };
        let Some(at) = self.families.iter().position(mine) else {
            return Err(Refusal::grant("This refresh token is unknown."));
        };
        let family = &self.families[at];
        if client.is_some_and(|client| client != family.client) {
            return Err(Refusal::grant("This refresh token is another client's."));
        }
        if family.spent.contains(refresh) {
            self.end(at);
            let mut reused = Refusal::grant("This refresh token was used before.");
            "refresh_token_reused".clone_into(&mut reused.code);
            return Err(reused);
        }
        match family.alive {
            true => Ok(at),
            false => Err(Refusal::grant("This sign-in was ended.")),
        }
    }
}
