mod followed;
mod issuer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use byokey_catalog::Catalog;
use byokey_vault::{Actor, Condition, HomeChoice, Login, NewSignIn};
use jiff::Timestamp;

use self::issuer::{Answer, Issuer};
use super::*;
use crate::Overrides;
use crate::sign_ins::TOKEN_ORIGIN;

/// A keeper over a vault in memory, with a wall clock that the test sets and an issuer.
struct Desk {
    vault: Vault,
    keeper: Keeper,
    issuer: Issuer,
    offset: Arc<AtomicI64>,
    catalog: Arc<Catalog>,
}

impl Desk {
    async fn new() -> Self {
        let vault = Vault::open(Path::new("nowhere"), HomeChoice::Memory).unwrap();
        Self::with(vault).await
    }

    async fn with(vault: Vault) -> Self {
        let offset = Arc::new(AtomicI64::new(0));
        let told = offset.clone();
        let clock = Clock::told(move || {
            let offset = jiff::SignedDuration::from_secs(told.load(Ordering::SeqCst));
            Timestamp::now().checked_add(offset).unwrap()
        });
        Self {
            keeper: Keeper::with(vault.clone(), nobodys(), clock),
            vault,
            issuer: Issuer::start().await,
            offset,
            catalog: Arc::new(Catalog::bundled().unwrap()),
        }
    }

    /// Sets the wall clock to so many seconds from now.
    fn clock(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::SeqCst);
    }

    /// Signs in a Codex account whose token lives an hour.
    fn sign_in(&self, who: &str) -> TokenAsk {
        self.sign_in_with(who, |_| {})
    }

    fn sign_in_with(&self, who: &str, change: impl FnOnce(&mut TokenSet)) -> TokenAsk {
        let mut set = set(who, 3600);
        set.extra
            .insert(TOKEN_ORIGIN.to_owned(), self.issuer.origin());
        change(&mut set);
        let new = NewSignIn {
            provider: "openai",
            name: Some(who),
            route: "codex-pkce",
            identity: Some(who),
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        let signed_in = self.vault.sign_in(new, Login::Tokens(&set), Actor::Cli);
        TokenAsk {
            account: signed_in.unwrap().account,
            catalog: self.catalog.clone(),
            overrides: Arc::new(Overrides {
                token_url: Some(self.issuer.url()),
                ..Overrides::default()
            }),
        }
    }

    async fn token(&self, ask: &TokenAsk) -> Result<String, TokenTrouble> {
        let token = self.keeper.token(ask).await;
        token.map(|token| token.secret().expose().to_owned())
    }

    fn stored(&self, ask: &TokenAsk) -> (String, String) {
        let stored = self.vault.tokens(ask.account.id).unwrap().tokens;
        let refresh = stored.refresh.unwrap();
        (stored.access.expose().into(), refresh.expose().into())
    }

    fn condition(&self, ask: &TokenAsk) -> Condition {
        self.vault.account(ask.account.id).unwrap().condition
    }
}

/// A machine on which no other program keeps anything.
fn nobodys() -> Machine {
    Machine::at("/nowhere", BTreeMap::new())
}

fn set(who: &str, lifetime: i64) -> TokenSet {
    let now = Timestamp::now();
    TokenSet {
        access: Secret::new(format!("access-{who}-0")),
        refresh: Some(Secret::new(format!("refresh-{who}-0"))),
        expires: Some(now + jiff::SignedDuration::from_secs(lifetime)),
        obtained: now,
        earliest_refresh: None,
        scope: None,
        client: None,
        second: None,
        extra: BTreeMap::new(),
    }
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Lets the steady clock run on.
async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_fresh_token_asks_nobody() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    for _ in 0..3 {
        assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-0");
    }
    assert_eq!(desk.issuer.posts().len(), 0);
}

