//! The HTTP form of the operations. Thin on purpose: it knows paths and proofs, the [`Desk`] knows
//! everything else.

mod extract;
pub(crate) mod imports;
pub(crate) mod links;
pub(crate) mod sign_ins;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, OriginalUri, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Extension, Json, Router};
use byokey_vault::Actor;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use self::extract::Asked;
pub(crate) use self::extract::Given;
use crate::desk::accounts::{
    AccountInfo, AccountsResponse, AddAccountParams, AddAccountResponse, ChangeAccountParams,
};
use crate::desk::check::CheckResponse;
use crate::desk::config::ConfigResponse;
use crate::desk::keys::{CreateKeyParams, CreateKeyResponse, KeysResponse, RevokeKeyResponse};
use crate::desk::logout::LogoutResponse;
use crate::desk::models::ModelsResponse;
use crate::desk::providers::ProvidersResponse;
use crate::desk::status::StatusResponse;
use crate::desk::usage::{AuditResponse, RecentResponse, UsageBy, UsageResponse};
use crate::error::ErrorResponse;
use crate::{Code, Desk, ManageError, ManageToken, events, openapi, page};

/// Largest body of a request, in bytes.
const MOST_BODY: usize = 1 << 20;
/// The header in which a viewer says what it is, for the audit trail.
pub(crate) const BY: &str = "x-byokey-by";
/// How far usage goes back if nobody says.
const USAGE_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The management API. Every path under `/manage` wants the token; whether a request may reach this
/// endpoint at all (host, origin) is decided before it comes here.
pub fn router(desk: Desk, token: ManageToken) -> Router {
    let page_links = page::Links::default();
    let paths = Router::new()
        .route("/status", get(status))
        .route("/providers", get(providers))
        .route("/accounts", get(accounts).post(add_account))
        .route(
            "/accounts/{id}",
            patch(change_account).delete(remove_account),
        )
        .route("/accounts/{id}/first", post(make_first))
        .route("/accounts/{id}/check", post(check_account))
        .route("/accounts/{id}/take-over", post(imports::take_over))
        .route("/imports", get(imports::plan).post(imports::take))
        .route(
            "/links",
            get(links::waiting)
                .post(links::follow)
                .delete(links::put_away),
        )
        .route("/signins", get(sign_ins::list).post(sign_ins::start))
        .route("/signins/{id}", get(sign_ins::one).delete(sign_ins::cancel))
        .route("/signins/{id}/paste", post(sign_ins::paste))
        .route("/notices/{id}/accept", post(sign_ins::accept_notice))
        .route("/keys", get(keys).post(create_key))
        .route("/keys/{id}", delete(revoke_key))
        .route("/models", get(models))
        .route("/usage", get(usage))
        .route("/usage/recent", get(recent))
        .route("/audit", get(audit))
        .route("/config", get(config))
        .route("/link", post(page::make_link))
        .route("/reload", post(reload))
        .route("/stop", post(stop))
        .route("/events", get(events::stream))
        .route("/openapi.json", get(document))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(Extension(page_links.clone()))
        .layer(middleware::from_fn_with_state(
            Arc::new(token.clone()),
            prove,
        ))
        .with_state(desk);
    Router::new()
        .nest("/manage", paths)
        .merge(page::pages(page_links, token))
        .fallback(nothing)
}

async fn prove(
    State(token): State<Arc<ManageToken>>,
    request: Request,
    next: Next,
) -> Result<Response, ManageError> {
    let refused = |message| Err(ManageError::new(Code::Unauthorized, message));
    match bearer(request.headers()) {
        None => refused("send the management token of this data folder as Authorization: Bearer"),
        Some(given) if !token.matches(given) => refused(
            "this is not the management token; it changes at each start and stands in the data \
             folder",
        ),
        Some(_) => Ok(next.run(request).await),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Who says that it calls. All of them have the token, so this is for the trail, not a proof.
fn actor(headers: &HeaderMap) -> Actor {
    match headers.get(BY).map(|by| by.as_bytes()) {
        Some(b"cli") => Actor::Cli,
        Some(b"tray") => Actor::Tray,
        _ => Actor::Window,
    }
}

type Answer<T> = Result<Json<T>, ManageError>;

#[utoipa::path(get, path = "/manage/status", tag = "engine",
    responses((status = 200, body = StatusResponse)))]
