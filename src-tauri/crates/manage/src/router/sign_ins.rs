use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::extract::{Asked, Given};
use super::{Answer, actor};
use crate::desk::notices::AcceptNoticeParams;
use crate::desk::sign_ins::{PasteParams, SignInInfo, SignInsResponse, StartSignInParams};
use crate::error::ErrorResponse;
use crate::{Desk, ManageError};

#[utoipa::path(post, path = "/manage/signins", tag = "signins", request_body = StartSignInParams,
    responses((status = 201, body = SignInInfo), (status = "4XX", body = ErrorResponse)))]
/// Start a sign-in
pub(crate) async fn start(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Given(params): Given<StartSignInParams>,
) -> Result<(StatusCode, Json<SignInInfo>), ManageError> {
    let started = desk.start_sign_in(params, actor(&headers)).await?;
    Ok((StatusCode::CREATED, Json(started)))
}

#[utoipa::path(get, path = "/manage/signins", tag = "signins",
    responses((status = 200, body = SignInsResponse)))]
/// The sign-ins under way, and those that ended lately
pub(crate) async fn list(State(desk): State<Desk>) -> Answer<SignInsResponse> {
    desk.sign_ins().await.map(Json)
}

/// Which step.
#[derive(Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StepQuery {
    /// The mark of the step that is known already: the answer waits up to 25 s for another one.
    pub(crate) after: Option<String>,
}

#[utoipa::path(get, path = "/manage/signins/{id}", tag = "signins",
    params(("id" = String, Path), StepQuery),
    responses((status = 200, body = SignInInfo), (status = 404, body = ErrorResponse)))]
/// Where a sign-in stands
pub(crate) async fn one(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Asked(query): Asked<StepQuery>,
) -> Answer<SignInInfo> {
    desk.sign_in(&id, query.after.as_deref()).await.map(Json)
}

#[utoipa::path(post, path = "/manage/signins/{id}/paste", tag = "signins",
    params(("id" = String, Path)), request_body = PasteParams,
    responses((status = 204), (status = "4XX", body = ErrorResponse)))]
/// Hand over a code, or the address at which the browser ended
pub(crate) async fn paste(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Given(params): Given<PasteParams>,
) -> Result<StatusCode, ManageError> {
    desk.paste(&id, params).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(delete, path = "/manage/signins/{id}", tag = "signins",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorResponse)))]
/// Give up a sign-in, or take one that is over off the list
pub(crate) async fn cancel(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<StatusCode, ManageError> {
    desk.cancel_sign_in(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/manage/notices/{id}/accept", tag = "signins",
    params(("id" = String, Path)), request_body = AcceptNoticeParams,
    responses((status = 204), (status = "4XX", body = ErrorResponse)))]
/// Record that the person read a notice and accepts it
pub(crate) async fn accept_notice(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Given(params): Given<AcceptNoticeParams>,
) -> Result<StatusCode, ManageError> {
    desk.accept_notice(&id, &params, actor(&headers)).await?;
    Ok(StatusCode::NO_CONTENT)
}
