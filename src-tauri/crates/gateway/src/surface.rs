//! Paths of the endpoint, and what each of them is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use byokey_wire::{Dialect, Fault, FaultKind};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tower::ServiceExt;

use crate::engine::Shared;
use crate::relay::Exchange;
use crate::upload::Upload;
use crate::{door, models, respond};

/// What stands at a path.
enum Surface<'a> {
    /// Requests to a model, in this dialect.
    Generate(Dialect),
    /// The list of models.
    Models,
    /// One model.
    Model(&'a str),
    /// Whether byokey is alive.
    Health,
    /// Management and the web page; they check their own callers.
    Managed,
    Unknown,
}

impl<'a> Surface<'a> {
    fn at(path: &'a str) -> Self {
        match path {
            "/v1/chat/completions" => Self::Generate(Dialect::Chat),
            "/v1/messages" => Self::Generate(Dialect::Messages),
            "/v1/models" => Self::Models,
            "/healthz" => Self::Health,
            _ => match path.strip_prefix("/v1/models/") {
                Some(id) if !id.is_empty() => Self::Model(id),
                _ if path == "/" || in_folder(path, "/manage") || in_folder(path, "/ui") => {
                    Self::Managed
                }
                _ => Self::Unknown,
            },
        }
    }

    fn method(&self) -> Option<Method> {
        match self {
            Self::Generate(_) => Some(Method::POST),
            Self::Models | Self::Model(_) | Self::Health => Some(Method::GET),
            Self::Managed | Self::Unknown => None,
        }
    }
}

fn in_folder(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers one request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    managed: Router,
    local: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = Upload::new(body);
    let view = shared.view();
    let id = shared.request_id();
    let path = parts.uri.path().to_owned();
    let surface = Surface::at(&path);
    let dialect = match surface {
        Surface::Generate(dialect) => dialect,
        _ => door::guess_dialect(&parts.headers),
    };
    let refuse = |fault: &Fault| respond::fault(dialect, fault, &id);

    if let Err(fault) = door::check_origin(&parts, local, &view.config.names) {
        return refuse(&fault);
    }
    if matches!(surface, Surface::Managed) {
        let request = Request::from_parts(parts, Body::new(body));
        let Ok(response) = managed.oneshot(request).await;
        return response;
    }
    if let Err(fault) = check_method(&surface, &parts, &body) {
        let mut response = refuse(&fault);
        if let Some(method) = surface.method().filter(|method| parts.method != *method)
            && let Ok(method) = HeaderValue::from_str(method.as_str())
        {
            response.headers_mut().insert(header::ALLOW, method);
        }
        return response;
    }
    if matches!(surface, Surface::Health) {
        return respond::json(StatusCode::OK.as_u16(), r#"{"status":"ok"}"#.into());
    }
    let caller = match door::check_key(&parts.headers, &view) {
        Ok(caller) => caller,
        Err(fault) => return refuse(&fault),
    };
    match surface {
        Surface::Generate(_) => {
            let exchange = Exchange {
                shared,
                view,
                caller,
                dialect,
                parts,
                id,
            };
            exchange.serve(body).await
        }
        Surface::Models => models::list(&view, dialect, caller.as_deref()),
        Surface::Model(name) => match models::one(&view, dialect, caller.as_deref(), name) {
            Ok(response) => response,
            Err(fault) => refuse(&fault),
        },
        Surface::Health | Surface::Managed | Surface::Unknown => refuse(&unknown(&parts)),
    }
}

fn check_method(surface: &Surface<'_>, parts: &Parts, body: &Upload) -> Result<(), Fault> {
    let Some(method) = surface.method() else {
        return Ok(());
    };
    if parts.method != method {
        return Err(Fault::new(
            FaultKind::Method,
            format!("{} takes {method} only", parts.uri.path()),
        ));
    }
    if method == Method::GET && !body.is_end_stream() {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "a GET request must not have a body",
        ));
    }
    Ok(())
}

fn unknown(parts: &Parts) -> Fault {
    let shown: String = parts.uri.path().chars().take(100).collect();
    Fault::new(
        FaultKind::UnknownPath,
        format!(
            "byokey has nothing at {shown}; it serves /v1/chat/completions, /v1/messages and \
             /v1/models"
        ),
    )
}
