//! The few pages that byokey shows in the browser. They are static, run no script, load nothing and
//! say nothing of what the address held.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif;\
background:#fff;color:#1b1b1f}\
main{max-width:28rem;padding:2rem}\
h1{font-size:1.25rem;margin:0 0 .5rem}\
p{margin:0 0 1.5rem}\
a{color:#1d4ed8}\
@media(prefers-color-scheme:dark){body{background:#161618;color:#ececf1}a{color:#93b4ff}}";

/// The account is in the vault.
pub(super) fn done() -> String {
    page("You are signed in", "You can go back to byokey.")
}

/// The sign-in ended without an account; `why` may hold a provider's words.
pub(super) fn failed(why: &str) -> String {
    page("The sign-in did not work", &escaped(why))
}

/// What came does not belong to the sign-in that waits.
pub(super) fn foreign() -> String {
    page(
        "This is not the answer that byokey waits for",
        "Nothing was changed. If you meant to sign in, start again in byokey.",
    )
}

/// An answer with its head. `location` makes it a redirect.
pub(super) fn response(status: &str, location: Option<&str>, body: &str) -> Vec<u8> {
    let location = match location {
        Some(location) => format!("Location: {location}\r\n"),
        None => "Connection: close\r\n".to_owned(),
    };
    let length = body.len();
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "HTTP/1.1 {status}\r\n{location}\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\n\
         Cache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'\r\n\
         \r\n{body}"
    )
    .into_bytes()
}

/// `text` is HTML already.
fn page(title: &str, text: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>byokey</title>\
         <style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p>\
         <a href=\"byokey://open\">Open byokey</a></main></body></html>"
    )
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars().filter(|c| !c.is_control()) {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9700_4_16_a_page_cannot_be_framed_run_scripts_or_leak_its_address() {
        let answer = String::from_utf8(response("200 OK", None, &done())).unwrap();
        for header in [
            "Cache-Control: no-store",
            "Referrer-Policy: no-referrer",
            "default-src 'none'",
            "frame-ancestors 'none'",
            "Connection: close",
        ] {
            assert!(answer.contains(header), "{header}");
        }
        assert!(answer.contains("byokey://open") && !answer.contains("<script"));
        // The browser checks the hash of what stands between the tags.
        let style = answer.split("<style>").nth(1).unwrap();
        let style = style.split("</style>").next().unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(answer.contains(&format!("'sha256-{hash}'")));
    }

    #[test]
    fn a_providers_words_are_text_only() {
        let page = failed("<script>alert('x')</script> & \"y\"\u{7}");
        assert!(
            page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;<")
        );
    }
}
