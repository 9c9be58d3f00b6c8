use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::{fixture, router};

const SAMPLE: &[(&str, &[u8])] = &[("assets/index-1a.js", b"go()"), (INDEX, b"<!doctype html>")];

async fn body(response: Response) -> Vec<u8> {
    to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap()
        .to_vec()
}

fn opening(code: &str) -> Request<Body> {
    let body = json!({ "code": code }).to_string();
    Request::post("/ui/session")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_link_opens_the_page_once() {
    let (_dir, desk) = fixture::desk("").await;
    let token = ManageToken::random().unwrap();
    let app = router(desk, token.clone());
    let bearer = format!("Bearer {}", token.expose());

    let without = Request::post("/manage/link").body(Body::empty()).unwrap();
    let refused = app.clone().oneshot(without).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    let with = Request::post("/manage/link").header("authorization", bearer);
    let made = app.clone().oneshot(with.body(Body::empty()).unwrap()).await;
    let link: PageLinkResponse = serde_json::from_slice(&body(made.unwrap()).await).unwrap();
    let code = link.path.strip_prefix("/ui/#code=").unwrap();

    let wrong = app.clone().oneshot(opening("guess")).await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    let right = app.clone().oneshot(opening(code)).await.unwrap();
    assert_eq!(right.headers()[header::CACHE_CONTROL], "no-store");
    let session: Value = serde_json::from_slice(&body(right).await).unwrap();
    assert_eq!(session["token"], token.expose());
    let again = app.oneshot(opening(code)).await.unwrap();
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn a_link_grows_old() {
    let links = Links::default();
    let (old, new) = (links.make().unwrap(), links.make().unwrap());
    tokio::time::advance(LIFE - Duration::from_secs(1)).await;
    assert!(links.take(new.expose()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(!links.take(old.expose()));
}

#[tokio::test]
async fn many_links_push_out_the_oldest_only() {
    let links = Links::default();
    let made: Vec<_> = (0..=MOST_LINKS).map(|_| links.make().unwrap()).collect();
    assert!(!links.take(made[0].expose()));
    assert!(made[1..].iter().all(|code| links.take(code.expose())));
}

#[tokio::test]
async fn files_go_out_with_their_type_and_the_policy() {
    let script = serve(SAMPLE, "assets/index-1a.js");
    assert_eq!(
        script.headers()[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
    assert!(
        script.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(
        script.headers()[header::CONTENT_SECURITY_POLICY],
        CONTENT_SECURITY_POLICY
    );
    assert_eq!(body(script).await, b"go()");
    assert_eq!(
        serve(SAMPLE, INDEX).headers()[header::CACHE_CONTROL],
        "no-cache"
    );
    for path in ["", "assets/", "../index.html", "session", "index.htm"] {
        let missing = serve(SAMPLE, path);
        assert_eq!(missing.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(
            missing
                .headers()
                .contains_key(header::CONTENT_SECURITY_POLICY)
        );
    }
}

#[tokio::test]
async fn a_program_without_the_page_says_how_to_build_it() {
    let response = serve(&[], INDEX);
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = String::from_utf8(body(response).await).unwrap();
    assert!(text.contains("cargo xtask ui"));
}

#[test]
fn the_policy_allows_nothing_inline_and_nobody_else() {
    for word in ["unsafe", "http:", "https:", "*"] {
        assert!(!CONTENT_SECURITY_POLICY.contains(word), "{word}");
    }
}

/// The page's types are made from this file, so it must say what the API is now.
#[test]
fn the_page_knows_this_api() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../ui/openapi.json");
    let known = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        known.trim_end() == crate::document().trim_end(),
        "the API changed: run `byokey openapi > ui/openapi.json`, then `npm run api` in ui/"
    );
}
