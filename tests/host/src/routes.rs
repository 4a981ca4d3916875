//! Which component answers a path: the same rules as Spin's, on the same matcher (the `routefinder` crate).
//!
//! Exact segments beat `:name` segments, these beat the trailing wildcard `/...`, and the longer wildcard prefix wins.

use std::borrow::Cow;

use anyhow::{anyhow, bail};

use crate::manifest::{HttpTrigger, Route};

/// The public routes of an application.
pub(crate) struct Router {
    routes: routefinder::Router<Target>,
}

struct Target {
    component: String,
    /// The route as the manifest has it.
    raw: String,
    /// The route with one leading slash and without a trailing one.
    based: String,
}

/// A path that found its component.
#[derive(Debug, PartialEq)]
pub(crate) struct Match {
    pub(crate) component: String,
    pub(crate) raw_route: String,
    pub(crate) based_route: String,
    /// What the trailing wildcard stands for, with its leading slash; empty where nothing is left.
    pub(crate) path_info: String,
    /// The `:name` segments.
    pub(crate) named: Vec<(String, String)>,
}

impl Match {
    /// The match a chained request gets: straight to a component, as if by the route `/...`.
    pub(crate) fn chained(component: String, path: String) -> Self {
        Self {
            component,
            raw_route: "/...".into(),
            based_route: "/...".into(),
            path_info: path,
            named: Vec::new(),
        }
    }

    /// The route as written, its trailing wildcard left out.
    pub(crate) fn route_prefix(&self) -> &str {
        self.raw_route
            .strip_suffix("/...")
            .unwrap_or(&self.raw_route)
    }
}

impl Router {
    /// The routes of `triggers`. Where two name the same route, the later one has it.
    pub(crate) fn new(triggers: &[HttpTrigger]) -> anyhow::Result<Self> {
        let mut targets: Vec<Target> = Vec::new();
        for trigger in triggers {
            let raw = match &trigger.route {
                Route::Public(route) => route,
                Route::Private { private: true } => continue,
                Route::Private { private: false } => bail!(
                    "route must be a string pattern or '{{ private = true }}': '{}' has {{ private = false }}",
                    trigger.component
                ),
            };
            let target = Target {
                component: trigger.component.clone(),
                raw: raw.clone(),
                based: based(raw),
            };
            match targets.iter_mut().find(|earlier| earlier.raw == *raw) {
                Some(earlier) => {
                    eprintln!(
                        "The route {raw} of {} is a duplicate of {}'s and will never be used",
                        earlier.component, target.component
                    );
                    *earlier = target;
                }
                None => targets.push(target),
            }
        }
        let mut routes = routefinder::Router::new();
        for target in targets {
            let pattern = match target.based.strip_suffix("/...") {
                Some(prefix) => format!("{prefix}/*"),
                None => target.based.clone(),
            };
            let shown = target.based.clone();
            routes
                .add(pattern, target)
                .map_err(|error| anyhow!("Error parsing route {shown}: {error}"))?;
        }
        Ok(Self { routes })
    }

