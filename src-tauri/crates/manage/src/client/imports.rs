use axum::http::Method;

use super::{Client, ClientError};
use crate::desk::accounts::AccountInfo;
use crate::desk::imports::{ImportParams, ImportResponse, ImportsResponse};
use crate::router::imports::ImportsQuery;

impl Client {
    /// What other programs hold, of one source if it is named.
    ///
    /// # Errors
    /// [`ClientError`]; so for every other call.
    pub async fn imports(&self, source: Option<&str>) -> Result<ImportsResponse, ClientError> {
        let source = source.map(ToOwned::to_owned);
        self.get("/manage/imports", &ImportsQuery { source }).await
    }

    /// Makes accounts of what was found.
    pub async fn import(&self, params: &ImportParams) -> Result<ImportResponse, ClientError> {
        self.call(Method::POST, "/manage/imports", Some(params))
            .await
    }

    /// Makes the login that an account follows byokey's own.
    pub async fn take_over(&self, id: i64) -> Result<AccountInfo, ClientError> {
        let path = format!("/manage/accounts/{id}/take-over");
        self.call(Method::POST, &path, None::<&()>).await
    }
}
