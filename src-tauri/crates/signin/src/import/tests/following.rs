//! Accounts that follow another program, from the moment they are taken.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

#[test]
fn a_login_is_followed_and_never_touched() {
    let scene = Scene::new();
    let path = scene.write(CLAUDE, &claude("first", LATER));
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&*found[0].place, found[0].plan.as_deref()),
        ("~/.claude/.credentials.json", Some("max"))
    );
    let refused = scene.take(&found[0]);
    assert!(
        matches!(refused, Err(SigninError::NeedsNotice { .. })),
        "{refused:?}"
    );
    assert_eq!(scene.vault.accounts().unwrap(), []);
    scene.accept("claude-oauth");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.kind, AccountKind::Followed);
    assert_eq!(account.owner.as_deref(), Some("Claude Code"));
    // No token of it is in the vault.
    assert!(scene.vault.tokens(account.id).is_err());
    assert!(scene.vault.credential(account.id).is_err());
    let before = stamp(&path);
    assert_eq!(
        scene.followed(&account, now()).unwrap(),
        "sk-ant-oat01-first"
    );
    // It ends, and the owner has not renewed it.
    let end = Timestamp::from_millisecond(LATER).unwrap();
    let trouble = scene.followed(&account, end).unwrap_err();
    assert!(!trouble.passes());
    assert_eq!(
        trouble.to_string(),
        "the login of Claude Code has expired: run `claude` once, or sign in with byokey"
    );
    assert_eq!(stamp(&path), before);
    // The owner renews it, in the middle of which half of the file is there.
    let renewed = claude("second", LATER + 1000);
    fs::write(&path, &renewed[..40]).unwrap();
    let trouble = scene.followed(&account, end).unwrap_err();
    assert!(trouble.passes(), "{trouble}");
    fs::write(&path, renewed).unwrap();
    assert_eq!(
        scene.followed(&account, end).unwrap(),
        "sk-ant-oat01-second"
    );
    // The person signs out there.
    fs::write(&path, "{}").unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble
            .to_string()
            .starts_with("Claude Code is signed out: run `claude` once")
    );
    fs::remove_file(&path).unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        !trouble.passes() && trouble.to_string().contains("signed out"),
        "{trouble}"
    );
}

#[test]
fn the_keychain_goes_before_the_file() {
    let mut scene = Scene::new();
    let keys = Arc::new(Keys::default());
    scene.items = Some(keys.clone());
    let item = |text: Result<String, Unread>| {
        keys.0
            .lock()
            .insert("Claude Code-credentials".to_owned(), text);
    };
    scene.write(CLAUDE, &claude("old", BEFORE));
    item(Ok(claude("new", LATER)));
    scene.accept("claude-oauth");
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "keychain item `Claude Code-credentials`");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "sk-ant-oat01-new");
    item(Err(Unread::Locked));
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble.passes() && trouble.to_string().contains("unlock it"),
        "{trouble}"
    );
    item(Ok(claude("newer", LATER)));
    assert_eq!(
        scene.followed(&account, now()).unwrap(),
        "sk-ant-oat01-newer"
    );
    // The same token in both places is one login.
    scene.write(CLAUDE, &claude("newer", LATER));
    assert_eq!(scene.plan(&["claude-code"]).len(), 1);
}

#[test]
fn another_person_at_the_owner_is_noticed() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    scene.write(CLAUDE, &claude("a", LATER));
    let person = |id: &str| {
        let text =
            format!(r#"{{"oauthAccount":{{"accountUuid":"{id}","emailAddress":"{id}@b.c"}}}}"#);
        scene.write(".claude.json", &text);
    };
    person("ada");
    let found = scene.plan(&["claude-code"]);
    assert_eq!(found[0].label.as_deref(), Some("ada@b.c"));
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.identity.as_deref(), Some("ada/"));
    person("bob");
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(trouble.to_string().contains("another account"), "{trouble}");
}

