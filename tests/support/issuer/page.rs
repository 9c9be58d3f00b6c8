//! Pages for people: consent, device codes, and codes to copy.

use bytes::Bytes;

use super::{User, books::Ask};
use crate::{Part, Reply};

/// A page with this title and body.
pub(crate) fn page(status: u16, title: &str, body: &str) -> Reply {
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>{title}</title>\
         <style>body{{font:16px sans-serif;margin:4em auto;max-width:40em}}a{{display:block;\
         margin:.5em 0}}</style><h1>{title}</h1>{body}"
    );
    Reply::new(status)
        .header("content-type", "text/html; charset=utf-8")
        .header("cache-control", "no-store")
        .part(Part::Bytes(Bytes::from(page)))
}

/// A page that says why it does not go on.
pub(crate) fn refused(status: u16, words: &str) -> Reply {
    page(
        status,
        "Not like this",
        &format!("<p>{}</p>", escape(words)),
    )
}

/// The page on which a person consents or declines. The ticket stands in every link.
pub(crate) fn consent(provider: &str, ask: &Ask, ticket: &str, people: &[User]) -> Reply {
    let to = |who: &str| format!("/sim/consent?ticket={ticket}&who={who}");
    let mut links = people_links(people, &to);
    links.push_str(&format!("<a href=\"{}\">Decline</a>", to("nobody")));
    let scope = escape(&ask.scope);
    let body = format!(
        "<p>{} asks for: {scope}</p><p>Sign in as</p>{links}",
        escape(&ask.client)
    );
    page(200, &format!("Simulated {provider}"), &body)
}

/// The page on which a person answers to a device code.
pub(crate) fn device(user_code: &str, people: &[User]) -> Reply {
    if user_code.is_empty() {
        let form = "<form><input name=user_code placeholder=code><button>Go on</button></form>";
        return page(200, "Simulated device login", form);
    }
    let code = escape(user_code);
    let to = |who: &str| format!("/sim/device?user_code={code}&who={who}");
    let mut links = people_links(people, &to);
    links.push_str(&format!("<a href=\"{}\">Decline</a>", to("nobody")));
    page(
        200,
        &format!("Code {code}"),
        &format!("<p>Sign in as</p>{links}"),
    )
}

/// The page of a provider that shows a code to be copied.
pub(crate) fn shown(code: &str) -> Reply {
    let body = format!(
        "<p>Paste this into the program:</p><pre>{}</pre>",
        escape(code)
    );
    page(200, "Your code", &body)
}

fn people_links(people: &[User], to: &dyn Fn(&str) -> String) -> String {
    let link = |(at, user): (usize, &User)| {
        let who = escape(&format!(
            "{} ({}, {}, {})",
            user.subject, user.email, user.org, user.plan
        ));
        format!("<a href=\"{}\">{who}</a>", to(&at.to_string()))
    };
    people.iter().enumerate().map(link).collect()
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}
