use std::sync::Arc;

use byokey_catalog::Catalog;
use byokey_sim::{Issuer, Realm, User};
use byokey_vault::{Actor, Login, NewSignIn, Secret, TokenSet};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::fixture::{to, vault};
use crate::sign_ins::TOKEN_ORIGIN;

const TOKEN_URL: &str = "https://auth.kimi.com/api/oauth/token";
const CLIENT: &str = "17e5f671-d194-4dfb-9706-5516cb48c098";

/// An account of this route that was signed in at the issuer.
fn account(
    vault: &Vault,
    issuer: &Issuer,
    route: (&str, &str),
    tokens: (String, String),
) -> TokenAsk {
    let now = Timestamp::now();
    let origin = issuer.url(TOKEN_URL).parse::<Url>().unwrap().origin();
    let set = TokenSet {
        access: Secret::new(tokens.0),
        refresh: Some(Secret::new(tokens.1)),
        expires: Some(now + SignedDuration::from_hours(2)),
        obtained: now,
        earliest_refresh: None,
        scope: None,
        client: None,
        second: None,
        extra: [(TOKEN_ORIGIN.to_owned(), origin.ascii_serialization())].into(),
    };
    let new = NewSignIn {
        provider: route.0,
        name: None,
        route: route.1,
        identity: None,
        label: None,
        plan: None,
        base_origin: None,
        fields: &[],
    };
    let signed_in = vault.sign_in(new, Login::Tokens(&set), Actor::Cli);
    TokenAsk {
        account: signed_in.unwrap().account,
        catalog: Arc::new(Catalog::bundled().unwrap()),
        overrides: Arc::new(to(issuer)),
    }
}

#[tokio::test]
async fn a_token_is_proved_and_renewed_once_where_it_is_refused() {
    let (vault, issuer, ada) = (vault(), Issuer::start().await, User::new("ada"));
    let tokens = issuer.signed_in(Realm::Kimi, &ada, CLIENT);
    let ask = account(&vault, &issuer, ("kimi", "kimi-device"), tokens);
    let keeper = Keeper::on(vault.clone(), crate::Machine::at("/nowhere", [].into()));

    let verdict = check_login(&keeper, &vault, &ask).await;
    assert_eq!(verdict, Ok(LoginVerdict::Accepted));
    assert_eq!(issuer.posts(TOKEN_URL), 0);

    issuer.expire(Realm::Kimi);
    let verdict = check_login(&keeper, &vault, &ask).await;
    assert_eq!(verdict, Ok(LoginVerdict::Accepted));
    assert_eq!(issuer.posts(TOKEN_URL), 1);

    issuer.end(Realm::Kimi, &ada);
    let ended = check_login(&keeper, &vault, &ask).await;
    assert!(
        matches!(ended, Err(TokenTrouble::NeedsSignIn { .. })),
        "{ended:?}"
    );
}

#[tokio::test]
async fn what_has_no_free_call_is_not_asked() {
    let (vault, issuer) = (vault(), Issuer::start().await);
    let tokens = ("access".to_owned(), "refresh".to_owned());
    let ask = account(&vault, &issuer, ("claude", "oauth-pkce"), tokens);
    let keeper = Keeper::on(vault.clone(), crate::Machine::at("/nowhere", [].into()));
    let verdict = check_login(&keeper, &vault, &ask).await;
    assert_eq!(verdict, Ok(LoginVerdict::Unasked));
    assert!(issuer.everything().is_empty());
}
