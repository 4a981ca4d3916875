//! Routes: a method and a path template such as `/v1/accounts/{account}`, and how a request finds its route.

use http::Method;

/// The routes of a table made by [`routes!`](crate::routes).
pub trait Route: Copy + 'static {
    /// All routes, in the order of the table.
    const ALL: &'static [Self];

    /// The method. `HEAD` is answered wherever `GET` is.
    fn method(self) -> Method;

    /// The path template: words, and parameters in braces; the last of them may be `{name...}`, which stands for one or more segments.
    fn path(self) -> &'static str;
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<R> {
    /// This route.
    Route(R),
    /// A path with other methods: its routes, at least one.
    OtherMethods(Vec<R>),
    /// A path that no route has.
    Nothing,
}

impl<R: Route> Found<R> {
    /// The path template that matched.
    pub fn path(&self) -> Option<&'static str> {
        match self {
            Self::Route(route) => Some(route.path()),
            Self::OtherMethods(routes) => routes.first().map(|route| route.path()),
            Self::Nothing => None,
        }
    }
}

/// Finds the route of a request. Where several templates match, a word counts more than a parameter.
pub fn find<R: Route>(method: &Method, path: &str) -> Found<R> {
    let method = match *method {
        Method::HEAD => &Method::GET,
        _ => method,
    };
    let mut matching: Vec<R> = R::ALL.to_vec();
    matching.retain(|route| parameters(route.path(), path).is_some());
    let is_parameter = |route: &R| -> Vec<_> {
        route
            .path()
            .split('/')
            .map(|part| name(part).is_some())
            .collect()
    };
    let Some(best) = matching.iter().min_by_key(|route| is_parameter(route)) else {
        return Found::Nothing;
    };
    let template = best.path();
    matching.retain(|route| route.path() == template);
    match matching.iter().find(|route| route.method() == *method) {
        Some(route) => Found::Route(*route),
        None => Found::OtherMethods(matching),
    }
}

/// The parameters of a path that matches the template, by name; percent-encoded as they came. No segment of the path may be empty.
pub fn parameters<'p>(
    template: &'static str,
    path: &'p str,
) -> Option<Vec<(&'static str, &'p str)>> {
    let mut found = Vec::new();
    let mut rest = Some(path);
    for part in template.split('/') {
        let left = rest?;
        let (segment, after) = match left.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (left, None),
        };
        rest = after;
        match name(part) {
            Some(name) if part.ends_with("...}") => {
                let is_whole = left.split('/').all(|segment| !segment.is_empty());
                found.push((name, left));
                return is_whole.then_some(found);
            }
            Some(name) if !segment.is_empty() => found.push((name, segment)),
            None if part == segment => {}
            _ => return None,
        }
    }
    rest.is_none().then_some(found)
}

/// The names of a template's parameters.
pub fn names(template: &'static str) -> impl Iterator<Item = &'static str> {
    template.split('/').filter_map(name)
}

/// The name of a parameter, if this part of a template is one.
fn name(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix("...").unwrap_or(name))
}

/// Makes an enum of a table of routes, one line a route: `Name: METHOD "/path/{parameter}";`.
#[macro_export]
macro_rules! routes {
    ($(#[$meta:meta])* $visibility:vis enum $table:ident { $($name:ident: $method:ident $path:literal;)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $visibility enum $table {
            $(
                #[doc = concat!("`", stringify!($method), " ", $path, "`")]
                $name,
            )*
        }

        impl $crate::Route for $table {
            const ALL: &'static [Self] = &[$(Self::$name),*];

            fn method(self) -> ::http::Method {
                match self { $(Self::$name => ::http::Method::$method),* }
            }

            fn path(self) -> &'static str {
                match self { $(Self::$name => $path),* }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    routes! {
        enum Shop {
            Front: GET "/";
            List: GET "/items";
            Add: POST "/items";
            Show: GET "/items/{item}";
            Search: POST "/items/search";
            Part: GET "/items/{item}/parts/{part}";
            File: GET "/files/{file...}";
        }
    }

    #[test]
    fn finds_a_route_by_method_and_path() {
        for (method, path, found) in [
            (Method::GET, "/", Found::Route(Shop::Front)),
            (Method::GET, "/items", Found::Route(Shop::List)),
            (Method::HEAD, "/items", Found::Route(Shop::List)),
            (Method::POST, "/items", Found::Route(Shop::Add)),
            (Method::GET, "/items/a%2Fb", Found::Route(Shop::Show)),
            (Method::GET, "/items/a/parts/b", Found::Route(Shop::Part)),
        ] {
            assert_eq!(find::<Shop>(&method, path), found, "{method} {path}");
        }
    }

    #[test]
    fn a_word_counts_more_than_a_parameter() {
        let search = Found::Route(Shop::Search);
        assert_eq!(find(&Method::POST, "/items/search"), search);
        let others = Found::OtherMethods(vec![Shop::Search]);
        assert_eq!(find(&Method::GET, "/items/search"), others);
    }

    #[test]
    fn a_path_with_other_methods_has_these() {
        let others = Found::OtherMethods(vec![Shop::List, Shop::Add]);
        assert_eq!(find(&Method::PUT, "/items"), others);
    }

    #[test]
    fn no_route_has_an_empty_segment_or_another_length() {
        for path in [
            "",
            "//",
            "/items/",
            "/items//parts/b",
            "/items/a/parts",
            "/Items",
            "/items/a/",
            "/files",
            "/files/",
            "/files/a//b",
            "/files/a/",
        ] {
            assert_eq!(find::<Shop>(&Method::GET, path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn parameters_have_the_names_of_the_template() {
        let found = parameters(Shop::Part.path(), "/items/a/parts/b");
        assert_eq!(found, Some(vec![("item", "a"), ("part", "b")]));
        assert_eq!(parameters(Shop::Part.path(), "/items/a"), None);
        for file in ["a", "a/b/c"] {
            let path = format!("/files/{file}");
            let found = parameters(Shop::File.path(), &path);
            assert_eq!(found, Some(vec![("file", file)]));
        }
    }
}
