use domain::{account::AccountId, portal::Role};

/// What every page of an account has around it.
pub struct Chrome {
    /// The account.
    pub account: AccountId,
    /// What the visitor may do.
    pub role: Role,
    /// Whether they may go to other accounts.
    pub is_operator: bool,
    /// Where the main app is.
    pub return_url: Option<String>,
    /// What every form carries.
    pub csrf: String,
    /// The page's own address, for forms that lead back to it.
    pub here: String,
    /// Where the page belongs.
    pub section: Section,
    /// What was just done.
    pub notice: Option<Notice>,
}

/// The parts of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// How it goes.
    Overview,
    /// What sends webhooks.
    Triggers,
    /// What was sent.
    Deliveries,
    /// What happened.
    Events,
}

impl Chrome {
    /// The path that the account's pages are under.
    pub fn base(&self) -> String {
        format!("/accounts/{}", self.account)
    }

    /// Whether the visitor may change something.
    pub fn may_manage(&self) -> bool {
        self.role == Role::Manage
    }

    pub(crate) fn navigation(&self) -> [Entry; 4] {
        let entry = |label, path, section| Entry {
            label,
            href: format!("{}{path}", self.base()),
            current: self.section == section,
        };
        [
            entry("Overview", "", Section::Overview),
            entry("Triggers", "/triggers", Section::Triggers),
            entry("Deliveries", "/deliveries", Section::Deliveries),
            entry("Events", "/events", Section::Events),
        ]
    }
}

/// A link of the navigation.
pub(crate) struct Entry {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

macro_rules! notices {
    ($notice:ident: $($(#[$doc:meta])* $name:ident = $key:literal, $text:literal;)*) => {
        /// What was just done, as the page that follows says it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $notice {
            $($(#[$doc])* $name,)*
        }

        impl $notice {
            /// Its name in the address of the page that says it.
            pub fn key(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            /// The notice of this name.
            pub fn named(key: &str) -> Option<Self> {
                match key { $($key => Some(Self::$name),)* _ => None }
            }

            /// What it says.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}
pub(crate) use notices;

notices! {
    Notice:
    /// A trigger was made.
    TriggerCreated = "trigger-created", "The trigger is saved. Add an action: it says where the webhooks go.";
    /// A trigger was changed.
    TriggerSaved = "trigger-saved", "The trigger is saved.";
    /// A trigger was deleted.
    TriggerDeleted = "trigger-deleted", "The trigger is deleted.";
    /// An action was made.
    ActionCreated = "action-created", "The action is saved. Its signing secret is below: the receiver needs it.";
    /// An action was changed.
    ActionSaved = "action-saved", "The action is saved.";
    /// An action was deleted.
    ActionDeleted = "action-deleted", "The action is deleted.";
    /// A delivery was made due.
    Retried = "retried", "The delivery is due now.";
    /// A delivery was called off.
    Canceled = "canceled", "The delivery is canceled.";
    /// An event was replayed.
    Replayed = "replayed", "The event is owed again to what matches it now.";
    /// All portal sessions of the account were ended.
    SignedOutEverywhere = "signed-out-everywhere", "All users of this account are signed out.";
    /// Failed deliveries were made due.
    Recovered = "recovered", "What had failed is due again, and is being sent.";
    /// There were no failed deliveries.
    NothingToRecover = "nothing-to-recover", "Nothing has failed in that time.";
}
