//! Accounts that follow another program.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const LIFE: i64 = 3600;

/// A home folder in which Claude Code is signed in, and a keeper of an account that follows it.
struct Home {
    dir: TempDir,
    vault: Vault,
    keeper: Keeper,
    ask: TokenAsk,
    offset: Arc<AtomicI64>,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".claude")).unwrap();
        let vault = Vault::open(Path::new("nowhere"), HomeChoice::Memory).unwrap();
        let path = dir.path().join(".claude/.credentials.json");
        let new = NewSignIn {
            provider: "claude",
            name: None,
            route: "oauth-pkce",
            identity: None,
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        let source = format!("claude-code:file:{}#", path.display());
        let login = Login::Followed {
            owner: "Claude Code",
            source: &source,
        };
        let account = vault.sign_in(new, login, Actor::Cli).unwrap().account;
        let offset = Arc::new(AtomicI64::new(0));
        let home = Self {
            keeper: keeper(&vault, dir.path(), &offset),
            ask: TokenAsk {
                account,
                catalog: Arc::new(Catalog::bundled().unwrap()),
                overrides: Arc::default(),
            },
            dir,
            vault,
            offset,
        };
        home.owner_writes("first", LIFE);
        home
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join(".claude/.credentials.json")
    }

    /// The owner has a token for so many seconds from now, and puts it in place as a whole.
    fn owner_writes(&self, token: &str, seconds: i64) {
        let end = Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let end = end.as_millisecond();
        let text = format!(
            r#"{{"claudeAiOauth":{{"accessToken":"{token}","refreshToken":"r","expiresAt":{end}}}}}"#
        );
        let beside = self.dir.path().join("beside");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, self.path()).unwrap();
    }

    fn clock(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::SeqCst);
    }

    async fn token(&self) -> Result<String, TokenTrouble> {
        let token = self.keeper.token(&self.ask).await;
        token.map(|token| token.secret().expose().to_owned())
    }

    fn condition(&self) -> Condition {
        self.vault.account(self.ask.account.id).unwrap().condition
    }

    fn stamp(&self) -> (Vec<u8>, std::time::SystemTime) {
        let modified = fs::metadata(self.path()).unwrap().modified().unwrap();
        (fs::read(self.path()).unwrap(), modified)
    }
}

fn keeper(vault: &Vault, home: &Path, offset: &Arc<AtomicI64>) -> Keeper {
    let told = offset.clone();
    let clock = Clock::told(move || {
        let offset = jiff::SignedDuration::from_secs(told.load(Ordering::SeqCst));
        Timestamp::now().checked_add(offset).unwrap()
    });
    let machine = Machine::at(home, BTreeMap::new());
    Keeper::with(vault.clone(), machine, clock)
}