/// How byokey is
pub(crate) async fn status(State(desk): State<Desk>) -> Answer<StatusResponse> {
    desk.status().await.map(Json)
}

#[utoipa::path(get, path = "/manage/providers", tag = "catalog",
    responses((status = 200, body = ProvidersResponse)))]
/// Everything that may be added, with standing and notices
pub(crate) async fn providers(State(desk): State<Desk>) -> Answer<ProvidersResponse> {
    desk.providers().await.map(Json)
}

/// Which accounts.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsQuery {
    /// Those of one provider.
    pub(crate) provider: Option<String>,
}

#[utoipa::path(get, path = "/manage/accounts", tag = "accounts", params(AccountsQuery),
    responses((status = 200, body = AccountsResponse), (status = 404, body = ErrorResponse)))]
/// The accounts
pub(crate) async fn accounts(
    State(desk): State<Desk>,
    Asked(query): Asked<AccountsQuery>,
) -> Answer<AccountsResponse> {
    desk.accounts(query.provider.as_deref()).await.map(Json)
}

#[utoipa::path(post, path = "/manage/accounts", tag = "accounts", request_body = AddAccountParams,
    responses((status = 200, body = AddAccountResponse), (status = "4XX", body = ErrorResponse),
        (status = 502, body = ErrorResponse)))]
/// Add an account by its key
pub(crate) async fn add_account(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Given(params): Given<AddAccountParams>,
) -> Answer<AddAccountResponse> {
    desk.add_account(params, actor(&headers)).await.map(Json)
}

#[utoipa::path(patch, path = "/manage/accounts/{id}", tag = "accounts",
    params(("id" = i64, Path)), request_body = ChangeAccountParams,
    responses((status = 200, body = AccountInfo), (status = "4XX", body = ErrorResponse)))]
/// Rename, switch or reorder an account
pub(crate) async fn change_account(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Given(params): Given<ChangeAccountParams>,
) -> Answer<AccountInfo> {
    let changed = desk.change_account(number(&id)?, params, actor(&headers));
    changed.await.map(Json)
}

#[utoipa::path(delete, path = "/manage/accounts/{id}", tag = "accounts",
    params(("id" = i64, Path)),
    responses((status = 200, body = LogoutResponse), (status = 404, body = ErrorResponse)))]
/// Forget an account, and end its login at the provider where that can be done
pub(crate) async fn remove_account(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<LogoutResponse> {
    let gone = desk.remove_account(number(&id)?, actor(&headers));
    gone.await.map(Json)
}

#[utoipa::path(post, path = "/manage/accounts/{id}/first", tag = "accounts",
    params(("id" = i64, Path)),
    responses((status = 200, body = AccountInfo), (status = 404, body = ErrorResponse)))]
/// Put an account before all others of its provider, and switch it on
pub(crate) async fn make_first(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<AccountInfo> {
    let first = desk.make_first(number(&id)?, actor(&headers));
    first.await.map(Json)
}

#[utoipa::path(post, path = "/manage/accounts/{id}/check", tag = "accounts",
    params(("id" = i64, Path)),
    responses((status = 200, body = CheckResponse), (status = 404, body = ErrorResponse)))]
/// Ask the provider whether it still knows the key
pub(crate) async fn check_account(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<CheckResponse> {
    let checked = desk.check_account(number(&id)?, actor(&headers));
    checked.await.map(Json)
}

#[utoipa::path(get, path = "/manage/keys", tag = "keys",
    responses((status = 200, body = KeysResponse)))]
/// The client keys
pub(crate) async fn keys(State(desk): State<Desk>) -> Answer<KeysResponse> {
    desk.keys().await.map(Json)
}

#[utoipa::path(post, path = "/manage/keys", tag = "keys", request_body = CreateKeyParams,
    responses((status = 200, body = CreateKeyResponse), (status = "4XX", body = ErrorResponse)))]
/// Make a client key; the reply is the only place where it is ever shown
pub(crate) async fn create_key(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Given(params): Given<CreateKeyParams>,
) -> Answer<CreateKeyResponse> {
    desk.create_key(params, actor(&headers)).await.map(Json)
}

