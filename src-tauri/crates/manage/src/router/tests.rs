use axum::body::{Body, to_bytes};
use axum::http::Method;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::fixture::desk;

async fn house() -> (tempfile::TempDir, Router, ManageToken) {
    let (dir, desk) = desk("").await;
    let token = ManageToken::random().unwrap();
    (dir, router(desk, token.clone()), token)
}

async fn ask(router: &Router, request: Request) -> (StatusCode, Value) {
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

fn request(method: Method, path: &str, token: &str, body: impl Into<Body>) -> Request {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

/// Method and path of every operation in the document.
fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone()))
    });
    operations.collect()
}

#[tokio::test]
async fn nothing_answers_without_the_token() {
    let (_dir, router, token) = house().await;
    let paths = operations()
        .into_iter()
        .map(|(method, path)| (method, path.replace("{id}", "1")));
    let unknown = [
        (Method::GET, "/manage".to_owned()),
        (Method::GET, "/manage/none".to_owned()),
    ];
    for (method, path) in paths.chain(unknown) {
        let short = &token.expose()[1..];
        for wrong in ["", "byk_abc", "' OR '1'='1", short, &"x".repeat(1 << 20)] {
            let (status, answer) = ask(&router, request(method.clone(), &path, wrong, "")).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(answer["error"]["code"], "unauthorized");
        }
        let mut without = request(method, &path, "", "");
        without.headers_mut().remove(header::AUTHORIZATION);
        assert_eq!(ask(&router, without).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn the_document_names_what_there_is() {
    let (_dir, router, token) = house().await;
    let operations = operations();
    assert!(!operations.is_empty());
    for (method, path) in operations {
        let path = path.replace("{id}", "1");
        let answered = request(method.clone(), &path, token.expose(), "");
        // The stream of news never ends, so only heads are compared.
        let answer = router.clone().oneshot(answered).await.unwrap();
        assert_ne!(
            answer.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        if answer.status() == StatusCode::NOT_FOUND {
            let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(!body.contains("nothing stands"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn bad_calls_are_refused_in_one_form() {
    let (_dir, router, token) = house().await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(MOST_BODY));
    let deep = "[".repeat(100_000);
    for (method, path, body, status, code) in [
        (Method::GET, "/manage/none", "", 404, "not-found"),
        (Method::PUT, "/manage/status", "", 405, "method"),
        (Method::POST, "/manage/keys", "", 400, "bad-request"),
        (Method::POST, "/manage/keys", "{", 400, "bad-request"),
        (Method::POST, "/manage/keys", "[]", 400, "bad-request"),
        (
            Method::POST,
            "/manage/keys",
            "{\"nam\":\"x\"}",
            400,
            "bad-request",
        ),
        (Method::POST, "/manage/keys", &deep, 400, "bad-request"),
        (Method::POST, "/manage/keys", &big, 413, "too-large"),
        (
            Method::POST,
            "/manage/keys",
            "{\"name\":\"a/b\"}",
            422,
            "bad-value",
        ),
        (Method::GET, "/manage/usage?by=moon", "", 400, "bad-request"),
        (
            Method::GET,
            "/manage/usage?since=yesterday",
            "",
            400,
            "bad-request",
        ),
        (Method::DELETE, "/manage/accounts/x", "", 404, "not-found"),
        (Method::DELETE, "/manage/accounts/7", "", 404, "not-found"),
        (
            Method::POST,
            "/manage/accounts/7/check",
            "",
            404,
            "not-found",
        ),
        (Method::DELETE, "/manage/keys/x", "", 404, "not-found"),
    ] {
        let asked = request(method.clone(), path, token.expose(), body.to_owned());
        let (found, answer) = ask(&router, asked).await;
        assert_eq!(
            (found.as_u16(), &answer["error"]["code"]),
            (status, &code.into()),
            "{path}"
        );
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    let mut form = request(
        Method::POST,
        "/manage/keys",
        token.expose(),
        "{\"name\":\"x\"}",
    );
    form.headers_mut()
        .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(ask(&router, form).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_refused_body_is_not_repeated() {
    let (_dir, router, token) = house().await;
    let body = r#"{"provider": "openai", "key": "sk-canary", "keys": "sk-canary"}"#;
    let asked = request(Method::POST, "/manage/accounts", token.expose(), body);
    let (status, answer) = ask(&router, asked).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(!answer.to_string().contains("canary"));
}

#[tokio::test]
async fn news_reach_a_viewer_and_end_with_the_engine() {
    let (_dir, desk) = desk("").await;
    let token = ManageToken::random().unwrap();
    let router = router(desk.clone(), token.clone());
    let asked = request(Method::GET, "/manage/events", token.expose(), "");
    let news = router.oneshot(asked).await.unwrap();
    let name = CreateKeyParams {
        name: "x".into(),
        ..CreateKeyParams::default()
    };
    desk.create_key(name, Actor::Cli).await.unwrap();
    desk.engine().stop();
    let told = to_bytes(news.into_body(), usize::MAX).await.unwrap();
    assert_eq!(
        &told[..],
        b"event: accounts\ndata: {\"event\":\"accounts\"}\n\n"
    );
}
