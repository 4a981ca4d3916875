//! `allowed_outbound_hosts`: which destinations a component may send requests to.
//!
//! Two properties of Spin's rules matter to a service that calls URLs of its users, and are kept here with care: the host `*`
//! also allows requests to the application itself (`http://self.alt`) and service chaining (`http://ID.spin.internal`); and a
//! destination is compared after URL parsing, where `0x7f.1` is already `127.0.0.1`.

use anyhow::{Context, bail, ensure};
use ip_network::IpNetwork;
use url::{Host, Url};

/// `http://ID.spin.internal` is a request to the component ID of the same application.
const CHAINING_DOMAIN: &str = "spin.internal";

/// What `allowed_outbound_hosts` of one component allows, its variables filled in.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq)]
struct Pattern {
    /// `None` is `*`.
    scheme: Option<String>,
    host: HostPattern,
    ports: Ports,
}

#[derive(Debug, Clone, PartialEq)]
enum HostPattern {
    Any,
    /// The application itself: `self` or `self.alt`.
    App,
    /// Any host below a domain; holds the domain with its leading dot.
    Below(String),
    Exact(Host),
    Network(IpNetwork),
}

#[derive(Debug, Clone, PartialEq)]
enum Ports {
    Any,
    /// First and one past the last.
    Between(u16, u16),
    One(u16),
}

impl AllowedHosts {
    /// Parses the manifest's entries. `components` are the ids that `*.spin.internal` stands for.
    pub(crate) fn parse<'a>(
        entries: impl IntoIterator<Item = &'a str>,
        components: &[&str],
    ) -> anyhow::Result<Self> {
        let mut patterns = Vec::new();
        for entry in entries {
            let pattern = Pattern::parse(entry)?;
            match &pattern.host {
                HostPattern::Below(domain) if domain.strip_prefix('.') == Some(CHAINING_DOMAIN) => {
                    patterns.extend(components.iter().map(|id| Pattern {
                        host: HostPattern::Exact(Host::Domain(format!("{id}.{CHAINING_DOMAIN}"))),
                        ..pattern.clone()
                    }));
                }
                _ => patterns.push(pattern),
            }
        }
        Ok(Self(patterns))
    }

    /// Whether a request to this absolute URL may be sent.
    pub(crate) fn allow(&self, url: &str) -> bool {
        // Spin percent-encodes the user part first, for database URLs; an HTTP request's URI has nothing to encode there.
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let Some(Ok(host)) = url.host_str().map(Host::parse) else {
            return false;
        };
        let port = url.port().or_else(|| well_known_port(url.scheme()));
        self.0
            .iter()
            .any(|pattern| pattern.allows(url.scheme(), &host, port))
    }

    /// Whether the component may send HTTP requests to its own application.
    pub(crate) fn allow_app(&self) -> bool {
        self.0.iter().any(|pattern| {
            matches!(pattern.host, HostPattern::Any | HostPattern::App)
                && matches!(pattern.scheme.as_deref(), None | Some("http" | "https"))
        })
    }
}

/// The component that a request to `host` is chained to, if it is chained at all.
pub(crate) fn chaining_target(host: &str) -> Option<&str> {
    let host = host.trim();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let (component, domain) = host.split_once('.')?;
    (domain == CHAINING_DOMAIN).then_some(component)
}

impl Pattern {
    fn parse(entry: &str) -> anyhow::Result<Self> {
        Self::parse_parts(entry.trim())
            .with_context(|| format!("{entry:?} is not an allowed outbound host"))
    }

    fn parse_parts(entry: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = entry
            .split_once("://")
            .context("it must be <scheme>://<host>[:<port>], each of them possibly '*'")?;
        let (host, port) = rest.rsplit_once(':').unwrap_or((rest, ""));
        let port = match port.split_once('/') {
            Some((port, "")) => port,
            Some(_) => bail!("it has a path"),
            None => port,
        };
        Ok(Self {
            ports: Ports::parse(port, scheme)?,
            host: HostPattern::parse(host)?,
            scheme: match scheme {
                "*" => None,
                _ => {
                    ensure!(
                        scheme.chars().all(char::is_alphabetic),
                        "its scheme has other characters than letters"
                    );
                    Some(scheme.to_owned())
                }
            },
        })
    }

    fn allows(&self, scheme: &str, host: &Host, port: Option<u16>) -> bool {
        let scheme_matches = match &self.scheme {
            None => true,
            Some(allowed) => allowed == scheme,
        };
        scheme_matches && self.host.allows(host) && self.ports.allow(port)
    }
}

impl HostPattern {
    fn parse(host: &str) -> anyhow::Result<Self> {
        let host = host.trim();
        match host {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::App),
            _ if host.starts_with('{') => bail!("host lists are not supported"),
            _ => {}
        }
        // Before the path check: a network has a slash of its own.
        if let Ok(network) = IpNetwork::from_str_truncate(host) {
            return Ok(Self::Network(network));
        }
        let host = host.trim_end_matches('/');
        ensure!(!host.contains('/'), "it has a path");
        let domain = host.strip_prefix("*.");
        ensure!(
            !domain.unwrap_or(host).contains('*'),
            "a wildcard is the whole host or its first label"
        );
        match domain {
            Some(domain) => Ok(Self::Below(format!(".{domain}"))),
            None => Ok(Self::Exact(Host::parse(host)?)),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(domain), Host::Domain(host)) => host.ends_with(domain),
            (Self::Exact(exact), host) => exact == host,
            (Self::Network(network), Host::Ipv4(ip)) => network.contains(*ip),
            (Self::Network(network), Host::Ipv6(ip)) => network.contains(*ip),
            (Self::Below(_), _) | (Self::Network(_), Host::Domain(_)) => false,
            // Requests to the application are asked for with `allow_app`.
            (Self::App, _) => false,
        }
    }
}

