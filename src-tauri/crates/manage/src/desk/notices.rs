use byokey_catalog::{Catalog, Notice, NoticeKind, Route};
use byokey_vault::{AcceptedNotice, Actor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use crate::{Code, ManageError};

/// A text that a person reads before or beside a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeInfo {
    /// Name kept with an acceptance.
    pub id: String,
    /// Number of the wording; acceptance of an older one no longer counts.
    pub version: u32,
    /// How it is shown: `text`, `modal`, `required` or `greyed`.
    #[schema(value_type = String)]
    pub kind: NoticeKind,
    /// The words.
    pub text: String,
    /// The provider's page that it speaks of.
    pub source: Option<String>,
    /// Day on which that page was read, `YYYY-MM-DD`.
    pub read: String,
    /// When a person accepted this wording.
    pub accepted_at: Option<Timestamp>,
}

/// Which wording of a notice is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptNoticeParams {
    /// The number of the wording that the person read.
    pub version: u32,
}

impl Desk {
    /// Records that a person accepted a notice.
    ///
    /// # Errors
    /// [`Code::NotFound`] for an unknown one, [`Code::BadValue`] when the person read another
    /// wording than the one in force, and [`Code::Vault`].
    pub async fn accept_notice(
        &self,
        id: &str,
        params: &AcceptNoticeParams,
        by: Actor,
    ) -> Result<(), ManageError> {
        let catalog = self.engine.catalog();
        let notice = catalog.notices().iter().find(|notice| notice.id == id);
        let notice = notice.ok_or_else(|| {
            ManageError::new(Code::NotFound, format!("there is no notice `{id}`"))
        })?;
        if notice.version != params.version {
            let message = format!(
                "the words of this notice have changed (they are version {}): read it again",
                notice.version
            );
            return Err(ManageError::new(Code::BadValue, message));
        }
        self.record_acceptance(notice, by).await
    }

    pub(super) async fn record_acceptance(
        &self,
        notice: &Notice,
        by: Actor,
    ) -> Result<(), ManageError> {
        let (id, version) = (notice.id.clone(), notice.version);
        self.with_vault(move |vault| vault.accept_notice(&id, version, by))
            .await
    }
}

impl NoticeInfo {
    /// The notice of a route, if it has one.
    pub(super) fn of(
        catalog: &Catalog,
        route: &Route,
        accepted: &[AcceptedNotice],
    ) -> Option<Self> {
        catalog.notice(route).map(|notice| Self {
            id: notice.id.clone(),
            version: notice.version,
            kind: notice.kind,
            text: notice.text.clone(),
            source: notice.source.clone(),
            read: notice.read.to_string(),
            accepted_at: accepted_at(notice, accepted),
        })
    }
}

/// When a person accepted the wording in force.
pub(super) fn accepted_at(notice: &Notice, accepted: &[AcceptedNotice]) -> Option<Timestamp> {
    let mut accepted = accepted.iter();
    let same = accepted.find(|it| it.id == notice.id && it.version == notice.version);
    same.map(|it| it.at)
}