#[tokio::test]
async fn a_thousand_callers_make_one_post() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-0");
    desk.clock(2 * HOUR);
    let callers = (0..1000).map(|_| {
        let (keeper, ask) = (desk.keeper.clone(), ask.clone());
        tokio::spawn(async move {
            keeper
                .token(&ask)
                .await
                .map(|it| it.secret().expose().to_owned())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().unwrap(), "access-ann-1");
    }
    assert_eq!(desk.issuer.posts().len(), 1);
    assert_eq!(
        desk.stored(&ask),
        ("access-ann-1".to_owned(), "refresh-ann-1".to_owned())
    );
}

#[tokio::test]
async fn a_caller_that_leaves_ends_no_renewal() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    desk.clock(2 * HOUR);
    let gate = desk.issuer.hold();
    let (keeper, leaving) = (desk.keeper.clone(), ask.clone());
    let caller = tokio::spawn(async move { keeper.token(&leaving).await.map(drop) });
    gate.reached().await;
    assert!(desk.keeper.is_refreshing(ask.account.id));
    caller.abort();
    gate.open();
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-1");
    assert!(!desk.keeper.is_refreshing(ask.account.id));
    assert_eq!(desk.issuer.posts().len(), 1);
}

#[tokio::test]
async fn each_account_is_renewed_for_itself() {
    let desk = Desk::new().await;
    let asks: Vec<_> = (0..50).map(|n| desk.sign_in(&format!("a{n}"))).collect();
    for n in 0..10 {
        let refused = Answer::refused(400, "invalid_grant");
        desk.issuer.always(&format!("refresh-a{n}-0"), refused);
    }
    desk.clock(2 * HOUR);
    let mut callers = Vec::new();
    for (n, ask) in asks.iter().enumerate() {
        for _ in 0..20 {
            let (keeper, ask) = (desk.keeper.clone(), ask.clone());
            let got = async move {
                keeper
                    .token(&ask)
                    .await
                    .map(|it| it.secret().expose().to_owned())
            };
            callers.push((n, tokio::spawn(got)));
        }
    }
    for (n, caller) in callers {
        let got = caller.await.unwrap();
        match n {
            0..10 => assert!(matches!(got, Err(TokenTrouble::NeedsSignIn { .. }))),
            _ => assert_eq!(got.unwrap(), format!("access-a{n}-1")),
        }
    }
    assert_eq!(desk.issuer.posts().len(), 50);
    for (n, ask) in asks.iter().enumerate() {
        let turn = usize::from(n >= 10);
        let pair = (
            format!("access-a{n}-{turn}"),
            format!("refresh-a{n}-{turn}"),
        );
        assert_eq!(desk.stored(ask), pair);
        let condition = [Condition::NeedsSignIn, Condition::Ready][turn];
        assert_eq!(desk.condition(ask), condition);
    }
}

#[tokio::test]
async fn what_only_a_sign_in_can_mend_is_asked_once() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    let refused = Answer::refused(400, "invalid_grant");
    desk.issuer.always("refresh-ann-0", refused);
    desk.clock(2 * HOUR);
    for _ in 0..10_000 {
        let got = desk.token(&ask).await;
        let Err(TokenTrouble::NeedsSignIn { words, login, .. }) = got else {
            panic!("{got:?}");
        };
        assert_eq!(words, "the words of invalid_grant");
        assert_eq!(
            login,
            "byokey login openai --route codex-pkce --account ann"
        );
    }
    // Nor does looking into the vault again ask again, nor a new process.
    pass(60).await;
    assert!(desk.token(&ask).await.is_err());
    assert!(Keeper::new(desk.vault.clone()).token(&ask).await.is_err());
    assert_eq!(desk.issuer.posts().len(), 1);
    assert_eq!(desk.stored(&ask).0, "access-ann-0");
    let account = desk.vault.account(ask.account.id).unwrap();
    let words = account.condition_words.as_deref();
    assert_eq!(words, Some("the words of invalid_grant"));
    // A new sign-in does.
    let again = desk.sign_in("ann");
    desk.clock(0);
    assert_eq!(desk.token(&again).await.unwrap(), "access-ann-0");
    assert_eq!(desk.condition(&ask), Condition::Ready);
}

