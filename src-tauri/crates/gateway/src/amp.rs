//! Amp's own server. What its command line asks of models goes to other accounts; the rest goes to
//! Amp, and only for somebody who gave byokey an Amp key.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use crate::engine::View;
use crate::respond;

/// The provider's row.
pub(crate) const PROVIDER: &str = "amp";

/// Whether an account can ask Amp's server.
pub(crate) fn has_account(view: &View) -> bool {
    let mut seats = view.roster.seats.iter();
    seats.any(|seat| seat.account.provider == PROVIDER)
}

/// Sends a browser on to a page of Amp's.
pub(crate) fn login(view: &View, path: &str, query: Option<&str>) -> Response<Body> {
    let settings = view.config.providers.get(PROVIDER);
    let configured = settings.and_then(|settings| settings.base_url.as_deref());
    let row = view.catalog.provider(PROVIDER);
    let base = configured.or(row.map(|row| row.base_url.as_str()));
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let url = format!(
        "{}{path}{query}",
        base.unwrap_or_default().trim_end_matches('/')
    );
    let mut response = Response::new(Body::empty());
    match HeaderValue::try_from(url) {
        Ok(url) => {
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(header::LOCATION, url);
        }
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    response
}

/// What Amp's command line is told when nobody gave a key for its server, in the form of that server.
pub(crate) fn no_account(id: &str) -> Response<Body> {
    let message = "byokey passes calls for Amp's own server on only with an Amp key of yours: \
                   byokey add-key amp. Releases of Amp until February 2026 ask models through \
                   byokey; since September 2026 Amp asks them from its own server, where no local \
                   endpoint can serve it.";
    let body = serde_json::json!({
        "ok": false,
        "error": { "code": "amp-key-missing", "message": message },
    });
    let mut response = respond::json(StatusCode::FORBIDDEN.as_u16(), body.to_string().into());
    respond::set_id(response.headers_mut(), id);
    response
}
