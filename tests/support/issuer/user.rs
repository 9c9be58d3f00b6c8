//! The people who sign in.

/// A person as the simulated providers know them. Providers tell accounts apart by `subject` (and
/// `org` where there are several), so two of one e-mail address are two accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The provider's own name for the account, which never changes.
    pub subject: String,
    /// Address shown to people; no identity.
    pub email: String,
    /// Name shown to people.
    pub name: String,
    /// Id of the organisation or workspace.
    pub org: String,
    /// What is paid for, in the provider's word, such as `pro`.
    pub plan: String,
    /// Region of the organisation, for AWS.
    pub region: String,
}

impl User {
    /// A person of this subject with an address and organisation of their own, on the plan `pro`.
    #[must_use]
    pub fn new(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            email: format!("{subject}@example.org"),
            name: subject.to_owned(),
            org: format!("org-{subject}"),
            plan: "pro".to_owned(),
            region: "us-east-1".to_owned(),
        }
    }

    /// With another address.
    #[must_use]
    pub fn email(mut self, email: &str) -> Self {
        email.clone_into(&mut self.email);
        self
    }

    /// In another organisation.
    #[must_use]
    pub fn org(mut self, org: &str) -> Self {
        org.clone_into(&mut self.org);
        self
    }

    /// On another plan; `free` and `none` are refused where a provider wants a paid one.
    #[must_use]
    pub fn plan(mut self, plan: &str) -> Self {
        plan.clone_into(&mut self.plan);
        self
    }

    /// In another region of AWS.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// A number made of the subject, for providers that count their accounts.
    pub(crate) fn number(&self) -> u64 {
        let fold = |sum: u64, byte: u8| sum.wrapping_mul(31).wrapping_add(u64::from(byte));
        10_000 + self.subject.bytes().fold(7, fold) % 1_000_000
    }

    /// The profile that Kiro keeps for the organisation.
    pub(crate) fn profile_arn(&self) -> String {
        let name = self.org.to_uppercase().replace('-', "");
        format!(
            "arn:aws:codewhisperer:{}:{:012}:profile/{name}",
            self.region,
            self.number()
        )
    }

    /// The project that Google keeps for the account.
    pub(crate) fn project(&self) -> String {
        format!("sim-project-{}", self.subject)
    }
}