#[tokio::test]
async fn no_answer_ever_takes_tokens_away() {
    for (answer, ends) in [
        (Answer::refused(400, "invalid_grant"), true),
        (Answer::refused(401, "refresh_token_reused"), true),
        (Answer::refused(401, ""), true),
        (Answer::refused(403, "access_denied"), true),
        (Answer::page(403, "<html>blocked</html>"), false),
        (Answer::refused(400, "invalid_request"), false),
        (Answer::refused(401, "invalid_client"), false),
        (Answer::page(429, "{}"), false),
        (Answer::page(500, "{}"), false),
        (Answer::page(502, "<html>"), false),
        (Answer::page(200, "garbage"), false),
        (Answer::page(200, "{}"), false),
        (Answer::page(200, "{\"access_token\":"), false),
        (
            Answer::page(200, &format!("{{\"a\":\"{}\"}}", "x".repeat(100_000))),
            false,
        ),
        (Answer::Cut, false),
    ] {
        let desk = Desk::new().await;
        let (ann, bob) = (desk.sign_in("ann"), desk.sign_in("bob"));
        let of_bob = desk.vault.account(bob.account.id).unwrap();
        desk.issuer.always("refresh-ann-0", answer.clone());
        desk.clock(2 * HOUR);
        let trouble = desk.token(&ann).await.unwrap_err();
        assert_eq!(trouble.passing(), !ends, "{answer:?}: {trouble}");
        assert!(trouble.to_string().len() < 300, "{trouble}");
        let pair = ("access-ann-0".to_owned(), "refresh-ann-0".to_owned());
        assert_eq!(desk.stored(&ann), pair);
        let condition = match ends {
            true => Condition::NeedsSignIn,
            false => Condition::Ready,
        };
        assert_eq!(desk.condition(&ann), condition, "{answer:?}");
        assert_eq!(desk.vault.account(bob.account.id).unwrap(), of_bob);
        assert_eq!(desk.issuer.posts().len(), 1);
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_again_later_and_not_before() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    desk.issuer.once("refresh-ann-0", Answer::page(503, "{}"));
    desk.issuer.once(
        "refresh-ann-0",
        Answer::Page(429, "retry-after: 40\r\n".into(), "{}".into()),
    );
    desk.clock(2 * HOUR);
    let posts = || desk.issuer.posts().len();
    for _ in 0..100 {
        assert!(desk.token(&ask).await.is_err());
    }
    assert_eq!(posts(), 1);
    pass(7).await;
    let trouble = desk.token(&ask).await.unwrap_err();
    assert_eq!(posts(), 2);
    assert!(trouble.passing());
    pass(39).await;
    let Err(TokenTrouble::Passing { retry_after, .. }) = desk.token(&ask).await else {
        panic!("it must wait");
    };
    assert!(retry_after.is_some_and(|wait| wait <= Duration::from_secs(9)));
    assert_eq!(posts(), 2);
    pass(10).await;
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-1");
    assert_eq!(posts(), 3);
}

#[tokio::test]
async fn a_token_that_still_lives_is_used_while_its_successor_is_got() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    assert!(desk.token(&ask).await.is_ok());
    desk.clock(HOUR - 250);
    let gate = desk.issuer.hold();
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-0");
    gate.reached().await;
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-0");
    let mut changes = desk.keeper.changes();
    gate.open();
    while desk.keeper.is_refreshing(ask.account.id) {
        changes.changed().await.unwrap();
    }
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-1");
    assert_eq!(desk.issuer.posts().len(), 1);
    // The same where the issuer fails: the old one is used to its end.
    desk.clock(2 * HOUR - 400);
    desk.issuer.always("refresh-ann-1", Answer::page(500, "{}"));
    for _ in 0..10 {
        assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-1");
    }
    let keeper = Keeper::with(desk.vault.clone(), nobodys(), desk.keeper.0.clock.clone());
    let token = keeper.token(&ask).await.unwrap();
    assert_eq!(token.secret().expose(), "access-ann-1");
}

