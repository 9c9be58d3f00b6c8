//! The endpoint's surfaces: what stands at each path, and who answers there.

mod beside;
mod path;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use byokey_wire::{Fault, FaultKind, Ledger};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tower::ServiceExt;

use self::path::Surface;
pub(crate) use self::path::{Asked, decoded};
use crate::engine::Shared;
use crate::relay::Exchange;
use crate::server::Held;
use crate::upload::Upload;
use crate::{completions, door, models, ollama, respond, socket};

/// Answers one request.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    managed: Router,
    local: SocketAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = Upload::new(body);
    let view = shared.view();
    let id = shared.request_id();
    let surface = Surface::at(&parts);
    let dialect = surface.dialect(&parts.headers);
    let ollama = matches!(surface, Surface::Ollama(_));
    let refuse = |fault: &Fault| match ollama {
        true => ollama::fault(fault, &id),
        false => respond::fault(dialect, fault, &id),
    };

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
        if let Some(methods) = surface.methods()
            && fault.kind == FaultKind::Method
            && let Ok(methods) = HeaderValue::from_str(&names(methods))
        {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        return response;
    }
    match surface {
        Surface::Health => {
            return respond::json(StatusCode::OK.as_u16(), r#"{"status":"ok"}"#.into());
        }
        Surface::Probe => return Response::new(Body::empty()),
        Surface::Beside(ref beside) => {
            if let Some(response) = beside.before_key(&view, &parts) {
                return response;
            }
        }
        _ => {}
    }
    let caller = match door::check_key(&parts.headers, &view) {
        Ok(caller) => caller,
        Err(fault) => return refuse(&door::key_in_url(fault, parts.uri.query())),
    };
    let exchange = |asked, view, parts| Exchange {
        shared: shared.clone(),
        view,
        caller: caller.clone(),
        asked,
        parts,
        id: id.clone(),
        lost: Ledger::default(),
        chain: None,
    };
    match surface {
        Surface::Generate(asked) => exchange(asked, view, parts).serve(body).await,
        Surface::Count(asked) => exchange(asked, view, parts).count(body).await,
        Surface::Completions(asked) => completions::serve(exchange(asked, view, parts), body).await,
        Surface::Ollama(call) => {
            let asked = Asked::in_body(dialect);
            ollama::serve(exchange(asked, view, parts), call, body).await
        }
        Surface::Socket => {
            let held = parts.extensions.remove::<Held>();
            let accepted = socket::accept(shared.clone(), parts, &id, held);
            accepted.unwrap_or_else(|fault| refuse(&fault))
        }
        Surface::Recall(recall) => {
            let owner = caller.as_ref().map(|caller| caller.key.id);
            let recalled = recall.serve(&shared, &view, owner, &parts).await;
            recalled.unwrap_or_else(|fault| refuse(&fault))
        }
        Surface::Beside(beside) => beside.serve((shared, view), caller, parts, id, body).await,
        Surface::Models(_) => models::list(&shared, dialect, caller.as_deref()).await,
        Surface::Model(_, name) => models::one(&shared, dialect, caller.as_deref(), &name)
            .await
            .unwrap_or_else(|fault| refuse(&fault)),
        Surface::Health | Surface::Probe | Surface::Managed | Surface::Unknown => {
            refuse(&unknown(&parts))
        }
    }
}

fn check_method(surface: &Surface, parts: &Parts, body: &Upload) -> Result<(), Fault> {
    let Some(methods) = surface.methods() else {
        return Ok(());
    };
    if !methods.contains(&parts.method) {
        let message = format!("{} takes {} only", parts.uri.path(), names(methods));
        return Err(Fault::new(FaultKind::Method, message));
    }
    if matches!(parts.method, Method::GET | Method::HEAD) && !body.is_end_stream() {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "a request that only reads must not have a body",
        ));
    }
    Ok(())
}

fn names(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    names.join(", ")
}

fn unknown(parts: &Parts) -> Fault {
    let shown: String = parts.uri.path().chars().take(100).collect();
    Fault::new(
        FaultKind::UnknownPath,
        format!(
            "byokey has nothing at {shown}; it serves /v1/chat/completions, /v1/responses, \
             /v1/messages, /v1beta/models/…, /v1/embeddings, /v1/audio/…, /v1/images/generations, \
             /native/{{provider}}/… and /v1/models"
        ),
    )
}
