//! Operations: what the API can do, each with its route, its access and its component.

use domain::access;

/// Who may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a key.
    Open,
    /// A key of the setting `api_key`.
    Root,
    /// A key with this scope, for the account that the path names.
    Scope(access::Scope),
}

/// The component that answers an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// Ingestion, history and replay of events.
    Events,
    /// Runs and test sends: the one component that reaches the internet.
    Delivery,
    /// Everything that is set up, shown and watched.
    Management,
    /// The API's description.
    Reference,
}

impl Component {
    /// The component's name in `spin.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Delivery => "delivery",
            Self::Management => "management",
            Self::Reference => "reference",
        }
    }
}

/// Makes [`Operation`] of a table. The documentation is a function of `document/paths`; its file is the operation's tag.
macro_rules! operations {
    ($($name:ident: $method:ident $path:literal, $access:expr, $component:expr $(, $module:ident::$describe:ident)?;)*) => {
        crate::routes! {
            /// An operation of the API.
            pub enum Operation { $($name: $method $path;)* }
        }

        impl Operation {
            /// The operation's name in the OpenAPI document, e.g. `listActions`.
            pub fn id(self) -> String {
                let name = match self { $(Self::$name => stringify!($name)),* };
                let (first, rest) = name.split_at(1);
                first.to_lowercase() + rest
            }

            /// Who may use it.
            pub fn access(self) -> crate::Access {
                match self { $(Self::$name => $access),* }
            }

            /// The component that answers it.
            pub fn component(self) -> crate::Component {
                match self { $(Self::$name => $component),* }
            }

            /// What the OpenAPI document says of it; `None` where the document does not have it.
            #[cfg(feature = "document")]
            pub(crate) fn describe(self) -> Option<(crate::document::Tag, crate::document::Description)> {
                use crate::document::paths;
                match self {
                    $($(Self::$name => Some((paths::$module::TAG, paths::$module::$describe())),)?)*
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use operations;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::access::Scope;
    use http::Method;

    use crate::{Access, Component, Found, Operation, Route as _, find};

    /// The path with `x` for every parameter.
    fn filled(operation: Operation) -> String {
        let segments = operation.path().split('/');
        let segments: Vec<_> = segments
            .map(|segment| {
                if segment.starts_with('{') {
                    "x"
                } else {
                    segment
                }
            })
            .collect();
        segments.join("/")
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in Operation::ALL {
            let found = find(&operation.method(), &filled(*operation));
            assert_eq!(found, Found::Route(*operation));
        }
    }

    #[test]
    fn every_method_that_a_path_does_not_have_names_those_that_it_has() {
        for operation in Operation::ALL {
            let Found::OtherMethods(others) =
                find::<Operation>(&Method::TRACE, &filled(*operation))
            else {
                panic!("{operation:?} takes TRACE");
            };
            assert!(others.contains(operation), "{operation:?}: {others:?}");
            assert!(others.iter().all(|other| other.path() == operation.path()));
        }
        let others = Found::OtherMethods(vec![Operation::ShowApiKey, Operation::RevokeApiKey]);
        assert_eq!(find(&Method::PUT, "/v1/api-keys/key_1"), others);
    }

    #[test]
    fn unknown_paths_are_no_operation() {
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v1/accounts",
            "/v1/accounts/acme/triggers/",
            "/v1/accounts//triggers",
            "/v1/health/x",
            "/v2/health",
            "/V1/health",
            "/docs/",
            "/webhook-keys",
        ] {
            assert_eq!(
                find::<Operation>(&Method::GET, path),
                Found::Nothing,
                "{path}"
            );
        }
    }

    #[test]
    fn no_two_operations_share_a_method_and_a_path() {
        let routes: BTreeSet<_> = Operation::ALL
            .iter()
            .map(|it| (it.method().to_string(), it.path()))
            .collect();
        assert_eq!(routes.len(), Operation::ALL.len());
    }

    #[test]
    fn reading_takes_read_and_everything_else_manage_with_these_exceptions() {
        use Operation as Op;
        for operation in Operation::ALL {
            let access = match operation {
                Op::ShowHealth | Op::ShowPublicKeys => Access::Open,
                Op::ShowDocument | Op::ShowDocs | Op::ShowDocsFile => Access::Open,
                Op::ListApiKeys | Op::CreateApiKey | Op::ShowApiKey | Op::RevokeApiKey => {
                    Access::Root
                }
                Op::OpenPortalLink => Access::Root,
                Op::PostEvents => Access::Scope(Scope::Ingest),
                Op::RunDeliveries => Access::Scope(Scope::Run),
                Op::ShowMetrics | Op::ShowUsage => Access::Scope(Scope::Metrics),
                Op::ShowSecret => Access::Scope(Scope::Manage),
                // They change nothing and tell nothing but what they are given.
                Op::CheckFilter | Op::RenderBodyTemplate => Access::Scope(Scope::Read),
                other if other.method() == Method::GET => Access::Scope(Scope::Read),
                _ => Access::Scope(Scope::Manage),
            };
            assert_eq!(operation.access(), access, "{operation:?}");
        }
    }

    #[test]
    fn only_runs_and_test_sends_reach_the_internet() {
        let of_delivery = Operation::ALL
            .iter()
            .filter(|it| it.component() == Component::Delivery);
        let expected = [Operation::TestAction, Operation::RunDeliveries];
        assert_eq!(of_delivery.copied().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_operations_name_for_programs_begins_with_a_small_letter() {
        assert_eq!(Operation::ListActions.id(), "listActions");
    }
}
