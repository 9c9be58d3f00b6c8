mod imports;
mod sign_ins;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use byokey_vault::Actor;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::desk::accounts::{
    AccountInfo, AccountsResponse, AddAccountParams, AddAccountResponse, ChangeAccountParams,
};
use crate::desk::check::CheckResponse;
use crate::desk::config::ConfigResponse;
use crate::desk::keys::{CreateKeyParams, CreateKeyResponse, KeysResponse, RevokeKeyResponse};
use crate::desk::logout::LogoutResponse;
use crate::desk::models::ModelsResponse;
use crate::desk::providers::ProvidersResponse;
use crate::desk::status::StatusResponse;
use crate::desk::usage::{AuditResponse, RecentResponse, UsageBy, UsageResponse};
use crate::error::ErrorResponse;
use crate::router::{AccountsQuery, AuditQuery, BY, RecentQuery, UsageQuery};
use crate::{Desk, Endpoint, ManageError, ManageToken, PageLinkResponse, router};

const CONNECT: Duration = Duration::from_secs(2);
/// A status takes a running engine milliseconds.
const PROBE: Duration = Duration::from_secs(5);
/// The check of a key may wait for a provider.
const WHOLE: Duration = Duration::from_secs(60);

/// Calls the management API of one byokey, running or not.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    token: ManageToken,
    by: &'static str,
}

#[derive(Clone)]
enum Transport {
    /// An engine of another process.
    Http { http: reqwest::Client, url: String },
    /// The same API within this process.
    Here(Router),
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The operation was refused.
    #[error(transparent)]
    Refused(#[from] ManageError),
    /// The engine does not answer.
    #[error("byokey at {url} does not answer: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not what this version expects.
    #[error(
        "the answer of the running byokey is not understood: {0}. Is it of another version? Try \
         `byokey restart`"
    )]
    Garbled(String),
}