#[test]
fn byokeys_database_holds_several_accounts() {
    let scene = Scene::new();
    let folder = scene.home().join(".byokey");
    fs::create_dir(&folder).unwrap();
    let db = rusqlite::Connection::open(folder.join("tokens.db")).unwrap();
    let end = LATER / 1000;
    let token = |name: &str| {
        format!(
            r#"{{"access_token":"{name}","refresh_token":"r","expires_at":{end},"token_type":"Bearer"}}"#
        )
    };
    db.execute_batch(&format!(
        "CREATE TABLE accounts (provider TEXT, account_id TEXT, label TEXT, is_active INTEGER, \
         token_json TEXT, created_at INTEGER, updated_at INTEGER, PRIMARY KEY (provider, account_id)); \
         INSERT INTO accounts VALUES ('claude', 'default', NULL, 1, '{}', 0, 0), \
         ('claude', 'work', 'Work', 0, '{}', 0, 0), ('copilot', 'default', NULL, 1, '{}', 0, 0), \
         ('qwen', 'default', NULL, 1, '{}', 0, 0);",
        token("one"), token("two"), token("gho_1"), token("q")
    ))
    .unwrap();
    scene.accept("claude-oauth");
    let found = scene.plan(&["byokey"]);
    let lines = lines(&found);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let work = found
        .iter()
        .find(|it| it.label.as_deref() == Some("Work"))
        .unwrap();
    let account = scene.take(work).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "two");
    let update = format!(
        "UPDATE accounts SET token_json = '{}' WHERE account_id = 'work'",
        token("three")
    );
    db.execute_batch(&update).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "three");
    db.execute_batch("DELETE FROM accounts WHERE account_id = 'work'")
        .unwrap();
    let trouble = scene.followed(&account, now()).unwrap_err();
    assert!(
        trouble.to_string().starts_with("BYOKEY is signed out"),
        "{trouble}"
    );
}

#[test]
fn an_older_byokeys_table_is_read_as_well() {
    let scene = Scene::new();
    fs::create_dir(scene.home().join(".byokey")).unwrap();
    let db = rusqlite::Connection::open(scene.home().join(".byokey/tokens.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE tokens (provider TEXT PRIMARY KEY, token_json TEXT NOT NULL); \
         INSERT INTO tokens VALUES ('kimi', '{\"access_token\":\"k\"}');",
    )
    .unwrap();
    let found = scene.plan(&["byokey"]);
    assert_eq!(found.len(), 1, "{:#?}", lines(&found));
    scene.accept("kimi-oauth");
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(scene.followed(&account, now()).unwrap(), "k");
}

#[test]
fn the_kiro_clis_newest_row_counts() {
    let scene = Scene::new();
    let folder = scene.home().join("kiro");
    fs::create_dir(&folder).unwrap();
    let scene = scene.env("KIRO_DATA_DIR", folder.to_str().unwrap());
    let db = rusqlite::Connection::open(folder.join("data.sqlite3")).unwrap();
    let long = "r".repeat(120);
    let token = |access: &str| {
        format!(
            r#"{{"access_token":"{access}","refresh_token":"{long}","expires_at":"2026-12-01T00:00:00Z","region":"us-east-1"}}"#
        )
    };
    db.execute_batch(&format!(
        "CREATE TABLE auth_kv(key TEXT PRIMARY KEY, value TEXT); CREATE TABLE state(key TEXT, value TEXT); \
         INSERT INTO auth_kv VALUES ('codewhisperer:odic:token', '{}'), ('kirocli:odic:token', '{}'); \
         INSERT INTO state VALUES ('api.codewhisperer.profile', \
         '{{\"arn\":\"arn:aws:codewhisperer:eu-central-1:1:profile/A\"}}');",
        token("old"), token("new")
    ))
    .unwrap();
    scene.accept("kiro-oauth");
    let found = scene.plan(&["kiro"]);
    assert_eq!(found.len(), 1, "{:#?}", lines(&found));
    let account = scene.take(&found[0]).unwrap();
    assert_eq!(account.fields["api_region"], "eu-central-1");
    let read = read_followed(&scene.machine(), &scene.catalog, &account, now()).unwrap();
    assert_eq!(read.access.expose(), "new");
    assert_eq!(
        read.extra["profile_arn"],
        "arn:aws:codewhisperer:eu-central-1:1:profile/A"
    );
}

#[test]
fn an_account_whose_source_makes_no_sense_says_so() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    scene.write(CLAUDE, &claude("a", LATER));
    let mut account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let evil = scene.home().join("evil");
    let started = format!("claude-code:command:/usr/bin/touch#{}#", evil.display());
    for source in [
        None,
        Some("gibberish"),
        Some("codex:file:/etc/passwd#"),
        Some("claude-code:env:HOME#"),
        Some("claude-code:item:Somebody else's#"),
        Some(started.as_str()),
    ] {
        account.source = source.map(ToOwned::to_owned);
        let trouble = scene.followed(&account, now()).unwrap_err();
        assert!(trouble.to_string().contains("import it again"), "{trouble}");
    }
    assert!(!evil.exists());
    let found = Account {
        provider: "copilot".to_owned(),
        route: "github-device".to_owned(),
        owner: Some("GitHub CLI".to_owned()),
        source: Some("token:command:touch#evil#".to_owned()),
        ..account
    };
    let trouble = scene.followed(&found, now()).unwrap_err();
    assert!(trouble.to_string().contains("import it again"), "{trouble}");
}

