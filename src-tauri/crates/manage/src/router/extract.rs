use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Code, ManageError};

/// A JSON body. What is wrong with it is told in the API's own form, and never with its content,
/// which may be a key.
pub(crate) struct Given<T>(pub(crate) T);

/// The query of a URL.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = ManageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ManageError> {
        let rejection = match Json::<T>::from_request(request, state).await {
            Ok(Json(given)) => return Ok(Self(given)),
            Err(rejection) => rejection,
        };
        let (code, message) = match &rejection {
            _ if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                (Code::TooLarge, "the body is larger than 1 MiB")
            }
            JsonRejection::MissingJsonContentType(_) => (
                Code::BadRequest,
                "send JSON with content-type: application/json",
            ),
            JsonRejection::JsonSyntaxError(_) => (Code::BadRequest, "the body is no JSON"),
            JsonRejection::JsonDataError(_) => (
                Code::BadRequest,
                "the body has not the members that this operation takes; see /manage/openapi.json",
            ),
            _ => (Code::BadRequest, "the body cannot be read"),
        };
        Err(ManageError::new(code, message))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ManageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ManageError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(ManageError::new(Code::BadRequest, rejection.body_text())),
        }
    }
}
