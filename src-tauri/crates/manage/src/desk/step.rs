use byokey_signin::{Step, Work};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a sign-in stands. Holds no code, verifier or token that a person is not meant to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepInfo {
    /// It has just begun.
    Starting,
    /// The person signs in on a page of the provider.
    Browser {
        /// The page.
        url: String,
        /// Whether byokey listens for the way back; else only pasting finishes it.
        listens: bool,
    },
    /// The person types a code on a page of the provider, on any device.
    Code {
        /// The code.
        code: String,
        /// The page to type it on.
        page: String,
        /// A page that knows the code already, on the provider's own host.
        direct: Option<String>,
        /// The provider's host, to be shown with the code.
        host: String,
    },
    /// The user's own program signs in; its words are shown.
    Program {
        /// The program.
        program: String,
        /// What it said last.
        line: String,
        /// A page that it wants opened.
        url: Option<String>,
    },
    /// The person has done their part.
    Working {
        /// What byokey does now.
        work: WorkInfo,
    },
    /// The account is stored.
    Done {
        /// The account's number.
        account: i64,
        /// Its name.
        name: String,
        /// What people know it by.
        label: Option<String>,
        /// Whether it was there before.
        renewed: bool,
    },
    /// It did not work.
    Failed {
        /// One word for programs.
        code: String,
        /// What happened and what to do next.
        message: String,
    },
}

/// What byokey does after the person's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkInfo {
    /// It exchanges the code for tokens.
    Exchange,
    /// It asks whose account it is.
    Identity,
    /// It gets what requests need beside the tokens, such as a project.
    Setup,
    /// It seals the account.
    Sealing,
}

impl StepInfo {
    /// Whether nothing more happens.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}

impl From<Step> for StepInfo {
    fn from(step: Step) -> Self {
        match step {
            Step::Starting => Self::Starting,
            Step::Browser { url, listens } => Self::Browser { url, listens },
            Step::Code {
                code,
                page,
                direct,
                host,
            } => Self::Code {
                code,
                page,
                direct,
                host,
            },
            Step::Program { program, line, url } => Self::Program { program, line, url },
            Step::Working(work) => Self::Working { work: work.into() },
            Step::Done {
                account,
                name,
                label,
                renewed,
            } => Self::Done {
                account: account.0,
                name,
                label,
                renewed,
            },
            Step::Failed { code, message } => Self::Failed {
                code: code.to_owned(),
                message,
            },
        }
    }
}

impl From<Work> for WorkInfo {
    fn from(work: Work) -> Self {
        match work {
            Work::Exchange => Self::Exchange,
            Work::Identity => Self::Identity,
            Work::Setup => Self::Setup,
            Work::Sealing => Self::Sealing,
        }
    }
}
