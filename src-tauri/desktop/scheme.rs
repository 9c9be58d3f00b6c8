//! The window's way to the engine: one scheme for the page's files and the management API.
//!
//! The token is put in here, within the process. Replies are handed over as a whole, so the stream
//! of events does not come this way: see [`news`](crate::news).

use axum::body::{Body, to_bytes};
use byokey_manage::CONTENT_SECURITY_POLICY;
use tauri::http::{HeaderValue, Request, Response, StatusCode, header};
use tauri::{AppHandle, Manager, UriSchemeContext, UriSchemeResponder, Wry};

use crate::Engine;
use crate::window::LABEL;

/// The scheme's name.
pub(crate) const NAME: &str = "byokey-ui";
/// Largest reply that is handed to the window, in bytes.
const MOST_REPLY: usize = 32 << 20;

/// Answers one request of the window.
pub(crate) fn answer(
    context: UriSchemeContext<'_, Wry>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    if context.webview_label() != LABEL {
        return responder.respond(plain(StatusCode::FORBIDDEN, "not for this window"));
    }
    let app = context.app_handle().clone();
    tauri::async_runtime::spawn(async move {
        responder.respond(forward(&app, request).await);
    });
}

async fn forward(app: &AppHandle, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
    let engine = app.state::<Engine>();
    let house = match engine.inner() {
        Engine::Running(house) => house,
        Engine::Failed(why) => return trouble(why),
    };
    let path = request.uri().path();
    if path == "/manage/events" || path == "/ui/session" {
        return plain(StatusCode::NOT_FOUND, "not in the window");
    }
    let (mut parts, body) = request.into_parts();
    let Ok(bearer) = HeaderValue::try_from(format!("Bearer {}", house.token.expose())) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "no token");
    };
    parts.headers.insert(header::AUTHORIZATION, bearer);
    let request = Request::from_parts(parts, Body::from(body));
    let Ok(reply) = tower::ServiceExt::oneshot(house.router.clone(), request).await;
    let (mut parts, body) = reply.into_parts();
    if parts.headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        parts
            .headers
            .insert(header::CONTENT_SECURITY_POLICY, policy());
    }
    match to_bytes(body, MOST_REPLY).await {
        Ok(bytes) => Response::from_parts(parts, bytes.into()),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "the reply is too large"),
    }
}

/// The page's policy, and the shell's channel beside the engine.
fn policy() -> HeaderValue {
    let with_channel = CONTENT_SECURITY_POLICY.replace(
        "connect-src 'self'",
        "connect-src 'self' ipc: http://ipc.localhost",
    );
    HeaderValue::try_from(with_channel).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

/// A page that says why there is no engine.
fn trouble(why: &str) -> Response<Vec<u8>> {
    let why = why.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content=\"light \
         dark\"><title>byokey</title><h1>byokey does not start</h1><p>{why}</p><p>Quit byokey, set \
         this right and start it again.</p></html>"
    );
    let mut response = plain(StatusCode::OK, &page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy());
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Vec<u8>> {
    let mut response = Response::new(text.as_bytes().to_vec());
    *response.status_mut() = status;
    response
}
