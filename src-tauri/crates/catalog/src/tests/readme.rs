//! The README's table of ways to sign in is written from the rows. With `BYOKEY_TABLES=write` the
//! README gets the table as it is now.

use std::path::Path;

use super::{catalog, routes};
use crate::*;

const BEGIN: &str = "<!-- ways to sign in: written by `BYOKEY_TABLES=write cargo test -p byokey-catalog readme` -->\n";
const END: &str = "<!-- end of ways to sign in -->\n";

#[test]
fn the_readme_says_what_each_way_to_sign_in_does() {
    let catalog = catalog();
    let mut table = String::from(
        "\n| `byokey login …` | Way | Stands as | What it does | What the provider says |\n\
         |---|---|---|---|---|\n",
    );
    for (provider, route) in routes(&catalog) {
        if let Some(does) = what_it_does(&route.flow) {
            table.push_str(&row(&catalog, provider, route, &does));
        }
    }
    table.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (stands, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BYOKEY_TABLES").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(
        stands == table,
        "the README's table is not what the rows say; it is now\n{table}"
    );
}

fn row(catalog: &Catalog, provider: &Provider, route: &Route, does: &str) -> String {
    let names = provider.sign_in.iter();
    let name = names
        .filter(|(_, means)| means.first() == Some(&route.id))
        .map(|(name, _)| name.as_str())
        .next()
        .unwrap_or(&provider.id);
    let since = route.retired.map(|day| format!(", {day}"));
    let standing = match route.standing {
        Standing::Official => "official".to_owned(),
        Standing::Bridge => "your own program".to_owned(),
        Standing::Unofficial => "unofficial, after its notice".to_owned(),
        Standing::Retired => format!("ended{}", since.unwrap_or_default()),
    };
    let says = match catalog.notice(route) {
        Some(notice) => notice.text.clone(),
        None => route.reason.clone().unwrap_or_else(|| "–".to_owned()),
    };
    let id = &route.id;
    let way = format!("{} (`{id}`)", route.name);
    format!("| `{name}` | {way} | {standing} | {does} | {says} |\n")
}

/// `None` for keys.
fn what_it_does(flow: &Flow) -> Option<String> {
    let host = |url: &str| url.split('/').nth(2).unwrap_or_default().to_owned();
    let keeps = |renewed: bool| match renewed {
        true => "seals the tokens here and renews them",
        false => "seals the key that comes back",
    };
    Some(match flow {
        Flow::Key(_) | Flow::Open => return None,
        Flow::Pkce(row) => format!(
            "opens {} in your browser, {}",
            host(&row.authorize_url),
            keeps(row.refresh.is_some())
        ),
        Flow::Device(row) => format!(
            "shows a code to type at {}, seals the tokens here{}",
            host(&row.device_url),
            if row.refresh.is_some() { " and renews them" } else { "" }
        ),
        Flow::AwsDevice(_) => "shows a code to type at AWS, seals the tokens here and renews them".into(),
        Flow::AwsPkce(_) => "opens your organisation's AWS page in your browser, seals the tokens here and renews them".into(),
        Flow::Poll(row) => format!(
            "shows a code to type at {}, seals the tokens here and renews them",
            host(row.verification_url.as_deref().unwrap_or(&row.start_url))
        ),
        Flow::Bridge(row) => format!(
            "runs your own `{}`, which keeps its login; byokey never sees it",
            row.program
        ),
    })
}