#[tokio::test]
async fn the_old_refresh_token_stays_where_no_new_one_comes() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    desk.issuer.once(
        "refresh-ann-0",
        Answer::page(200, r#"{"access_token":"a1","expires_in":60}"#),
    );
    desk.clock(2 * HOUR);
    assert_eq!(desk.token(&ask).await.unwrap(), "a1");
    assert_eq!(
        desk.stored(&ask),
        ("a1".to_owned(), "refresh-ann-0".to_owned())
    );
    let post = &desk.issuer.posts()[0];
    for part in [
        "\"grant_type\":\"refresh_token\"",
        "app_EMoamEEZ73f0CkXaXp7hrann",
    ] {
        assert!(post.contains(part), "{post}");
    }
    // And a new refresh token is kept although no access token came with it.
    desk.clock(4 * HOUR);
    desk.issuer.once(
        "refresh-ann-0",
        Answer::page(200, r#"{"refresh_token":"r1"}"#),
    );
    let _ = desk.token(&ask).await;
    assert_eq!(desk.stored(&ask), ("a1".to_owned(), "r1".to_owned()));
}

#[tokio::test]
async fn tokens_of_somebody_else_are_not_taken() {
    let token = |user: &str| {
        let claims = format!(
            r#"{{"https://api.openai.com/auth":{{"chatgpt_user_id":"{user}","chatgpt_account_id":"o"}}}}"#
        );
        let claims = URL_SAFE_NO_PAD.encode(claims);
        format!(r#"{{"access_token":"theirs","id_token":"e30.{claims}.c2ln"}}"#)
    };
    for (user, taken) in [("ann", true), ("bob", false)] {
        let desk = Desk::new().await;
        let ask = desk.sign_in("ann");
        desk.issuer
            .once("refresh-ann-0", Answer::page(200, &token(user)));
        desk.clock(2 * HOUR);
        assert_eq!(desk.token(&ask).await.is_ok(), taken);
        assert_eq!(desk.stored(&ask).0 == "theirs", taken);
        assert_eq!(desk.condition(&ask) == Condition::NeedsSignIn, !taken);
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_who_used_it() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    let used = desk.keeper.token(&ask).await.unwrap();
    let callers = (0..100).map(|_| {
        let (keeper, ask, used) = (desk.keeper.clone(), ask.clone(), used.clone());
        tokio::spawn(async move {
            let token = keeper.refused(&ask, &used, "no").await;
            token.map(|it| it.secret().expose().to_owned())
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap().unwrap(), "access-ann-1");
    }
    // A latecomer with the old one does not cost another.
    let late = desk.keeper.refused(&ask, &used, "no").await.unwrap();
    assert_eq!(late.secret().expose(), "access-ann-1");
    assert_eq!(desk.issuer.posts().len(), 1);
    // Refused once more, it is over, and says whose words these were.
    desk.keeper.gave_up(&ask, &used, "late").await.unwrap();
    assert_eq!(desk.condition(&ask), Condition::Ready);
    desk.keeper.gave_up(&ask, &late, "still no").await.unwrap();
    assert_eq!(desk.condition(&ask), Condition::NeedsSignIn);
    let account = desk.vault.account(ask.account.id).unwrap();
    assert_eq!(account.condition_words.as_deref(), Some("still no"));
}

#[tokio::test]
async fn a_refused_token_that_nothing_renews_needs_a_sign_in() {
    let desk = Desk::new().await;
    let ask = desk.sign_in_with("ann", |set| set.refresh = None);
    let used = desk.keeper.token(&ask).await.unwrap();
    let refused = desk.keeper.refused(&ask, &used, "revoked").await;
    assert!(matches!(refused, Err(TokenTrouble::NeedsSignIn { words, .. }) if words == "revoked"));
    assert_eq!(desk.condition(&ask), Condition::NeedsSignIn);
    assert_eq!(desk.issuer.posts().len(), 0);
}

#[tokio::test]
async fn tokens_are_renewed_only_where_they_came_from() {
    let desk = Desk::new().await;
    let ask = desk.sign_in_with("ann", |set| {
        let elsewhere = "https://auth.openai.com".to_owned();
        set.extra.insert(TOKEN_ORIGIN.to_owned(), elsewhere);
    });
    desk.clock(2 * HOUR);
    let trouble = desk.token(&ask).await.unwrap_err();
    assert!(
        matches!(&trouble, TokenTrouble::Moved { named, .. } if *named == desk.issuer.origin())
    );
    assert_eq!(desk.issuer.posts().len(), 0);
    assert_eq!(desk.condition(&ask), Condition::Ready);
    // The configuration was put right.
    let back = desk.sign_in("ann");
    assert_eq!(desk.token(&back).await.unwrap(), "access-ann-1");
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_costs_one_post_each_way() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    assert!(desk.token(&ask).await.is_ok());
    desk.clock(DAY);
    assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-1");
    desk.clock(0);
    let mut changes = desk.keeper.changes();
    assert!(desk.token(&ask).await.is_ok());
    while desk.keeper.is_refreshing(ask.account.id) {
        changes.changed().await.unwrap();
    }
    for _ in 0..10 {
        assert_eq!(desk.token(&ask).await.unwrap(), "access-ann-2");
    }
    assert_eq!(desk.issuer.posts().len(), 2);
}

#[tokio::test]
async fn a_renewal_before_its_time_is_not_tried() {
    let desk = Desk::new().await;
    let ask = desk.sign_in_with("ann", |set| {
        set.earliest_refresh = Some(Timestamp::now() + jiff::SignedDuration::from_mins(50));
    });
    let used = desk.keeper.token(&ask).await.unwrap();
    let refused = desk.keeper.refused(&ask, &used, "no").await;
    assert!(matches!(refused, Err(TokenTrouble::Passing { .. })));
    assert_eq!(desk.issuer.posts().len(), 0);
}

#[tokio::test]
async fn another_process_that_holds_the_lock_is_waited_for_and_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        let master = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        Vault::open(dir.path(), HomeChoice::MasterKey(Secret::new(master))).unwrap()
    };
    let (desk, other) = (Desk::with(open()).await, open());
    let ask = desk.sign_in("ann");
    desk.clock(2 * HOUR);
    let lock = other.try_lock_account(ask.account.id).unwrap().unwrap();
    let (keeper, waiting) = (desk.keeper.clone(), ask.clone());
    let waits = tokio::spawn(async move {
        let token = keeper.token(&waiting).await;
        token.map(|it| it.secret().expose().to_owned())
    });
    while !desk.keeper.is_refreshing(ask.account.id) {
        tokio::task::yield_now().await;
    }
    let theirs = set("theirs", 4 * HOUR);
    other
        .renew(ask.account.id, ask.account.generation, &theirs)
        .unwrap();
    drop(lock);
    assert_eq!(waits.await.unwrap().unwrap(), "access-theirs-0");
    assert_eq!(desk.issuer.posts().len(), 0);
}

#[tokio::test]
async fn a_removed_account_is_forgotten() {
    let desk = Desk::new().await;
    let ask = desk.sign_in("ann");
    assert!(desk.token(&ask).await.is_ok());
    desk.vault
        .remove_account(ask.account.id, Actor::Cli)
        .unwrap();
    desk.keeper.keep_only(&[]);
    assert!(matches!(
        desk.token(&ask).await,
        Err(TokenTrouble::NoTokens(_))
    ));
}
