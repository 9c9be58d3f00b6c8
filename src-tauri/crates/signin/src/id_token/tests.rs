use byokey_sim::Issuer;
use serde_json::json;

use super::*;

const NOW: &str = "2026-11-21T12:00:00Z";

fn wanted<'a>() -> Claimed<'a> {
    Claimed {
        issuers: &["https://i.example"],
        client: "me",
        nonce: Some("n1"),
        now: NOW.parse().unwrap(),
    }
}

fn claims(change: &[(&str, Value)]) -> Value {
    let now: Timestamp = NOW.parse().unwrap();
    let mut claims = json!({
        "iss": "https://i.example", "aud": "me", "sub": "ada", "nonce": "n1",
        "iat": now.as_second(), "exp": now.as_second() + 600,
    });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    claims
}

#[test]
fn sound_claims_pass() {
    let now: Timestamp = NOW.parse().unwrap();
    for change in [
        vec![],
        vec![("aud", json!(["me"]))],
        vec![("aud", json!(["me", "other"])), ("azp", json!("me"))],
        vec![("azp", json!("me"))],
        // Clocks differ by a minute.
        vec![("exp", json!(now.as_second() - 60))],
        vec![("iat", json!(now.as_second() + 60))],
    ] {
        assert_eq!(wanted().check(&claims(&change)), Ok(()), "{change:?}");
    }
}

#[test]
fn claims_of_others_are_refused() {
    let now: Timestamp = NOW.parse().unwrap();
    for change in [
        vec![("iss", json!("https://i.example/"))],
        vec![("iss", Value::Null)],
        vec![("aud", json!("other"))],
        vec![("aud", json!([]))],
        vec![("aud", json!(["other"]))],
        vec![("aud", json!(["me", "other"]))],
        vec![("aud", json!(["me", "other"])), ("azp", json!("other"))],
        vec![("azp", json!("other"))],
        vec![("nonce", json!("n2"))],
        vec![("nonce", Value::Null)],
        vec![("exp", Value::Null)],
        vec![("exp", json!(now.as_second() - 121))],
        vec![("iat", json!(now.as_second() + 121))],
        vec![("nbf", json!(now.as_second() + 86_400))],
        vec![("sub", json!(""))],
        vec![("sub", Value::Null)],
    ] {
        assert!(wanted().check(&claims(&change)).is_err(), "{change:?}");
    }
}

#[test]
fn the_token_does_not_choose_how_it_is_checked() {
    let keys =
        Keys::read(br#"{"keys":[{"kty":"RSA","kid":"k","n":"AQAB","e":"AQAB"},{"kty":"EC"},7]}"#);
    let keys = keys.unwrap();
    assert_eq!(keys.0.len(), 1 + 1);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = part(&claims(&[]));
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "kid": "k"}),
        json!({"alg": "RS512", "kid": "k"}),
        json!({"alg": "RS256", "kid": "k", "crit": ["b64"]}),
        json!({"alg": "RS256", "kid": "k"}),
        json!({"alg": "RS256", "kid": "unknown"}),
        json!({"kid": "k"}),
    ] {
        for signature in ["", "AAAA"] {
            let token = Secret::new(format!("{}.{body}.{signature}", part(&header)));
            assert!(keys.verify(&token, &wanted()).is_err(), "{header}");
        }
    }
    for text in ["", "a", "a.b", "a.b.c", "..", "e30.e30.e30"] {
        assert!(
            keys.verify(&Secret::new(text), &wanted()).is_err(),
            "{text}"
        );
    }
    for body in ["", "[]", "{}", r#"{"keys":7}"#] {
        assert!(Keys::read(body.as_bytes()).is_none(), "{body}");
    }
}

/// With an issuer's real keys and signatures; the flow's tests show what each bend leads to.
#[tokio::test]
async fn keys_are_fetched_from_the_issuers_own_place_only() {
    let issuer = Issuer::start().await;
    let overrides = Overrides {
        origins: issuer.origins().clone(),
        ..Overrides::default()
    };
    let http = Http::new().unwrap();
    let found = crate::discovery::ask(&http, &overrides, Issuer::OIDC)
        .await
        .unwrap();
    let keys = Keys::fetch(&http, &overrides, found.keys(&overrides).unwrap()).await;
    assert!(!keys.unwrap().0.is_empty());
    let elsewhere = crate::discovery::Discovery {
        jwks_uri: Some("https://evil.example/keys".to_owned()),
        ..found
    };
    assert!(elsewhere.keys(&overrides).is_err());
}
