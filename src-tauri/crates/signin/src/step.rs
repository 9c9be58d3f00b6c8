use byokey_vault::AccountId;

/// Where a sign-in stands, as it may be shown. Holds no code, verifier or token; the address of a
/// browser page holds what the provider's own page needs (a state and a challenge), and the user code
/// of a device is meant to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
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
    /// The person has done their part; byokey does this.
    Working(Work),
    /// The account is in the vault.
    Done {
        /// The account.
        account: AccountId,
        /// Its name.
        name: String,
        /// What people know it by.
        label: Option<String>,
        /// Whether it was there before.
        renewed: bool,
    },
    /// It did not work; the text says what happened and what to do next.
    Failed {
        /// One word for programs.
        code: &'static str,
        /// The text for people.
        message: String,
    },
}

/// What byokey does after the person's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It exchanges the code for tokens.
    Exchange,
    /// It asks whose account it is.
    Identity,
    /// It gets what requests need beside the tokens, such as a project.
    Setup,
    /// It seals the account.
    Sealing,
}

impl Step {
    /// Whether nothing more happens.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed { .. })
    }
}