#[test]
fn a_change_of_the_owners_file_is_told() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let source = account.source.clone().unwrap();
    let (tell, told) = mpsc::channel();
    let follower = Follower::new(move |account| {
        let _ = tell.send(account);
    });
    follower.follow(account.id, &source);
    follower.follow(account.id, &source);
    let wait = Duration::from_secs(30);
    // Written in place, and replaced as most owners do.
    fs::write(&path, claude("b", LATER)).unwrap();
    assert_eq!(told.recv_timeout(wait), Ok(account.id));
    while told.try_recv().is_ok() {}
    let beside = path.with_file_name("new");
    fs::write(&beside, claude("c", LATER)).unwrap();
    fs::rename(&beside, &path).unwrap();
    assert_eq!(told.recv_timeout(wait), Ok(account.id));
    assert_eq!(scene.followed(&account, now()).unwrap(), "sk-ant-oat01-c");
    follower.forget(account.id);
    drop(follower);
    // Nobody is left who could tell.
    while told.recv().is_ok() {}
    fs::write(&path, claude("d", LATER)).unwrap();
    assert!(told.recv().is_err());
}

#[test]
fn a_login_is_taken_over_only_when_asked_for() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let followed = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let before = stamp(&path);
    let take_over = |id| scene.with(|importer| importer.take_over(id, Actor::Cli));
    let own = take_over(followed.id).unwrap();
    assert_eq!(
        (own.kind, own.owner.as_deref()),
        (AccountKind::Tokens, None)
    );
    assert_eq!(
        (&own.name, own.priority),
        (&followed.name, followed.priority)
    );
    assert_eq!(scene.vault.accounts().unwrap().len(), 1);
    let held = scene.vault.tokens(own.id).unwrap().tokens;
    assert_eq!(held.refresh.unwrap().expose(), "sk-ant-ort01-a");
    assert_eq!(held.extra["token_origin"], "https://platform.claude.com");
    assert_eq!(stamp(&path), before);
    // It follows nobody any more.
    assert!(matches!(
        take_over(own.id),
        Err(SigninError::NotTaken { .. })
    ));
}

#[test]
fn a_company_login_comes_with_its_registration() {
    let scene = Scene::new();
    scene.accept("kiro-oauth");
    let long = "r".repeat(120);
    let login = format!(
        r#"{{"accessToken":"aoa","refreshToken":"{long}","expiresAt":"2026-12-01T00:00:00Z","authMethod":"IdC","clientIdHash":"0af1"}}"#
    );
    scene.write(".aws/sso/cache/kiro-auth-token.json", &login);
    let registration =
        r#"{"clientId":"c-1","clientSecret":"s-1","expiresAt":"2027-01-01T00:00:00Z"}"#;
    scene.write(".aws/sso/cache/0af1.json", registration);
    let found = scene.plan(&["kiro"]);
    let followed = scene.take(&found[0]).unwrap();
    let own = scene
        .with(|it| it.take_over(followed.id, Actor::Cli))
        .unwrap();
    let client = scene.vault.tokens(own.id).unwrap().tokens.client.unwrap();
    assert_eq!(
        (&*client.id, client.secret.unwrap().expose()),
        ("c-1", "s-1")
    );
    // A name that leads elsewhere is none.
    let login = login.replace("0af1", "../../../0af1");
    scene.write(".aws/sso/cache/kiro-auth-token.json", &login);
    let followed = scene.take(&scene.plan(&["kiro"])[0]).unwrap();
    let own = scene
        .with(|it| it.take_over(followed.id, Actor::Cli))
        .unwrap();
    assert!(scene.vault.tokens(own.id).unwrap().tokens.client.is_none());
}