    /// The best match for `path`, if any route matches.
    pub(crate) fn find(&self, path: &str) -> Option<Match> {
        let found = self.routes.best_match(path)?;
        let target = found.handler();
        let captures = found.captures();
        Some(Match {
            component: target.component.clone(),
            raw_route: target.raw.clone(),
            based_route: target.based.clone(),
            path_info: captures
                .wildcard()
                .map(|rest| path_info(rest, path).into_owned())
                .unwrap_or_default(),
            named: captures
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }

    /// Every route with its component, for the start-up message.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&str, String)> {
        self.routes.iter().map(|(_, target)| {
            let shown = match target.based.strip_suffix("/...") {
                Some(prefix) => format!("{prefix} (wildcard)"),
                None => target.based.clone(),
            };
            (target.component.as_str(), shown)
        })
    }
}

fn based(raw: &str) -> String {
    let slashed = if raw.starts_with('/') {
        raw.to_owned()
    } else {
        format!("/{raw}")
    };
    slashed.strip_suffix('/').unwrap_or(&slashed).to_owned()
}

/// The matcher drops the slashes around what its wildcard stands for; Spin puts them back.
fn path_info<'a>(rest: &'a str, path: &str) -> Cow<'a, str> {
    match (rest.is_empty(), path.ends_with('/')) {
        (true, false) => rest.into(),
        (true, true) => "/".into(),
        (false, false) => format!("/{rest}").into(),
        (false, true) => format!("/{rest}/").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[(&str, &str)]) -> Router {
        let triggers: String = routes
            .iter()
            .map(|(component, route)| {
                format!("[[t]]\ncomponent = \"{component}\"\nroute = {route}\n")
            })
            .collect();
        #[derive(serde::Deserialize)]
        struct File {
            t: Vec<HttpTrigger>,
        }
        let file: File = toml::from_str(&triggers).expect("valid triggers");
        Router::new(&file.t).expect("valid routes")
    }

    fn component(router: &Router, path: &str) -> Option<String> {
        router.find(path).map(|found| found.component)
    }

    #[test]
    fn the_longest_wildcard_wins_whatever_the_order() {
        let mut routes = [
            ("all", "\"/...\""),
            ("one", "\"/one/...\""),
            ("two", "\"/one/two/...\""),
        ];
        for _ in 0..2 {
            let router = router(&routes);
            assert_eq!(component(&router, "/one/two/three").as_deref(), Some("two"));
            assert_eq!(component(&router, "/one/three").as_deref(), Some("one"));
            assert_eq!(component(&router, "/three").as_deref(), Some("all"));
            routes.reverse();
        }
    }

    #[test]
    fn an_exact_segment_beats_a_named_one_and_that_beats_the_wildcard() {
        let router = router(&[
            ("exact", "\"/a/b\""),
            ("named", "\"/a/:x\""),
            ("wild", "\"/a/...\""),
        ]);
        assert_eq!(component(&router, "/a/b").as_deref(), Some("exact"));
        assert_eq!(component(&router, "/a/c").as_deref(), Some("named"));
        assert_eq!(component(&router, "/a/c/d").as_deref(), Some("wild"));
    }

    #[test]
    fn an_exact_route_also_answers_with_a_trailing_slash_and_nothing_longer() {
        let router = router(&[("exact", "\"/a\"")]);
        assert_eq!(component(&router, "/a/").as_deref(), Some("exact"));
        assert_eq!(component(&router, "/a/b"), None);
        assert_eq!(component(&router, "/"), None);
    }

    #[test]
    fn the_wildcard_keeps_the_slashes_of_the_path() {
        let router = router(&[("wild", "\"/a/...\"")]);
        for (path, expected) in [("/a", ""), ("/a/", "/"), ("/a/b", "/b"), ("/a/b/", "/b/")] {
            let found = router.find(path).expect("matches");
            assert_eq!(found.path_info, expected, "{path}");
        }
    }

    #[test]
    fn named_segments_are_captured() {
        let router = router(&[("one", "\"/users/:id/posts/:post/...\"")]);
        let found = router.find("/users/7/posts/9/x").expect("matches");
        assert_eq!(
            found.named,
            [("id".into(), "7".into()), ("post".into(), "9".into())]
        );
        assert_eq!(found.path_info, "/x");
        assert_eq!(found.route_prefix(), "/users/:id/posts/:post");
    }

    #[test]
    fn a_private_component_has_no_route() {
        let router = router(&[("hidden", "{ private = true }"), ("root", "\"/\"")]);
        assert_eq!(component(&router, "/hidden"), None);
        assert_eq!(component(&router, "/").as_deref(), Some("root"));
    }

    #[test]
    fn of_two_equal_routes_the_later_one_counts() {
        let router = router(&[("first", "\"/a\""), ("second", "\"/a\"")]);
        assert_eq!(component(&router, "/a").as_deref(), Some("second"));
    }

    #[test]
    fn every_operation_of_the_api_reaches_its_component() {
        use api::{Operation, Route as _};

        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
        let manifest = crate::manifest::Manifest::read(&file).expect("the application's manifest");
        let router = Router::new(manifest.triggers()).expect("valid routes");
        for operation in Operation::ALL {
            let path = operation.path().replace(['{', '}'], "");
            let expected = operation.component().as_str();
            assert_eq!(
                component(&router, &path).as_deref(),
                Some(expected),
                "{operation:?}"
            );
        }
        assert_eq!(
            component(&router, "/v1/unknown").as_deref(),
            Some("management")
        );
        assert_eq!(
            component(&router, "/accounts/acme").as_deref(),
            Some("dashboard")
        );
    }
}
