use byokey_vault::{Fields, Secret, TokenSet};

/// What a finished flow brings, before it is an account.
pub struct Grant {
    /// The credential.
    pub credential: Granted,
    /// Whose it is; `None` where the provider does not say, so that each sign-in is a new account.
    pub identity: Option<Identity>,
    /// Values beside the credential, by the names of the provider's fields.
    pub fields: Fields,
}

/// A credential that a flow brought.
pub enum Granted {
    /// A key that does not end.
    Key(Secret),
    /// Tokens that are renewed.
    Tokens(Box<TokenSet>),
    /// Nothing: the user's own program keeps its login.
    Bridge,
}

/// Whose a credential is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// In the provider's terms: a user, and an organisation where there is one.
    pub subject: String,
    /// What people know it by.
    pub label: Option<String>,
    /// The plan, in the provider's words.
    pub plan: Option<String>,
}