/// Waits until the watcher has seen what makes `done` true.
async fn until(keeper: &Keeper, done: impl Fn() -> bool) {
    let mut changes = keeper.changes();
    let seen = async {
        while !done() {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen)
        .await
        .expect("the change was not noticed");
}

fn needs_owner(outcome: Result<String, TokenTrouble>) -> String {
    match outcome {
        Err(TokenTrouble::NeedsOwner { words }) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_owner_renews_and_byokey_only_reads() {
    let home = Home::new();
    home.keeper.follow(std::slice::from_ref(&home.ask));
    let before = home.stamp();
    let callers = (0..1000).map(|_| {
        let (keeper, ask) = (home.keeper.clone(), home.ask.clone());
        tokio::spawn(async move { keeper.token(&ask).await.is_ok() })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert!(caller.await.unwrap());
    }
    assert_eq!(home.token().await.unwrap(), "first");
    // It ends, and the owner does nothing.
    home.clock(LIFE);
    let words = needs_owner(home.token().await);
    assert!(words.contains("run `claude` once"), "{words}");
    assert_eq!(home.condition(), Condition::NeedsOwner);
    assert_eq!(needs_owner(home.token().await), words);
    assert_eq!(home.stamp(), before);
    // The owner does; nobody asks for a token meanwhile.
    home.owner_writes("second", 3 * LIFE);
    until(&home.keeper, || home.condition() == Condition::Ready).await;
    assert_eq!(home.token().await.unwrap(), "second");
    assert!(home.vault.tokens(home.ask.account.id).is_err());
}

#[tokio::test]
async fn a_token_that_lives_gives_way_to_a_newer_one() {
    let home = Home::new();
    home.keeper.follow(std::slice::from_ref(&home.ask));
    assert_eq!(home.token().await.unwrap(), "first");
    let mut changes = home.keeper.changes();
    changes.mark_unchanged();
    home.owner_writes("second", LIFE);
    let seen = tokio::time::timeout(Duration::from_secs(60), changes.changed());
    seen.await.unwrap().unwrap();
    assert_eq!(home.token().await.unwrap(), "second");
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    let home = Home::new();
    let first = home.keeper.token(&home.ask).await.unwrap();
    let refused = home.keeper.refused(&home.ask, &first, "revoked").await;
    let words = needs_owner(refused.map(|_| String::new()));
    assert_eq!(
        words,
        "the provider refuses the login of Claude Code (revoked): run `claude` once, or sign in \
         with byokey"
    );
    assert_eq!(home.condition(), Condition::NeedsOwner);
    // Neither later nor when a watcher looks.
    home.clock(60);
    assert_eq!(needs_owner(home.token().await), words);
    home.keeper.0.told(home.ask.account.id);
    assert_eq!(needs_owner(home.token().await), words);
    home.owner_writes("second", LIFE);
    home.keeper.0.told(home.ask.account.id);
    assert_eq!(home.token().await.unwrap(), "second");
    assert_eq!(home.condition(), Condition::Ready);
}

#[tokio::test]
async fn what_the_owner_has_renewed_meanwhile_is_used() {
    let home = Home::new();
    let first = home.keeper.token(&home.ask).await.unwrap();
    home.owner_writes("second", LIFE);
    let another = home.keeper.refused(&home.ask, &first, "expired").await;
    assert_eq!(another.unwrap().secret().expose(), "second");
    assert_eq!(home.condition(), Condition::Ready);
}

#[tokio::test]
async fn while_the_owner_writes_the_token_in_hand_goes_on() {
    let home = Home::new();
    let whole = fs::read(home.path()).unwrap();
    fs::write(home.path(), &whole[..30]).unwrap();
    let nothing = home.token().await;
    assert!(
        matches!(nothing, Err(TokenTrouble::Passing { .. })),
        "{nothing:?}"
    );
    assert_eq!(home.condition(), Condition::Ready);
    fs::write(home.path(), &whole).unwrap();
    let another = keeper(&home.vault, home.dir.path(), &home.offset);
    let first = another.token(&home.ask).await.unwrap();
    // The flight comes while half of the file is there, and the rest follows.
    fs::write(home.path(), &whole[..30]).unwrap();
    let (late, path) = (whole.clone(), home.path());
    let writer = std::thread::spawn(move || fs::write(path, late).unwrap());
    let flight = another.refused(&home.ask, &first, "").await;
    writer.join().unwrap();
    let trouble = flight.map(|_| String::new());
    assert!(
        matches!(trouble, Err(TokenTrouble::NeedsOwner { .. })),
        "{trouble:?}"
    );
}

#[tokio::test]
async fn two_processes_follow_one_owner() {
    let home = Home::new();
    let other = keeper(&home.vault, home.dir.path(), &home.offset);
    assert_eq!(home.token().await.unwrap(), "first");
    home.clock(LIFE);
    let mine = needs_owner(home.token().await);
    let theirs = other.token(&home.ask).await.map(|_| String::new());
    assert_eq!(needs_owner(theirs), mine);
    home.owner_writes("second", 3 * LIFE);
    // The one that looks first clears the state for both.
    other.follow(std::slice::from_ref(&home.ask));
    other.0.told(home.ask.account.id);
    let theirs = other.token(&home.ask).await.unwrap();
    assert_eq!(theirs.secret().expose(), "second");
    assert_eq!(home.condition(), Condition::Ready);
    home.keeper.0.told(home.ask.account.id);
    assert_eq!(home.token().await.unwrap(), "second");
}

#[tokio::test]
async fn a_locked_out_account_is_not_read() {
    let home = Home::new();
    let id = home.ask.account.id;
    let stored = home
        .vault
        .set_condition(id, Condition::Blocked, Some("no"), None);
    stored.unwrap();
    let got = home.token().await;
    assert!(matches!(got, Err(TokenTrouble::Blocked { .. })), "{got:?}");
    home.keeper.0.told(id);
    assert_eq!(home.condition(), Condition::Blocked);
}

#[tokio::test]
async fn a_new_token_that_is_refused_as_well_waits_for_the_owner() {
    let home = Home::new();
    let first = home.keeper.token(&home.ask).await.unwrap();
    home.keeper
        .gave_up(&home.ask, &first, "no plan")
        .await
        .unwrap();
    let account = home.vault.account(home.ask.account.id).unwrap();
    let words = account.condition_words.unwrap();
    assert!(
        words.contains("Claude Code (no plan): run `claude` once"),
        "{words}"
    );
    home.keeper.0.told(home.ask.account.id);
    assert_eq!(home.condition(), Condition::NeedsOwner);
    assert_eq!(needs_owner(home.token().await), words);
}

#[tokio::test]
async fn without_a_watcher_the_next_requests_find_what_the_owner_renewed() {
    let home = Home::new();
    let first = home.keeper.token(&home.ask).await.unwrap();
    let refused = home.keeper.refused(&home.ask, &first, "expired").await;
    assert!(refused.is_err());
    home.keeper
        .gave_up(&home.ask, &first, "expired")
        .await
        .unwrap();
    // As the engine asks, with the account as it is now.
    let ask = TokenAsk {
        account: home.vault.account(home.ask.account.id).unwrap(),
        ..home.ask.clone()
    };
    home.owner_writes("second", LIFE);
    tokio::time::pause();
    let mut tries = 0;
    let token = loop {
        match home.keeper.token(&ask).await {
            Ok(token) => break token,
            Err(trouble) => assert!(tries < 20, "{trouble}"),
        }
        tries += 1;
        tokio::time::advance(Duration::from_secs(1)).await;
    };
    assert_eq!(token.secret().expose(), "second");
    assert_eq!(home.condition(), Condition::Ready);
}

#[tokio::test]
async fn waiting_for_the_owner_costs_nothing() {
    let home = Home::new();
    home.clock(LIFE);
    needs_owner(home.token().await);
    let asks = [TokenAsk {
        account: home.vault.account(home.ask.account.id).unwrap(),
        ..home.ask.clone()
    }];
    let mut changes = home.keeper.changes();
    changes.mark_unchanged();
    let before = home.vault.generation();
    for _ in 0..50 {
        // As the engine does with each new view, and a watcher with each touch.
        home.keeper.follow(&asks);
        home.keeper.0.told(home.ask.account.id);
    }
    assert_eq!(home.vault.generation(), before, "nothing is written again");
    assert!(!changes.has_changed().unwrap(), "and nobody is woken");
}

#[tokio::test]
async fn looks_at_once_end_with_what_the_owner_wrote_last() {
    for _ in 0..20 {
        let home = Home::new();
        let first = home.keeper.token(&home.ask).await.unwrap();
        let refused = home.keeper.refused(&home.ask, &first, "revoked").await;
        assert!(refused.is_err());
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| home.keeper.0.told(home.ask.account.id));
            }
            home.owner_writes("second", LIFE);
            home.keeper.0.told(home.ask.account.id);
        });
        assert_eq!(home.condition(), Condition::Ready);
        assert_eq!(home.token().await.unwrap(), "second");
    }
}
