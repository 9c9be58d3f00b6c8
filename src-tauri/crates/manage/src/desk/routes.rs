use std::collections::BTreeMap;

use byokey_bridge::BridgeSettings;
use byokey_catalog::{
    Bridge, Catalog, Date, Flow, NoticeKind, Offer, Provider, Route, Standing, Status,
};
use byokey_gateway::config::ProviderConfig;
use byokey_signin::route_for;
use byokey_vault::AcceptedNotice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::notices::NoticeInfo;

/// One way to get a credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteInfo {
    /// Name in rows, unique within the provider.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// What a person does: `open` (nothing), `key`, `browser`, `device` or `bridge`.
    pub flow: String,
    /// Whether a person signs in by it, rather than bringing a key or nothing.
    pub login: bool,
    /// Whether it is what signing in takes if nobody names a route.
    pub best: bool,
    /// On whose word it stands: `official`, `bridge`, `unofficial` or `retired`.
    #[schema(value_type = String)]
    pub standing: Standing,
    /// Whether it works: `active`, `restricted` or `retired`.
    #[schema(value_type = String)]
    pub status: Status,
    /// How it is offered, with the user's configuration: `on`, `after-notice` or `greyed`.
    #[schema(value_type = String)]
    pub offer: Offer,
    /// Day from which the status holds, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// Day on which it ended, `YYYY-MM-DD`.
    pub retired: Option<String>,
    /// Why it is restricted or retired.
    pub reason: Option<String>,
    /// What to use instead.
    pub replacement: Option<String>,
    /// Page on which a key is made.
    pub key_page: Option<String>,
    /// Page on which the person ends the login or deletes the key at the provider.
    pub sessions_page: Option<String>,
    /// The text shown with it.
    pub notice: Option<NoticeInfo>,
    /// Names of the provider's fields that it asks for.
    pub fields: Vec<String>,
    /// Whom a person may sign in with, where the provider leaves a choice.
    pub choices: Vec<String>,
    /// The user's own program that makes the calls.
    pub program: Option<String>,
    /// Whether that program was found.
    pub installed: Option<bool>,
    /// Page that tells how to install it.
    pub install_url: Option<String>,
}

impl RouteInfo {
    /// The routes of a provider. Looks for programs on the disk.
    pub(super) fn all(
        catalog: &Catalog,
        provider: &Provider,
        settings: Option<&ProviderConfig>,
        accepted: &[AcceptedNotice],
    ) -> Vec<Self> {
        let bridges = bridge_settings(settings);
        let best = best(provider, &provider.id, &bridges);
        let allow_retired = settings.is_some_and(|it| it.allow_retired);
        let routes = provider.routes.iter().map(|route| {
            let bridge = bridge(route);
            let fields = provider.fields_for(&route.id);
            Self {
                id: route.id.clone(),
                name: route.name.clone(),
                flow: flow(&route.flow).to_owned(),
                login: is_login(route),
                best: best == Some(route.id.as_str()),
                standing: route.standing,
                status: route.status,
                offer: offer(catalog, route, allow_retired),
                since: day(route.since),
                retired: day(route.retired),
                reason: route.reason.clone(),
                replacement: route.replacement.clone(),
                key_page: match &route.flow {
                    Flow::Key(key) => key.page.clone(),
                    _ => None,
                },
                sessions_page: route.sessions_page.clone(),
                notice: NoticeInfo::of(catalog, route, accepted),
                fields: fields.map(|field| field.name.clone()).collect(),
                choices: choices(route).to_vec(),
                program: bridge.map(|it| it.program.clone()),
                installed: bridge.map(|it| byokey_bridge::find(it, &bridges).is_ok()),
                install_url: bridge.map(|it| it.install_url.clone()),
            }
        });
        routes.collect()
    }
}

/// The names under which a person may ask to sign in, and the routes that each means, the one first
/// that is taken if nobody names a route.
pub(super) fn sign_in_names(
    provider: &Provider,
    settings: Option<&ProviderConfig>,
) -> BTreeMap<String, Vec<String>> {
    let bridges = bridge_settings(settings);
    let names = provider.sign_in.iter().map(|(name, routes)| {
        let best = best(provider, name, &bridges);
        let mut routes = routes.clone();
        routes.sort_by_key(|id| Some(id.as_str()) != best);
        (name.clone(), routes)
    });
    names.collect()
}

/// The user's settings of a provider's program.
pub(super) fn bridge_settings(settings: Option<&ProviderConfig>) -> BridgeSettings {
    let bridge = settings.and_then(|it| it.bridge.as_ref());
    bridge.map(|it| it.settings()).unwrap_or_default()
}

/// Whom a person may sign in with, where the row leaves a choice.
pub(super) fn choices(route: &Route) -> &[String] {
    match &route.flow {
        Flow::Poll(poll) => &poll.login_providers,
        _ => &[],
    }
}

fn best<'a>(provider: &'a Provider, name: &str, bridges: &BridgeSettings) -> Option<&'a str> {
    let there = |bridge: &Bridge| byokey_bridge::find(bridge, bridges).is_ok();
    let best = route_for(provider, name, None, there).ok()?;
    Some(&best.id)
}

fn bridge(route: &Route) -> Option<&Bridge> {
    match &route.flow {
        Flow::Bridge(bridge) => Some(bridge),
        _ => None,
    }
}

fn is_login(route: &Route) -> bool {
    !matches!(route.flow, Flow::Key(_) | Flow::Open)
}

fn offer(catalog: &Catalog, route: &Route, allow_retired: bool) -> Offer {
    let required = |route| {
        let notice = catalog.notice(route);
        notice.is_some_and(|notice| notice.kind == NoticeKind::Required)
    };
    match route.offer() {
        Offer::Greyed if allow_retired && required(route) => Offer::AfterNotice,
        Offer::Greyed if allow_retired => Offer::On,
        offer => offer,
    }
}

fn flow(flow: &Flow) -> &'static str {
    match flow {
        Flow::Open => "open",
        Flow::Key(_) => "key",
        Flow::Pkce(_) | Flow::AwsPkce(_) => "browser",
        Flow::Device(_) | Flow::AwsDevice(_) | Flow::Poll(_) => "device",
        Flow::Bridge(_) => "bridge",
    }
}

pub(super) fn day(date: Option<Date>) -> Option<String> {
    date.map(|date| date.to_string())
}
