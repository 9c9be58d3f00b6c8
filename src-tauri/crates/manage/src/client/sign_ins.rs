use axum::http::Method;

use super::{Client, ClientError, segment};
use crate::desk::notices::AcceptNoticeParams;
use crate::desk::sign_ins::{PasteParams, SignInInfo, SignInsResponse, StartSignInParams};
use crate::router::sign_ins::StepQuery;

impl Client {
    /// Starts a sign-in.
    ///
    /// # Errors
    /// [`ClientError`]; so for every other call.
    pub async fn start_sign_in(
        &self,
        params: &StartSignInParams,
    ) -> Result<SignInInfo, ClientError> {
        self.call(Method::POST, "/manage/signins", Some(params))
            .await
    }

    /// The sign-ins under way, and those that ended lately.
    pub async fn sign_ins(&self) -> Result<SignInsResponse, ClientError> {
        self.get("/manage/signins", &()).await
    }

    /// Where a sign-in stands. With the mark of a step, waits a while for another one.
    pub async fn sign_in(&self, id: &str, after: Option<&str>) -> Result<SignInInfo, ClientError> {
        let after = after.map(ToOwned::to_owned);
        let path = format!("/manage/signins/{}", segment(id));
        self.get(&path, &StepQuery { after }).await
    }

    /// Hands a pasted code or address to a sign-in.
    pub async fn paste(&self, id: &str, params: &PasteParams) -> Result<(), ClientError> {
        let path = format!("/manage/signins/{}/paste", segment(id));
        self.give(&path, params).await
    }

    /// Gives up a sign-in, or takes one that is over off the list.
    pub async fn cancel_sign_in(&self, id: &str) -> Result<(), ClientError> {
        let path = format!("/manage/signins/{}", segment(id));
        self.tell(Method::DELETE, &path).await
    }

    /// Records that the person read a notice and accepts it.
    pub async fn accept_notice(&self, id: &str, version: u32) -> Result<(), ClientError> {
        let path = format!("/manage/notices/{}/accept", segment(id));
        self.give(&path, &AcceptNoticeParams { version }).await
    }
}