#[utoipa::path(delete, path = "/manage/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "Its number or its name")),
    responses((status = 200, body = RevokeKeyResponse), (status = 404, body = ErrorResponse)))]
/// End a client key
pub(crate) async fn revoke_key(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<RevokeKeyResponse> {
    desk.revoke_key(id, actor(&headers)).await.map(Json)
}

#[utoipa::path(get, path = "/manage/models", tag = "catalog",
    responses((status = 200, body = ModelsResponse)))]
/// The models that the accounts serve now
pub(crate) async fn models(State(desk): State<Desk>) -> Json<ModelsResponse> {
    Json(desk.models().await)
}

/// Which usage.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// From this moment on; 30 days back if absent.
    pub(crate) since: Option<Timestamp>,
    /// What to sum by.
    #[serde(default)]
    pub(crate) by: UsageBy,
}

#[utoipa::path(get, path = "/manage/usage", tag = "usage", params(UsageQuery),
    responses((status = 200, body = UsageResponse)))]
/// Usage in sums
pub(crate) async fn usage(
    State(desk): State<Desk>,
    Asked(query): Asked<UsageQuery>,
) -> Answer<UsageResponse> {
    let since = query.since.unwrap_or_else(|| Timestamp::now() - USAGE_SPAN);
    desk.usage(since, query.by).await.map(Json)
}

/// How many requests.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecentQuery {
    /// At most so many, and never more than 1,000; 50 if absent.
    pub(crate) limit: Option<u32>,
}

#[utoipa::path(get, path = "/manage/usage/recent", tag = "usage", params(RecentQuery),
    responses((status = 200, body = RecentResponse)))]
/// The newest requests
pub(crate) async fn recent(
    State(desk): State<Desk>,
    Asked(query): Asked<RecentQuery>,
) -> Answer<RecentResponse> {
    desk.recent(bounded(query.limit)).await.map(Json)
}

/// Which part of the audit trail.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// At most so many acts, and never more than 1,000; 50 if absent.
    pub(crate) limit: Option<u32>,
    /// Whether to check the whole trail.
    #[serde(default)]
    pub(crate) verify: bool,
}

#[utoipa::path(get, path = "/manage/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditResponse)))]
/// Who changed what, newest first
pub(crate) async fn audit(
    State(desk): State<Desk>,
    Asked(query): Asked<AuditQuery>,
) -> Answer<AuditResponse> {
    let audit = desk.audit(bounded(query.limit), query.verify);
    audit.await.map(Json)
}

#[utoipa::path(get, path = "/manage/config", tag = "engine",
    responses((status = 200, body = ConfigResponse)))]
/// The configuration in force, without its secrets
pub(crate) async fn config(State(desk): State<Desk>) -> Json<ConfigResponse> {
    Json(desk.config())
}

#[utoipa::path(post, path = "/manage/reload", tag = "engine",
    responses((status = 204), (status = 422, body = ErrorResponse)))]
/// Read the configuration again
pub(crate) async fn reload(State(desk): State<Desk>) -> Result<StatusCode, ManageError> {
    desk.reload().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/manage/stop", tag = "engine", responses((status = 202)))]
/// Stop the engine; requests under way may end
pub(crate) async fn stop(State(desk): State<Desk>) -> StatusCode {
    desk.engine().stop();
    StatusCode::ACCEPTED
}

#[utoipa::path(get, path = "/manage/openapi.json", tag = "engine", responses((status = 200)))]
/// This document
pub(crate) async fn document() -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, openapi::document())
}

async fn nothing(OriginalUri(uri): OriginalUri) -> ManageError {
    let shown: String = uri.path().chars().take(100).collect();
    ManageError::new(Code::NotFound, format!("nothing stands at {shown}"))
}

async fn wrong_method(request: Request) -> ManageError {
    let message = format!("this path does not take {}", request.method());
    ManageError::new(Code::Method, message)
}

fn number(id: &str) -> Result<i64, ManageError> {
    id.parse()
        .map_err(|_| ManageError::new(Code::NotFound, "there is no account of that number"))
}

fn bounded(limit: Option<u32>) -> u32 {
    limit.unwrap_or(50).min(1000)
}

#[cfg(test)]
mod tests;
