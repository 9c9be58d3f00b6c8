use proptest::prelude::*;

use super::*;

fn sign_in(provider: &str) -> Result<Link, BadLink> {
    Ok(Link::SignIn {
        provider: provider.to_owned(),
    })
}

#[test]
fn the_known_forms_are_read() {
    for (text, link) in [
        ("byokey://open", Ok(Link::Open)),
        ("byokey://open/", Ok(Link::Open)),
        ("byokey://signin/claude?code=a&state=b", sign_in("claude")),
        (
            "byokey://signin/my-gw.2?state=b&code=a%2Fb&iss=https%3A%2F%2Fi.example",
            sign_in("my-gw.2"),
        ),
        (
            "byokey://signin/x?error=access_denied&state=b&error_description=no+way",
            sign_in("x"),
        ),
        (
            "byokey://import/claude-code",
            Ok(Link::Import {
                source: "claude-code".to_owned(),
            }),
        ),
    ] {
        assert_eq!(Link::parse(text), link, "{text}");
    }
    for (base_url, dialect, speaks) in [
        ("https://a.example/v1", "chat", Dialect::Chat),
        ("http://127.0.0.1:9/v1", "responses", Dialect::Responses),
        ("http://localhost:9", "messages", Dialect::Messages),
        ("https://10.0.0.5/v1", "gemini", Dialect::Gemini),
    ] {
        let text =
            format!("byokey://provider/add?name=my-gw&base_url={base_url}&dialect={dialect}");
        let link = Link::AddProvider {
            name: "my-gw".to_owned(),
            base_url: base_url.to_owned(),
            dialect: speaks,
        };
        assert_eq!(Link::parse(&text), Ok(link), "{text}");
    }
    let (provider, answer) = answer("byokey://signin/claude?code=a%2Fb&state=c").unwrap();
    assert_eq!(provider, "claude");
    assert_eq!(answer.code.unwrap().expose(), "a/b");
    assert_eq!(answer.state.unwrap().expose(), "c");
}

