use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{Catalog, Flow, NoticeKind, Offer, Provider, Route, Status};
use byokey_vault::{AcceptedNotice, Actor, Fields, Secret};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, mpsc, watch};

use super::{MOST_SHOWN, SignIn, SignIns, UnderWay};
use crate::scene::Scene;
use crate::{Http, Overrides, SigninError, Step};

/// A sign-in that a person asks for.
pub struct SignInRequest {
    /// The catalogue in force.
    pub catalog: Arc<Catalog>,
    /// What the user's configuration says of the provider.
    pub overrides: Overrides,
    /// The provider's id.
    pub provider: String,
    /// The route's id: see [`route_for`].
    pub route: String,
    /// The name that the account is to have.
    pub name: Option<String>,
    /// Values that the route asks for, such as a region.
    pub fields: Fields,
    /// Which of the row's identity providers, where it has several.
    pub choice: Option<String>,
    /// Whether the person's browser is on another machine, so that nothing can come back by itself. A
    /// page of the provider that shows a code to copy is used where there is one.
    pub headless: bool,
    /// Who asks.
    pub by: Actor,
}

/// A waiting sign-in survives a restart for this long, and no flow waits longer unless its row says
/// so.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Pasted texts and links that may lie unread.
const SAID: usize = 8;

impl SignIns {
    /// Starts a sign-in. Retired routes want a switch of the configuration, unofficial ones the
    /// acceptance of their notice.
    ///
    /// # Errors
    /// [`SigninError::Retired`], [`SigninError::NeedsNotice`], [`SigninError::Unknown`], and when the
    /// vault or secure connections fail.
    pub async fn start(&self, request: SignInRequest) -> Result<SignIn, SigninError> {
        let vault = self.0.vault.clone();
        let accepted = match tokio::task::spawn_blocking(move || vault.notices()).await {
            Ok(accepted) => accepted?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let (provider, route) = rows(&request)?;
        permitted(&request, provider, route, &accepted)?;
        let expires = Timestamp::now().saturating_add(limit(&route.flow));
        let expires = expires.map_err(|_| SigninError::TooLate)?;
        self.go_on(new_id()?, request, expires, None)
    }

    /// Runs a sign-in from its start or from where another process left it.
    pub(super) fn go_on(
        &self,
        id: String,
        request: SignInRequest,
        expires: Timestamp,
        kept: Option<Secret>,
    ) -> Result<SignIn, SigninError> {
        rows(&request)?;
        let http = Http::through(request.overrides.proxy.as_deref())?;
        let (step, shown) = watch::channel(Step::Starting);
        let (say, said) = mpsc::channel(SAID);
        let mut under_way = self.0.under_way.lock();
        if under_way.contains_key(&id) {
            return under_way
                .get(&id)
                .map(|it| it.show(&id))
                .ok_or(SigninError::NoSignIn);
        }
        let (provider, route) = (request.provider.clone(), request.route.clone());
        let scene = Scene {
            id: id.clone(),
            http,
            vault: self.0.vault.clone(),
            bridges: self.0.bridges.clone(),
            overrides: request.overrides,
            name: request.name.clone(),
            fields: request.fields,
            choice: request.choice,
            headless: request.headless,
            expires,
            kept,
            catalog: request.catalog,
            provider: request.provider,
            route: request.route,
            step,
            changes: self.0.changes.clone(),
            said: Mutex::new(said),
            landing: parking_lot::Mutex::default(),
        };
        let task = tokio::spawn(self.clone().run(scene, request.name, request.by));
        let it = UnderWay {
            provider,
            route,
            started: Timestamp::now(),
            expires,
            step: shown,
            say,
            task: task.abort_handle(),
        };
        let sign_in = it.show(&id);
        make_room(&mut under_way);
        under_way.insert(id, it);
        drop(under_way);
        self.0.changed();
        Ok(sign_in)
    }
}

/// The route that a person means who asks to sign in with `name`: the named one, else the best that
/// the provider leaves open. `installed` tells whether the program of a bridge is there.
///
/// # Errors
/// [`SigninError::Unknown`] for a route that is none, and [`SigninError::KeysOnly`] for a provider
/// without any way to sign in.
pub fn route_for<'a>(
    provider: &'a Provider,
    name: &str,
    route: Option<&str>,
    installed: impl Fn(&byokey_catalog::Bridge) -> bool,
) -> Result<&'a Route, SigninError> {
    if let Some(id) = route {
        let unknown = || SigninError::Unknown(format!("{}/{id}", provider.id));
        return provider.route(id).ok_or_else(unknown);
    }
    let meant: Vec<&Route> = match provider.sign_in.get(name) {
        Some(ids) => ids.iter().filter_map(|id| provider.route(id)).collect(),
        None => provider.routes.iter().collect(),
    };
    let logins = || {
        let by_login = |route: &&&Route| !matches!(route.flow, Flow::Key(_) | Flow::Open);
        meant.iter().filter(by_login).copied()
    };
    let there = |route: &&Route| match &route.flow {
        Flow::Bridge(bridge) => installed(bridge),
        _ => route.status != Status::Retired,
    };
    logins()
        .find(there)
        .or_else(|| logins().next())
        .ok_or_else(|| SigninError::KeysOnly(provider.name.clone()))
}

