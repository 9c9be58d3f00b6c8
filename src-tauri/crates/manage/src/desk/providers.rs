use byokey_catalog::{
    Catalog, Date, Field, Flow, Kind, NoticeKind, Offer, Provider, Route, Standing, Status,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;

/// A company product that a person may have an account with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProviderInfo {
    /// Name in configuration and model names.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Other names that mean it.
    pub aliases: Vec<String>,
    /// `subscription`, `key`, `local` or `custom`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Whether the configuration leaves it on.
    pub enabled: bool,
    /// Where its requests go: the configured base, or the row's.
    pub base_url: String,
    /// Page for people.
    pub docs_url: Option<String>,
    /// Whether a key can be checked by a free call.
    pub checkable: bool,
    /// Environment variables that usually hold its key.
    pub env: Vec<String>,
    /// Values that its accounts have beside their keys.
    pub fields: Vec<FieldInfo>,
    /// Known models.
    pub models: usize,
    /// Day on which the row was last compared with its sources, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// Ways to get a credential, the recommended one first.
    pub routes: Vec<RouteInfo>,
}

/// A value that an account has beside its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldInfo {
    /// Its name.
    pub name: String,
    /// What to ask a person for.
    pub label: String,
    /// Value when none is given; `{other}` is the value of another field.
    pub default: Option<String>,
    /// Environment variables that usually hold it.
    pub env: Vec<String>,
    /// Routes whose accounts have it; empty means all.
    pub routes: Vec<String>,
}

/// One way to get a credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteInfo {
    /// Name in rows, unique within the provider.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// What a person does: `open` (nothing), `key`, `browser`, `device` or `bridge`.
    pub flow: String,
    /// On whose word it stands: `official`, `bridge`, `unofficial` or `retired`.
    #[schema(value_type = String)]
    pub standing: Standing,
    /// Whether it works: `active`, `restricted` or `retired`.
    #[schema(value_type = String)]
    pub status: Status,
    /// How it is offered: `on`, `after-notice` or `greyed`.
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
    /// The text shown with it.
    pub notice: Option<NoticeInfo>,
}

/// A text that a person reads before or beside a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeInfo {
    /// Name kept with an acceptance.
    pub id: String,
    /// Number of the wording; acceptance of an older one no longer counts.
    pub version: u32,
    /// How it is shown: `text`, `modal`, `required` or `greyed`.
    #[schema(value_type = String)]
    pub kind: NoticeKind,
    /// The words.
    pub text: String,
    /// The provider's page that it speaks of.
    pub source: Option<String>,
    /// Day on which that page was read, `YYYY-MM-DD`.
    pub read: String,
}

/// All providers, by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProvidersResponse {
    /// The providers.
    pub providers: Vec<ProviderInfo>,
}

impl Desk {
    /// Everything that a person may add, with what is to be known before.
    pub fn providers(&self) -> ProvidersResponse {
        let (catalog, config) = (self.engine.catalog(), self.engine.config());
        let info = |provider: &Provider| {
            let settings = config.providers.get(&provider.id);
            let base_url = settings.and_then(|settings| settings.base_url.clone());
            let routes = provider.routes.iter();
            ProviderInfo {
                id: provider.id.clone(),
                name: provider.name.clone(),
                aliases: provider.aliases.clone(),
                kind: provider.kind,
                enabled: config.provider_enabled(&provider.id),
                base_url: base_url.unwrap_or_else(|| provider.base_url.clone()),
                docs_url: provider.docs_url.clone(),
                checkable: provider.check.is_some(),
                env: provider.env.clone(),
                fields: provider.fields.iter().map(FieldInfo::of).collect(),
                models: provider.models.len(),
                as_of: day(provider.as_of),
                routes: routes.map(|route| RouteInfo::of(route, &catalog)).collect(),
            }
        };
        ProvidersResponse {
            providers: catalog.providers().map(info).collect(),
        }
    }
}

impl FieldInfo {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            default: field.default.clone(),
            env: field.env.clone(),
            routes: field.routes.clone(),
        }
    }
}

impl RouteInfo {
    fn of(route: &Route, catalog: &Catalog) -> Self {
        let key_page = match &route.flow {
            Flow::Key(key) => key.page.clone(),
            _ => None,
        };
        Self {
            id: route.id.clone(),
            name: route.name.clone(),
            flow: flow(&route.flow).to_owned(),
            standing: route.standing,
            status: route.status,
            offer: route.offer(),
            since: day(route.since),
            retired: day(route.retired),
            reason: route.reason.clone(),
            replacement: route.replacement.clone(),
            key_page,
            notice: catalog.notice(route).map(|notice| NoticeInfo {
                id: notice.id.clone(),
                version: notice.version,
                kind: notice.kind,
                text: notice.text.clone(),
                source: notice.source.clone(),
                read: notice.read.to_string(),
            }),
        }
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

fn day(date: Option<Date>) -> Option<String> {
    date.map(|date| date.to_string())
}