impl Ports {
    fn parse(port: &str, scheme: &str) -> anyhow::Result<Self> {
        let number = |text: &str| {
            text.parse()
                .with_context(|| format!("its port {text:?} is not a number"))
        };
        match (port, port.split_once("..")) {
            ("", _) => well_known_port(scheme)
                .map(Self::One)
                .with_context(|| format!("it has no port, and {scheme:?} has no known one")),
            ("*", _) => Ok(Self::Any),
            (_, Some((first, end))) => Ok(Self::Between(number(first)?, number(end)?)),
            _ => Ok(Self::One(number(port)?)),
        }
    }

    fn allow(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::One(allowed), Some(port)) => *allowed == port,
            (Self::Between(first, end), Some(port)) => (*first..*end).contains(&port),
            (_, None) => false,
        }
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "mqtt" => Some(1883),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str]) -> AllowedHosts {
        AllowedHosts::parse(entries.iter().copied(), &["one", "two"]).expect("valid entries")
    }

    #[test]
    fn scheme_host_and_port_must_all_match() {
        let table = [
            ("https://example.com", "https://example.com/x", true),
            ("https://example.com", "https://example.com:443/", true),
            ("https://example.com", "http://example.com/", false),
            ("https://example.com", "https://example.com:8443/", false),
            ("https://example.com", "https://api.example.com/", false),
            ("https://example.com/", "https://example.com/", true),
            ("*://example.com:*", "http://example.com:81/", true),
            ("http://*:8080", "http://anything:8080/", true),
            ("http://*:8080", "http://anything/", false),
            (
                "http://localhost:3000..3003",
                "http://localhost:3002/",
                true,
            ),
            (
                "http://localhost:3000..3003",
                "http://localhost:3003/",
                false,
            ),
            ("https://*.example.com", "https://a.b.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("https://*.example.com", "https://myexample.com/", false),
            ("http://10.0.0.0/8:80", "http://10.1.2.3/", true),
            ("http://10.0.0.0/8:80", "http://11.1.2.3/", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://127.0.0.1:80", "http://0x7f.1/", true),
            (
                "https://example.com",
                "https://user:secret@example.com/",
                true,
            ),
            (
                "https://example.com",
                "https://example.com@evil.test/",
                false,
            ),
        ];
        for (entry, url, expected) in table {
            assert_eq!(hosts(&[entry]).allow(url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn nothing_is_allowed_without_an_entry() {
        assert!(!hosts(&[]).allow("https://example.com/"));
        assert!(!hosts(&[]).allow_app());
    }

    #[test]
    fn entries_that_say_too_little_or_too_much_are_refused() {
        for entry in [
            "*",
            "example.com",
            "example.com:80",
            "http://example.com/path",
            "http://example.com:80/path",
            "http://a.*.com",
            "http://*.a.*",
            "ftp://example.com",
            "http://example.com:x",
            "{http,https}://example.com",
            "insecure:allow-all",
            "http://[::1]",
        ] {
            assert!(AllowedHosts::parse([entry], &[]).is_err(), "{entry}");
        }
    }

    #[test]
    fn the_application_itself_is_allowed_by_name_and_by_the_wildcard() {
        for (entry, expected) in [
            ("http://self", true),
            ("https://self.alt", true),
            ("http://*:*", true),
            ("*://*:*", true),
            ("https://example.com", false),
            ("redis://*", false),
        ] {
            assert_eq!(hosts(&[entry]).allow_app(), expected, "{entry}");
        }
        assert!(!hosts(&["http://self"]).allow("http://example.com/"));
    }

    #[test]
    fn chaining_is_allowed_by_name_by_its_wildcard_and_by_the_full_wildcard() {
        for (entry, url, expected) in [
            (
                "http://one.spin.internal",
                "http://one.spin.internal/",
                true,
            ),
            (
                "http://one.spin.internal",
                "http://two.spin.internal/",
                false,
            ),
            ("http://*.spin.internal", "http://two.spin.internal/", true),
            (
                "http://*.spin.internal",
                "http://three.spin.internal/",
                false,
            ),
            ("http://*:*", "http://two.spin.internal/", true),
            ("http://self", "http://one.spin.internal/", false),
        ] {
            assert_eq!(hosts(&[entry]).allow(url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn a_chaining_target_is_the_first_label_of_the_host() {
        assert_eq!(chaining_target("one.spin.internal"), Some("one"));
        assert_eq!(chaining_target("one.spin.internal:80"), Some("one"));
        assert_eq!(chaining_target("a.one.spin.internal"), None);
        assert_eq!(chaining_target("spin.internal"), None);
        assert_eq!(chaining_target("example.com"), None);
    }
}