fn rows(request: &SignInRequest) -> Result<(&Provider, &Route), SigninError> {
    let unknown = || SigninError::Unknown(format!("{}/{}", request.provider, request.route));
    let provider = request
        .catalog
        .provider(&request.provider)
        .ok_or_else(unknown)?;
    let route = provider.route(&request.route).ok_or_else(unknown)?;
    if matches!(route.flow, Flow::Key(_) | Flow::Open) {
        return Err(SigninError::KeysOnly(provider.name.clone()));
    }
    Ok((provider, route))
}

fn permitted(
    request: &SignInRequest,
    provider: &Provider,
    route: &Route,
    accepted: &[AcceptedNotice],
) -> Result<(), SigninError> {
    if route.offer() == Offer::Greyed && !request.overrides.allow_retired {
        return Err(SigninError::Retired {
            provider: provider.name.clone(),
            route: route.name.clone(),
            since: route.retired.map(|day| day.to_string()).unwrap_or_default(),
            reason: route.reason.clone().unwrap_or_default(),
            replacement: route.replacement.clone().unwrap_or_default(),
        });
    }
    let Some(notice) = request.catalog.notice(route) else {
        return Ok(());
    };
    let current = |it: &AcceptedNotice| it.id == notice.id && it.version == notice.version;
    if notice.kind == NoticeKind::Required && !accepted.iter().any(current) {
        return Err(SigninError::NeedsNotice {
            notice: notice.id.clone(),
            text: notice.text.clone(),
        });
    }
    Ok(())
}

/// How long a person may take.
fn limit(flow: &Flow) -> SignedDuration {
    let seconds = match flow {
        Flow::Pkce(pkce) => pkce.timeout_s,
        Flow::AwsPkce(pkce) => pkce.timeout_s,
        Flow::Poll(poll) => poll.timeout_s,
        _ => u32::MAX,
    };
    let limit = Duration::from_secs(seconds.into()).min(LONGEST);
    SignedDuration::from_secs(limit.as_secs().cast_signed())
}

/// Takes the oldest that is over off a full list.
fn make_room(under_way: &mut std::collections::BTreeMap<String, UnderWay>) {
    if under_way.len() < MOST_SHOWN {
        return;
    }
    let over = under_way
        .iter()
        .filter(|(_, it)| it.step.borrow().is_over());
    let oldest = over
        .min_by_key(|(_, it)| it.started)
        .map(|(id, _)| id.clone());
    if let Some(oldest) = oldest {
        under_way.remove(&oldest);
    }
}

/// A name that nobody can guess.
fn new_id() -> Result<String, SigninError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|_| SigninError::NoRandomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