/// 50 links that must do nothing, and more.
#[test]
fn hostile_links_are_none() {
    let long = format!(
        "byokey://signin/claude?code={}&state=b",
        "a".repeat(LONGEST)
    );
    let cases = [
        "",
        "byokey",
        "byokey:",
        "byokey:/open",
        "byokey:open",
        "byokey://",
        "byokey:///open",
        "BYOKEY://open",
        "byokey://Open",
        "byokey://open?x=1",
        "byokey://open/x",
        "byokey://open#x",
        "byokey://open:80",
        "byokey://a@open",
        "byokey://open\0",
        " byokey://open",
        "byokey://open\n",
        "https://open",
        "vscode://open",
        "byokey://shell/rm",
        "byokey://settings?port=1",
        "byokey://signin",
        "byokey://signin/",
        "byokey://signin/claude",
        "byokey://signin/claude?",
        "byokey://signin/claude?code=a",
        "byokey://signin/claude?state=b",
        "byokey://signin/claude?code=&state=b",
        "byokey://signin/claude?code=a&state=",
        "byokey://signin/claude?code=a&code=c&state=b",
        "byokey://signin/claude?code=a&state=b&state=c",
        "byokey://signin/claude?code=a&error=b&state=c",
        "byokey://signin/claude?code=a&state=b&token_url=https://evil.example",
        "byokey://signin/claude?access_token=a&state=b",
        "byokey://signin/claude#code=a&state=b",
        "byokey://signin/claude?code=a&state=b#x",
        "byokey://signin/../claude?code=a&state=b",
        "byokey://signin/claude/x?code=a&state=b",
        "byokey://signin/%63laude?code=a&state=b",
        "byokey://signin/CLAUDE?code=a&state=b",
        "byokey://signin/claude?code=a%00&state=b",
        "byokey://signin/claude?code=a%ff&state=b",
        "byokey://signin/claude?%63ode=a&code=a&state=b",
        "byokey://import",
        "byokey://import/",
        "byokey://import/claude?path=/etc/passwd",
        "byokey://import/../../etc/passwd",
        "byokey://import//etc",
        "byokey://import/C:\\x",
        "byokey://import/https://evil.example",
        "byokey://import/sk-abc",
        "byokey://provider",
        "byokey://provider/add",
        "byokey://provider/remove?name=a",
        "byokey://provider/add?name=a&base_url=https://a.example",
        "byokey://provider/add?name=a&dialect=chat",
        "byokey://provider/add?base_url=https://a.example&dialect=chat",
        "byokey://provider/add?name=a&name=b&base_url=https://a.example&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://a.example&dialect=chat&api_key=sk-1",
        "byokey://provider/add?name=a&base_url=https://a.example&dialect=chat&config=https://b.example",
        "byokey://provider/add?name=a&base_url=https://a.example&dialect=kiro",
        "byokey://provider/add?name=a&base_url=https://a.example&dialect=shell",
        "byokey://provider/add?name=sk-ant-1&base_url=https://a.example&dialect=chat",
        "byokey://provider/add?name=/etc&base_url=https://a.example&dialect=chat",
        "byokey://provider/add?name=a%20b&base_url=https://a.example&dialect=chat",
        "byokey://provider/add?name=a&base_url=http://a.example&dialect=chat",
        "byokey://provider/add?name=a&base_url=http://169.254.169.254&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://169.254.169.254&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://[fe80::1]&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://[::ffff:169.254.169.254]&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://metadata.google.internal&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://0.0.0.0&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://u:p@a.example&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://a.example?key=1&dialect=chat",
        "byokey://provider/add?name=a&base_url=https://a.example/sk-abc&dialect=chat",
        "byokey://provider/add?name=a&base_url=file:///etc/passwd&dialect=chat",
        "byokey://provider/add?name=a&base_url=javascript:alert(1)&dialect=chat",
        "byokey://provider/add?name=a&base_url=http://127.0.0.1.nip.io&dialect=chat",
        "byokey://provider/add?name=a&base_url=http://localhost%40evil.example&dialect=chat",
        &long,
    ];
    assert!(cases.len() >= 50);
    for text in cases {
        assert_eq!(Link::parse(text), Err(BadLink), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,300}") {
        let _ = Link::parse(&text);
    }

    /// Whatever is put together from the grammar's parts reads as a known form, and then keeps to its
    /// rules, or as nothing.
    #[test]
    fn what_is_read_keeps_to_the_rules(
        host in "signin|import|provider|open|x",
        path in "(/[a-zA-Z0-9%._-]{0,12}){0,3}",
        members in prop::collection::vec(("code|state|name|base_url|dialect|error|iss|key", "[ -~]{0,20}|chat|https://a\\.example"), 0..5),
    ) {
        let query = serde_urlencoded::to_string(&members).unwrap();
        let text = format!("byokey://{host}{path}{}{query}", if query.is_empty() { "" } else { "?" });
        match Link::parse(&text) {
            Err(BadLink) => {}
            Ok(Link::Open) => prop_assert!(host == "open" && members.is_empty()),
            Ok(Link::Import { source }) => prop_assert!(is_name(&source) && members.is_empty()),
            Ok(Link::SignIn { provider }) => {
                let count = |wanted: &str| members.iter().filter(|(name, _)| name == wanted).count();
                prop_assert!(is_name(&provider) && count("state") == 1);
                prop_assert_eq!(count("code") + count("error"), 1);
                prop_assert_eq!(count("key") + count("name") + count("base_url"), 0);
                prop_assert!(answer(&text).is_some());
            }
            Ok(Link::AddProvider { name, base_url, .. }) => {
                prop_assert!(is_name(&name) && members.len() == 3);
                prop_assert!(base_url.starts_with("https://") || base_url.starts_with("http://"));
            }
        }
    }
}