#[test]
fn a_login_that_nothing_renews_is_not_taken_over() {
    let scene = Scene::new();
    scene.write(
        ".config/gh/hosts.yml",
        "github.com:\n  user: ada\n  oauth_token: gho_0123456789\n",
    );
    let followed = scene.take(&scene.plan(&["copilot"])[0]).unwrap();
    let refused = scene.with(|it| it.take_over(followed.id, Actor::Cli));
    assert!(
        matches!(refused, Err(SigninError::NotTaken { .. })),
        "{refused:?}"
    );
    assert_eq!(scene.vault.accounts().unwrap(), [followed]);
}

#[test]
fn an_owner_that_writes_all_the_time_is_never_misread() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("0", LATER));
    let account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let beside = path.with_file_name("new");
    let over = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for round in 0..500 {
                let text = claude(&round.to_string(), LATER);
                // By turns in place, in two halves, and as a whole.
                if round % 2 == 0 {
                    fs::write(&path, &text[..text.len() / 2]).unwrap();
                    fs::write(&path, &text).unwrap();
                } else {
                    fs::write(&beside, &text).unwrap();
                    fs::rename(&beside, &path).unwrap();
                }
            }
            over.store(true, relaxed);
        });
        let mut read = 0;
        while !over.load(relaxed) || read == 0 {
            match scene.followed(&account, now()) {
                Ok(token) => {
                    let round = token.strip_prefix("sk-ant-oat01-").unwrap();
                    assert!(round.parse::<u32>().is_ok(), "{token}");
                    read += 1;
                }
                Err(trouble) => assert!(trouble.passes(), "{trouble}"),
            }
        }
    });
    assert_eq!(scene.followed(&account, now()).unwrap(), "sk-ant-oat01-499");
}

#[cfg(unix)]
#[test]
fn another_process_renews_and_it_is_told() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    // The person keeps the file elsewhere and has a link in its place.
    let kept = scene.write("dotfiles/claude.json", &claude("a", LATER));
    let link = scene.home().join(CLAUDE);
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    let account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let (tell, told) = mpsc::channel();
    let follower = Follower::new(move |account| {
        let _ = tell.send(account);
    });
    follower.follow(account.id, account.source.as_deref().unwrap());
    let fresh = scene.write("fresh", &claude("b", LATER));
    let mut owner = std::process::Command::new("cp");
    let status = owner.args([&fresh, &kept]).status().unwrap();
    assert!(status.success());
    let wait = Duration::from_secs(30);
    // The copy is told of at its beginning, perhaps, and at its end for certain.
    loop {
        assert_eq!(told.recv_timeout(wait), Ok(account.id));
        match scene.followed(&account, now()) {
            Ok(token) if token == "sk-ant-oat01-b" => break,
            Ok(token) => assert_eq!(token, "sk-ant-oat01-a"),
            Err(trouble) => assert!(trouble.passes(), "{trouble}"),
        }
    }
}

#[test]
fn a_folder_that_comes_later_is_watched_then() {
    let scene = Scene::new();
    scene.accept("claude-oauth");
    let path = scene.write(CLAUDE, &claude("a", LATER));
    let account = scene.take(&scene.plan(&["claude-code"])[0]).unwrap();
    let source = account.source.as_deref().unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    let (tell, told) = mpsc::channel();
    let follower = Follower::new(move |account| {
        let _ = tell.send(account);
    });
    follower.follow(account.id, source);
    fs::create_dir(path.parent().unwrap()).unwrap();
    follower.follow(account.id, source);
    fs::write(&path, claude("b", LATER)).unwrap();
    assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(account.id));
    // Sources that are no files, and texts that are none, are no harm.
    follower.follow(account.id, "claude-code:item:Claude Code-credentials#");
    follower.follow(account.id, "gibberish");
}
