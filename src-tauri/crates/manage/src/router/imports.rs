use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::extract::{Asked, Given};
use super::{Answer, actor, number};
use crate::Desk;
use crate::desk::accounts::AccountInfo;
use crate::desk::imports::{ImportParams, ImportResponse, ImportsResponse};
use crate::error::ErrorResponse;

/// Which imports.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportsQuery {
    /// Those of one source, such as `claude-code`, `codex` or `env`.
    pub(crate) source: Option<String>,
}

#[utoipa::path(get, path = "/manage/imports", tag = "imports", params(ImportsQuery),
    responses((status = 200, body = ImportsResponse), (status = 404, body = ErrorResponse)))]
/// Logins and keys of other programs on this computer; nothing is changed
pub(crate) async fn plan(
    State(desk): State<Desk>,
    Asked(query): Asked<ImportsQuery>,
) -> Answer<ImportsResponse> {
    desk.imports(query.source.as_deref()).await.map(Json)
}

#[utoipa::path(post, path = "/manage/imports", tag = "imports", request_body = ImportParams,
    responses((status = 200, body = ImportResponse), (status = "4XX", body = ErrorResponse)))]
/// Make accounts of what was found
pub(crate) async fn take(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Given(params): Given<ImportParams>,
) -> Answer<ImportResponse> {
    desk.import(params, actor(&headers)).await.map(Json)
}

#[utoipa::path(post, path = "/manage/accounts/{id}/take-over", tag = "imports",
    params(("id" = i64, Path)),
    responses((status = 200, body = AccountInfo), (status = "4XX", body = ErrorResponse)))]
/// Make the login that an account follows byokey's own; its owner will have to sign in again
pub(crate) async fn take_over(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer<AccountInfo> {
    let taken = desk.take_over(number(&id)?, actor(&headers));
    taken.await.map(Json)
}
