//! The web page under `/ui/`: its files, and how a browser's tab comes to the management token.
//!
//! A token in a query would stand in logs and histories. So whoever has the token asks for a link
//! whose fragment holds a code; the page trades the code for the token. A code works once and for a
//! short while, and a fragment is sent to nobody, so what the browser remembers is worth nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::router::Given;
use crate::{Code, ManageError, ManageToken};

/// How long a link works.
const LIFE: Duration = Duration::from_secs(300);
/// Links that wait to be opened; a further one pushes out the oldest.
const MOST_LINKS: usize = 8;

/// The page's files, by their path below `/ui/`.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

const INDEX: &str = "index.html";

/// Shown where the program was built without the page.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>byokey</title>\
    <h1>byokey runs, without its page</h1><p>This program was built without the page. With Node 20 \
    installed, run <code>cargo xtask ui</code> and build byokey again. The command line does all \
    that the page does: <code>byokey --help</code>.</p></html>";

/// What a page of ours may load, do and be put into. The tray window adds its own channel.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Links that were made and not opened yet.
#[derive(Clone, Default)]
pub(crate) struct Links(Arc<Mutex<Vec<Waiting>>>);

struct Waiting {
    /// As random as the token, and never in a log either.
    code: ManageToken,
    until: Instant,
}

/// A link to the page.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PageLinkResponse {
    /// Path and fragment, to be put behind the endpoint's URL. Whoever opens it manages byokey.
    pub path: String,
    /// Seconds in which it can be opened, once.
    pub expires_s: u64,
}

impl Links {
    fn make(&self) -> std::io::Result<ManageToken> {
        let code = ManageToken::random()?;
        let now = Instant::now();
        let mut waiting = self.0.lock();
        waiting.retain(|link| link.until > now);
        if waiting.len() >= MOST_LINKS {
            waiting.remove(0);
        }
        waiting.push(Waiting {
            code: code.clone(),
            until: now + LIFE,
        });
        Ok(code)
    }

    /// Whether the code was waiting; it no longer is.
    fn take(&self, code: &str) -> bool {
        let now = Instant::now();
        let mut waiting = self.0.lock();
        waiting.retain(|link| link.until > now);
        let equal = |link: &Waiting| {
            let known = link.code.expose().as_bytes();
            bool::from(known.ct_eq(code.as_bytes()))
        };
        let found = waiting.iter().position(equal);
        found.map(|at| waiting.remove(at)).is_some()
    }
}

/// The page and the exchange of its codes. Neither wants the token: the files hold no secret, and
/// the code is the proof.
pub(crate) fn pages(links: Links, token: ManageToken) -> Router {
    Router::new()
        .route("/", get(to_page))
        .route("/ui", get(to_page))
        .route("/ui/", get(index))
        .route("/ui/{*path}", get(file))
        .route("/ui/session", post(open_session))
        .with_state((links, token))
}

#[utoipa::path(post, path = "/manage/link", tag = "engine",
    responses((status = 200, body = PageLinkResponse)))]
/// Make a link to the page that works once and for five minutes
pub(crate) async fn make_link(
    axum::Extension(links): axum::Extension<Links>,
) -> Result<Json<PageLinkResponse>, ManageError> {
    let code = links
        .make()
        .map_err(|error| ManageError::new(Code::Internal, error.to_string()))?;
    Ok(Json(PageLinkResponse {
        path: format!("/ui/#code={}", code.expose()),
        expires_s: LIFE.as_secs(),
    }))
}

#[derive(Deserialize)]
struct SessionParams {
    code: String,
}

#[derive(Serialize)]
struct SessionResponse {
    token: String,
}

async fn open_session(
    State((links, token)): State<(Links, ManageToken)>,
    Given(params): Given<SessionParams>,
) -> Result<Response, ManageError> {
    if !links.take(&params.code) {
        let message =
            "this link was used before or is too old; make a new one with `byokey open --web`";
        return Err(ManageError::new(Code::Unauthorized, message));
    }
    let token = token.expose().to_owned();
    let secret = [(header::CACHE_CONTROL, "no-store")];
    Ok((secret, Json(SessionResponse { token })).into_response())
}

async fn to_page() -> Redirect {
    Redirect::temporary("/ui/")
}

async fn index() -> Response {
    serve(FILES, INDEX)
}

async fn file(Path(path): Path<String>) -> Response {
    serve(FILES, &path)
}

fn serve(files: &[(&str, &[u8])], path: &str) -> Response {
    let found = files.iter().find(|(name, _)| *name == path);
    let mut response = match found {
        Some((_, bytes)) => {
            let kind = (header::CONTENT_TYPE, content_type(path));
            // A built file's name changes with its content.
            let keep = if path.starts_with("assets/") {
                "public, max-age=31536000, immutable"
            } else {
                "no-cache"
            };
            ([kind, (header::CACHE_CONTROL, keep)], bytes.to_vec()).into_response()
        }
        None if path == INDEX => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
