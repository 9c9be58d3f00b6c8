use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::extract::Given;
use crate::Desk;
use crate::desk::links::{FollowLinkParams, FollowLinkResponse, LinkResponse};
use crate::error::ErrorResponse;

#[utoipa::path(post, path = "/manage/links", tag = "links", request_body = FollowLinkParams,
    responses((status = 200, body = FollowLinkResponse), (status = "4XX", body = ErrorResponse)))]
/// Follow a `byokey://` link as far as that may go without the person
pub(crate) async fn follow(
    State(desk): State<Desk>,
    Given(params): Given<FollowLinkParams>,
) -> Json<FollowLinkResponse> {
    let outcome = desk.link(&params.link.0);
    Json(FollowLinkResponse { outcome })
}

#[utoipa::path(get, path = "/manage/links", tag = "links",
    responses((status = 200, body = LinkResponse)))]
/// The link that waits for the person
pub(crate) async fn waiting(State(desk): State<Desk>) -> Json<LinkResponse> {
    Json(desk.waiting_link())
}

#[utoipa::path(delete, path = "/manage/links", tag = "links", responses((status = 204)))]
/// Put the waiting link away
pub(crate) async fn put_away(State(desk): State<Desk>) -> StatusCode {
    desk.put_link_away();
    StatusCode::NO_CONTENT
}