impl Client {
    /// A client of the engine that holds this data folder, or `None` if none runs. An endpoint that
    /// a killed engine left behind counts as none.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when an engine is there but does not answer.
    pub async fn running(data_dir: &Path, by: Actor) -> Result<Option<Self>, ClientError> {
        let Some(endpoint) = Endpoint::read(data_dir) else {
            return Ok(None);
        };
        let Ok(token) = ManageToken::load(data_dir) else {
            return Ok(None);
        };
        let transport = Transport::Http {
            http: http(&endpoint.url)?,
            url: endpoint.url,
        };
        let client = Self::new(transport, token, &by);
        let probe = client.send(Method::GET, "/manage/status", None);
        let Ok(answered) = tokio::time::timeout(PROBE, probe).await else {
            return Err(client.unreachable("it takes too long"));
        };
        match answered {
            // Another program, or another byokey, has the port by now.
            Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, _))
            | Err(Failure::NobodyThere) => Ok(None),
            Ok(_) => Ok(Some(client)),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// A client of a desk in this process.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn here(desk: Desk, by: Actor) -> std::io::Result<Self> {
        let token = ManageToken::random()?;
        let transport = Transport::Here(router(desk, token.clone()));
        Ok(Self::new(transport, token, &by))
    }

    /// How byokey is.
    ///
    /// # Errors
    /// [`ClientError`]; so for every other call.
    pub async fn status(&self) -> Result<StatusResponse, ClientError> {
        self.get("/manage/status", &()).await
    }

    /// Everything that may be added.
    pub async fn providers(&self) -> Result<ProvidersResponse, ClientError> {
        self.get("/manage/providers", &()).await
    }

    /// The accounts, of one provider if one is named.
    pub async fn accounts(&self, provider: Option<&str>) -> Result<AccountsResponse, ClientError> {
        let provider = provider.map(ToOwned::to_owned);
        self.get("/manage/accounts", &AccountsQuery { provider })
            .await
    }

    /// Adds an account by its key.
    pub async fn add_account(
        &self,
        params: &AddAccountParams,
    ) -> Result<AddAccountResponse, ClientError> {
        self.call(Method::POST, "/manage/accounts", Some(params))
            .await
    }

    /// Renames, switches or reorders an account.
    pub async fn change_account(
        &self,
        id: i64,
        params: &ChangeAccountParams,
    ) -> Result<AccountInfo, ClientError> {
        let path = format!("/manage/accounts/{id}");
        self.call(Method::PATCH, &path, Some(params)).await
    }

    /// Forgets an account, and ends its login at the provider where that can be done.
    pub async fn remove_account(&self, id: i64) -> Result<LogoutResponse, ClientError> {
        let path = format!("/manage/accounts/{id}");
        self.call(Method::DELETE, &path, None::<&()>).await
    }

    /// Puts an account before all others of its provider.
    pub async fn make_first(&self, id: i64) -> Result<AccountInfo, ClientError> {
        let path = format!("/manage/accounts/{id}/first");
        self.call(Method::POST, &path, None::<&()>).await
    }

    /// Asks the provider whether it still knows the account's key.
    pub async fn check_account(&self, id: i64) -> Result<CheckResponse, ClientError> {
        let path = format!("/manage/accounts/{id}/check");
        self.call(Method::POST, &path, None::<&()>).await
    }

    /// The client keys.
    pub async fn keys(&self) -> Result<KeysResponse, ClientError> {
        self.get("/manage/keys", &()).await
    }

    /// Makes a client key.
    pub async fn create_key(
        &self,
        params: &CreateKeyParams,
    ) -> Result<CreateKeyResponse, ClientError> {
        self.call(Method::POST, "/manage/keys", Some(params)).await
    }

    /// Ends a client key, named by its name or its number.
    pub async fn revoke_key(&self, id_or_name: &str) -> Result<RevokeKeyResponse, ClientError> {
        let path = format!("/manage/keys/{}", segment(id_or_name));
        self.call(Method::DELETE, &path, None::<&()>).await
    }

    /// The models that the accounts serve now.
    pub async fn models(&self) -> Result<ModelsResponse, ClientError> {
        self.get("/manage/models", &()).await
    }

    /// Usage in sums; `since` absent means 30 days back.
    pub async fn usage(
        &self,
        since: Option<Timestamp>,
        by: UsageBy,
    ) -> Result<UsageResponse, ClientError> {
        self.get("/manage/usage", &UsageQuery { since, by }).await
    }

    /// The newest requests.
    pub async fn recent(&self, limit: u32) -> Result<RecentResponse, ClientError> {
        let limit = Some(limit);
        self.get("/manage/usage/recent", &RecentQuery { limit })
            .await
    }

    /// The newest acts; with `verify` the whole trail is checked.
    pub async fn audit(&self, limit: u32, verify: bool) -> Result<AuditResponse, ClientError> {
        let limit = Some(limit);
        self.get("/manage/audit", &AuditQuery { limit, verify })
            .await
    }

    /// The configuration in force.
    pub async fn config(&self) -> Result<ConfigResponse, ClientError> {
        self.get("/manage/config", &()).await
    }

    /// Reads the configuration again.
    pub async fn reload(&self) -> Result<(), ClientError> {
        self.tell(Method::POST, "/manage/reload").await
    }

    /// Makes a link to the page that works once.
    pub async fn page_link(&self) -> Result<PageLinkResponse, ClientError> {
        self.call(Method::POST, "/manage/link", None::<&()>).await
    }

    /// Stops the engine.
    pub async fn stop(&self) -> Result<(), ClientError> {
        self.tell(Method::POST, "/manage/stop").await
    }

    fn new(transport: Transport, token: ManageToken, by: &Actor) -> Self {
        let by = match by {
            Actor::Cli => "cli",
            Actor::Tray => "tray",
            _ => "window",
        };
        Self {
            transport,
            token,
            by,
        }
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        let query = serde_urlencoded::to_string(query)
            .map_err(|error| ClientError::Garbled(error.to_string()))?;
        self.call(Method::GET, &format!("{path}?{query}"), None::<&()>)
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let body = body.map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| ClientError::Garbled(error.to_string()))?;
        let answer = self.checked(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| ClientError::Garbled(error.to_string()))
    }

    async fn tell(&self, method: Method, path: &str) -> Result<(), ClientError> {
        self.checked(method, path, None).await.map(drop)
    }

    async fn give(&self, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
        let body = serde_json::to_vec(body);
        let body = body.map_err(|error| ClientError::Garbled(error.to_string()))?;
        self.checked(Method::POST, path, Some(body)).await.map(drop)
    }

    /// The body of a good answer.
    async fn checked(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes, ClientError> {
        let (status, answer) = match self.send(method, path, body).await {
            Ok(answered) => answered,
            Err(Failure::NobodyThere) => {
                return Err(self.unreachable("nothing listens there any more"));
            }
            Err(Failure::Other(error)) => return Err(error),
        };
        if status.is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice::<ErrorResponse>(&answer) {
            Ok(refused) => Err(refused.error.into()),
            Err(_) => Err(ClientError::Garbled(format!("status {status}"))),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let garbled = |error: String| Failure::Other(ClientError::Garbled(error));
        match &self.transport {
            Transport::Http { http, url } => {
                let mut request = http.request(method, format!("{url}{path}"));
                request = request.bearer_auth(self.token.expose()).header(BY, self.by);
                if let Some(body) = body {
                    request = request
                        .header(header::CONTENT_TYPE, "application/json")
                        .body(body);
                }
                let answer = request.send().await.map_err(|error| self.failure(&error))?;
                let status = answer.status();
                let body = answer.bytes().await.map_err(|error| self.failure(&error))?;
                Ok((status, body))
            }
            Transport::Here(router) => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(BY, self.by)
                    .header(
                        header::AUTHORIZATION,
                        format!("Bearer {}", self.token.expose()),
                    )
                    .header(header::CONTENT_TYPE, "application/json")
                    .body(body.map_or_else(Body::empty, Body::from))
                    .map_err(|error| garbled(error.to_string()))?;
                let Ok(answer) = router.clone().oneshot(request).await;
                let status = answer.status();
                let body = to_bytes(answer.into_body(), usize::MAX).await;
                Ok((status, body.map_err(|error| garbled(error.to_string()))?))
            }
        }
    }

    fn failure(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() && !error.is_timeout() {
            return Failure::NobodyThere;
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Failure::Other(self.unreachable(&cause.to_string()))
    }

    fn unreachable(&self, reason: &str) -> ClientError {
        let url = match &self.transport {
            Transport::Http { url, .. } => url.clone(),
            Transport::Here(_) => "this process".to_owned(),
        };
        ClientError::Unreachable {
            url,
            reason: reason.to_owned(),
        }
    }
}

/// Why a request got no answer.
enum Failure {
    NobodyThere,
    Other(ClientError),
}

/// An HTTP client for this machine only: no proxy would reach it, no redirect is wanted, and TLS,
/// which the library insists on preparing, trusts nobody.
fn http(url: &str) -> Result<reqwest::Client, ClientError> {
    let failed = |reason: String| ClientError::Unreachable {
        url: url.to_owned(),
        reason,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("byokey/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .build()
        .map_err(|error| failed(error.to_string()))
}

/// A text as one segment of a path.
fn segment(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => escaped.push(byte.into()),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
