//! A browser in the hands of a person: opens the authorize page, answers it, and goes where it is
//! sent.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::{User, office::Office};

/// Somebody at a browser.
#[derive(Debug)]
pub struct Browser {
    office: Arc<Office>,
    user: User,
    /// Keeps connections, as browsers do: the way back may close behind them.
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// A page that the browser came to.
#[derive(Debug)]
pub struct Visit {
    /// Its address.
    pub url: String,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it shows.
    pub body: String,
}

impl Browser {
    pub(crate) fn new(office: Arc<Office>, user: User) -> Self {
        Self {
            office,
            user,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Opens an authorize page, consents, and goes where it is sent: the page at the end. One that
    /// refuses the request is returned as it is.
    ///
    /// # Panics
    /// When an address cannot be reached.
    pub async fn consents(&self, url: &str) -> Visit {
        match self.answers(url, Some(self.user.clone())).await {
            Ok(redirect) => self.goes(&redirect).await,
            Err(page) => page,
        }
    }

    /// As [`Browser::consents`], but declines.
    ///
    /// # Panics
    /// When an address cannot be reached.
    pub async fn declines(&self, url: &str) -> Visit {
        match self.answers(url, None).await {
            Ok(redirect) => self.goes(&redirect).await,
            Err(page) => page,
        }
    }

    /// Opens an authorize page and consents; the address to which the browser is sent, not called.
    ///
    /// # Errors
    /// The page, when it refuses the request.
    ///
    /// # Panics
    /// When the page cannot be reached.
    pub async fn redirect(&self, url: &str) -> Result<String, Visit> {
        self.answers(url, Some(self.user.clone())).await
    }

    /// Opens an authorize page, consents, and copies the code that is shown, with its state where
    /// the provider shows that, too.
    ///
    /// # Panics
    /// When the page cannot be reached, refuses the request, or shows no code.
    #[expect(
        clippy::expect_used,
        reason = "without a code there is nothing to copy"
    )]
    pub async fn copies(&self, url: &str) -> String {
        let redirect = self.redirect(url).await.expect("a page that goes on");
        if redirect.starts_with("http://") {
            let query = redirect.split_once('?').map_or("", |(_, query)| query);
            let pairs: Vec<(String, String)> =
                serde_urlencoded::from_str(query).unwrap_or_default();
            let value = |name: &str| {
                let found = pairs.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.as_str()).unwrap_or_default()
            };
            return format!("{}#{}", value("code"), value("state"));
        }
        let page = self.open(&redirect).await;
        let shown = page
            .body
            .split_once("<pre>")
            .and_then(|(_, rest)| rest.split_once("</pre>"));
        shown.expect("a code to copy").0.to_owned()
    }

    /// Types a code that a program shows, and consents. Says whether anything waited with it.
    #[must_use]
    pub fn types(&self, user_code: &str) -> bool {
        self.office.answer_code(user_code, Some(self.user.clone()))
    }

    /// Types a code that a program shows, and declines.
    #[must_use]
    pub fn refuses(&self, user_code: &str) -> bool {
        self.office.answer_code(user_code, None)
    }

    /// Opens a page and goes where it is sent.
    ///
    /// # Panics
    /// When an address cannot be reached.
    pub async fn goes(&self, url: &str) -> Visit {
        let mut page = self.open(url).await;
        // More is a circle.
        for _ in 0..5 {
            let Some(to) = page.headers.get(header::LOCATION) else {
                break;
            };
            let to = to.to_str().unwrap_or_default();
            let to = match to.starts_with('/') {
                true => format!("{}{to}", super::split(&page.url).0),
                false => to.to_owned(),
            };
            page = self.open(&to).await;
        }
        page
    }

    /// Opens a page; a real provider's address leads to who plays it. No redirect is followed.
    ///
    /// # Panics
    /// When it cannot be reached.
    #[expect(
        clippy::expect_used,
        reason = "a test's browser has no other way to say so"
    )]
    pub async fn open(&self, url: &str) -> Visit {
        let url = self.office.resolve(url);
        let request = Request::get(&url)
            .header(header::USER_AGENT, "Mozilla/5.0 (simulated)")
            .header(header::ACCEPT, "text/html")
            .body(Empty::<Bytes>::new())
            .expect("an address");
        let response = self.client.request(request).await.expect("a page");
        let (head, body) = response.into_parts();
        // A page may end early when its program has gone.
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        Visit {
            url,
            status: head.status,
            headers: head.headers,
            body: String::from_utf8_lossy(&body.unwrap_or_default()).into_owned(),
        }
    }

    async fn answers(&self, url: &str, answer: Option<User>) -> Result<String, Visit> {
        let page = self.open(url).await;
        let ticket = page.body.split_once("ticket=").map(|(_, rest)| rest);
        let ticket = ticket.and_then(|rest| rest.split(['&', '"']).next());
        let to = ticket.and_then(|ticket| self.office.decide(ticket, answer));
        to.ok_or(page)
    }
}
