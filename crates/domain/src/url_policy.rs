//! Where webhooks may go: which URLs an action may have.
//!
//! A URL is checked when it is saved and again before each attempt, because settings change. What
//! was checked is what is sent: [`EndpointUrl`] holds the normalised serialisation of the
//! [WHATWG URL standard](https://url.spec.whatwg.org/), and every rule about hosts looks at that,
//! after percent-decoding, IDNA mapping and the many ways to write an IPv4 address. What such a
//! parser would silently drop or repair (tabs, backslashes, missing slashes, empty user names) is
//! refused in the text, so that no reader of the same text can mean another host.
//!
//! Path and query are percent-encoded as RFC 3986 (3.3, 3.4) has them, also where the URL standard
//! leaves characters raw; what is encoded already stays as it is, and a `%` that encodes nothing
//! becomes `%25`.
//!
//! Names that resolve to private addresses are beyond a pure rule: the host that resolves them has
//! to block those ([`UrlPolicy::check_address`] is the rule for whoever knows the address).

use std::{fmt, net::IpAddr};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Position, Url};

mod addresses;

pub use addresses::AddressKind;

/// The longest URL, in bytes, as given and as normalised.
pub const MAX_LENGTH: usize = 2_048;

/// Top-level names that are not in the public DNS, or never lead to somebody's server.
const PRIVATE_NAMES: [&str; 26] = [
    // IANA's registry of special-use domain names: RFC 6761 (`invalid`, `test`), RFC 6762 (`local`),
    // RFC 7686 (`onion`), RFC 9476 (`alt`), and all of `arpa` (RFC 3172), with `home.arpa`.
    // `example` is left out: documentation is full of it, and it leads nowhere.
    "alt",
    "arpa",
    "invalid",
    "local",
    "onion",
    "test",
    // Never to be delegated (ICANN), and those of RFC 6762, appendix G.
    "corp",
    "home",
    "internal",
    "intranet",
    "lan",
    "mail",
    "private",
    // What routers hand out, and another overlay network.
    "localdomain",
    "i2p",
    // What clusters resolve. Kubernetes completes `service.namespace` by its search list, so its
    // usual namespaces are names of their own.
    "cluster",
    "consul",
    "default",
    "docker",
    "kube-public",
    "kube-system",
    "mesos",
    "nomad",
    "podman",
    "svc",
    "swarm",
];

/// An endpoint's URL that a policy allowed: absolute, http or https, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Which URLs are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlPolicy {
    /// Whether webhooks may go to loopback and private addresses and to `localhost`. It opens
    /// nothing else: link-local and metadata addresses, names of private networks and the names
    /// by which Spin's components reach one another stay refused.
    pub allow_private_targets: bool,
    /// Where this service itself answers, each `host` (refused on every port) or `host:port`
    /// (refused on that port). All the names of the loopback interface count as one.
    pub own_hosts: Vec<String>,
}

/// Why a URL is refused: a clause that follows the name of the member that holds the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// There is no text.
    #[error("is empty: it has to be a URL that starts with https:// or http://")]
    Empty,
    /// The text or its normalised form is longer than [`MAX_LENGTH`].
    #[error("is too long: at most {MAX_LENGTH} bytes, counted with all percent-encoding")]
    TooLong,
    /// White space, a control or invisible character, or a backslash.
    #[error("has the character U+{:04X}, which has to be left out or percent-encoded", u32::from(*.0))]
    Character(char),
    /// No scheme, or not the two slashes that have to follow it.
    #[error("is not an absolute URL: it has to start with https:// or http://")]
    NotAbsolute,
    /// A scheme that is neither http nor https.
    #[error("has another scheme than https or http: it has to start with https:// or http://")]
    Scheme,
    /// A `#`.
    #[error("has a fragment: leave out the # and what follows it, or write %23")]
    Fragment,
    /// An `@` before the host.
    #[error("has a user name or password before the host: put credentials into a header")]
    UserInfo,
    /// Nothing where the host should be.
    #[error("has no host")]
    NoHost,
    /// A host that is neither a domain name nor an IP address.
    #[error("has a host that is neither a valid domain name nor a valid IP address")]
    InvalidHost,
    /// An IPv6 address with a zone, such as `[fe80::1%25eth0]`.
    #[error("has an IPv6 address with a zone id, which has a meaning on one machine only")]
    ZoneId,
    /// A port that is empty, zero, no number or above 65535.
    #[error("has an invalid port: it has to be a number from 1 to 65535")]
    Port,
    /// A name by which components of the same Spin application reach one another.
    #[error("leads to this service's own components")]
    SpinInternal,
    /// The service's own public URL.
    #[error("leads to this service itself")]
    OwnHost,
    /// `localhost` or a name under it.
    #[error("leads to the service's own machine: webhooks go to public addresses only")]
    Localhost,
    /// A name under a top-level name that is reserved, or resolved only inside a network.
    #[error(
        "has a host name under .{0}, which is reserved or known only inside a network or cluster: \
         webhooks go to public names only"
    )]
    PrivateName(&'static str),
    /// A name without a dot, which only a private network or a search list can resolve.
    #[error("has a host name without a dot: write the full name, such as hooks.example.com")]
    SingleLabel,
    /// A name that ends with a dot.
    #[error("has a host name that ends with a dot: leave that dot out")]
    TrailingDot,
    /// An IP address that is not public.
    #[error("leads to {address}, {kind}: webhooks go to public addresses only")]
    Address {
        /// The address, however it was written.
        address: IpAddr,
        /// What it is for.
        kind: AddressKind,
    },
}

impl EndpointUrl {
    /// Parses a URL that `policy` allows.
    ///
    /// # Errors
    ///
    /// The first reason for which it is refused.
    pub fn parse(text: &str, policy: &UrlPolicy) -> Result<Self, UrlRefusal> {
        check_text(text)?;
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::InvalidPort => UrlRefusal::Port,
            url::ParseError::EmptyHost => UrlRefusal::NoHost,
            _ => UrlRefusal::InvalidHost,
        })?;
        let url = encoded(url)?;
        if url.as_str().len() > MAX_LENGTH {
            return Err(UrlRefusal::TooLong);
        }
        let port = url
            .port_or_known_default()
            .filter(|port| *port != 0)
            .ok_or(UrlRefusal::Port)?;
        let host = url.host().ok_or(UrlRefusal::NoHost)?;
        if matches!(host, Host::Domain(name) if is_spin_internal(name)) {
            return Err(UrlRefusal::SpinInternal);
        }
        if policy.is_own(&host, port) {
            return Err(UrlRefusal::OwnHost);
        }
        match host {
            Host::Domain(name) => policy.check_name(name)?,
            Host::Ipv4(address) => policy.check_address(address.into())?,
            Host::Ipv6(address) => policy.check_address(address.into())?,
        }
        Ok(Self(url))
    }

    /// The normalised URL, as it is stored and sent.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the scheme is https; otherwise it is http.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether this has the origin of another URL: the same scheme, host and port (RFC 6454).
    pub fn has_origin_of(&self, other: &str) -> bool {
        Url::parse(other).is_ok_and(|other| other.origin() == self.0.origin())
    }

    /// The host, and the port unless it is the scheme's own: `hooks.example.com:8443`, `[2600::1]`.
    pub fn authority(&self) -> &str {
        &self.0[Position::BeforeHost..Position::AfterPort]
    }

    /// The same authority in another spelling: with the scheme's own port, or with a zero before
    /// another. Hosts keep connections by the authority's text, so that a request to this one leaves
    /// on a connection of its own; the `host` header of HTTP/1.1 stays as it is.
    pub fn respelt_authority(&self) -> String {
        let host = &self.0[Position::BeforeHost..Position::AfterHost];
        match self.0.port() {
            Some(port) => format!("{host}:0{port}"),
            None => format!("{host}:{}", if self.is_https() { 443 } else { 80 }),
        }
    }

    /// The request's target: a path that starts with `/`, and the query with its `?` if there is
    /// one.
    pub fn path_and_query(&self) -> &str {
        &self.0[Position::BeforePath..Position::AfterQuery]
    }
}

/// The host that a stored URL leads to, with the port unless it is the scheme's own.
pub fn host_of(normalised: &str) -> &str {
    let (_, rest) = normalised.split_once("://").unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UrlPolicy {
    /// Whether a request may be sent to this address.
    ///
    /// # Errors
    ///
    /// When the address is not public, and not a loopback or private one while those are allowed.
    pub fn check_address(&self, address: IpAddr) -> Result<(), UrlRefusal> {
        match addresses::classify(address) {
            None => Ok(()),
            Some(AddressKind::Loopback | AddressKind::Private) if self.allow_private_targets => {
                Ok(())
            }
            Some(kind) => Err(UrlRefusal::Address { address, kind }),
        }
    }

    /// A domain name in its normalised form: lower case, Punycode.
    fn check_name(&self, name: &str) -> Result<(), UrlRefusal> {
        if is_localhost(name) && !self.allow_private_targets {
            return Err(UrlRefusal::Localhost);
        }
        let mut private = PRIVATE_NAMES.into_iter();
        if let Some(private) = private.find(|private| is_at_or_under(name, private)) {
            return Err(UrlRefusal::PrivateName(private));
        }
        let bare = name.strip_suffix('.').unwrap_or(name);
        if !is_host_name(bare) {
            return Err(UrlRefusal::InvalidHost);
        }
        if bare != name {
            return Err(UrlRefusal::TrailingDot);
        }
        if !name.contains('.') && !is_localhost(name) {
            return Err(UrlRefusal::SingleLabel);
        }
        Ok(())
    }

    fn is_own(&self, host: &Host<&str>, port: u16) -> bool {
        self.own_hosts.iter().any(|own| {
            let (name, own_port) = split_port(own);
            own_port.is_none_or(|own_port| own_port == port)
                && Host::parse(name).is_ok_and(|own| is_same_host(&own, host))
        })
    }
}

/// What has to hold of the text itself, because a parser would repair it or lose it.
fn check_text(text: &str) -> Result<(), UrlRefusal> {
    if text.is_empty() {
        return Err(UrlRefusal::Empty);
    }
    if text.len() > MAX_LENGTH {
        return Err(UrlRefusal::TooLong);
    }
    if let Some(unfit) = text.chars().find(|character| is_unfit(*character)) {
        return Err(UrlRefusal::Character(unfit));
    }
    let after_scheme = after_scheme(text)?;
    if text.contains('#') {
        return Err(UrlRefusal::Fragment);
    }
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlRefusal::UserInfo);
    }
    // A parser would take the host from the path (http:///host/).
    if authority.is_empty() {
        return Err(UrlRefusal::NoHost);
    }
    if authority.starts_with('[') && authority.contains('%') {
        return Err(UrlRefusal::ZoneId);
    }
    // A parser would drop a colon that nothing follows.
    if authority.ends_with(':') {
        return Err(UrlRefusal::Port);
    }
    Ok(())
}

/// The URL with everything in path and query percent-encoded that RFC 3986 does not allow there.
/// The URL standard leaves `{ } | [ ] ^`, a backtick and a lone `%` as they are in some places.
fn encoded(url: Url) -> Result<Url, UrlRefusal> {
    let target = &url[Position::BeforePath..];
    let mut fit = String::with_capacity(target.len());
    let mut rest = target;
    while let Some(character) = rest.chars().next() {
        let is_fit = match character {
            '%' => {
                let digits = rest.as_bytes().get(1..3);
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            // pchar, and the delimiters of segments and of the query.
            _ => character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?".contains(character),
        };
        if is_fit {
            fit.push(character);
        } else {
            fit.extend(utf8_percent_encode(
                &rest[..character.len_utf8()],
                NON_ALPHANUMERIC,
            ));
        }
        rest = &rest[character.len_utf8()..];
    }
    if fit == target {
        return Ok(url);
    }
    let fit = format!("{}{fit}", &url[..Position::BeforePath]);
    Url::parse(&fit).map_err(|_| UrlRefusal::InvalidHost)
}

/// What follows `http://` or `https://`.
fn after_scheme(text: &str) -> Result<&str, UrlRefusal> {
    let (scheme, rest) = text.split_once(':').ok_or(UrlRefusal::NotAbsolute)?;
    if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
        return rest.strip_prefix("//").ok_or(UrlRefusal::NotAbsolute);
    }
    // example.com:8080/path and localhost:8080/path have no scheme, although by the letter of
    // RFC 3986 they do.
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte))
        && !rest.starts_with(|first: char| first.is_ascii_digit());
    Err(if is_scheme {
        UrlRefusal::Scheme
    } else {
        UrlRefusal::NotAbsolute
    })
}

/// White space, controls, the backslash (which parsers read as a slash) and what nobody sees: the
/// soft hyphen, zero-width spaces, marks of direction, byte-order marks and tags. The zero-width
/// joiners are not among them, because names in some scripts need them.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(
            character,
            '\\' | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `self` and `self.alt` reach the application itself, `NAME.spin.internal` one of its components,
/// and a wildcard in `allowed_outbound_hosts` matches them all (tried on Spin 4.0.2).
fn is_spin_internal(name: &str) -> bool {
    ["self", "self.alt", "spin.internal"]
        .iter()
        .any(|spin| is_at_or_under(name, spin))
}

fn is_localhost(name: &str) -> bool {
    is_at_or_under(name, "localhost")
}

/// Whether `name`, without the dots that it may end with, is `domain` or ends with `.domain`.
fn is_at_or_under(name: &str, domain: &str) -> bool {
    name.trim_end_matches('.')
        .strip_suffix(domain)
        .is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Lengths as in RFC 1035; underscores because the DNS and browsers take them. The URL standard
/// allows more (`!`, `*`, `;`, empty labels, any length), which no resolver answers. All top-level
/// domains start with a letter, so what does not (`127.0.0.1x`) is an address gone wrong.
fn is_host_name(name: &str) -> bool {
    let top_level = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && top_level.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

fn split_port(host: &str) -> (&str, Option<u16>) {
    let split = host
        .rsplit_once(':')
        .and_then(|(name, port)| Some((name, port.parse().ok()?)));
    split.map_or((host, None), |(name, port)| (name, Some(port)))
}

fn is_same_host(own: &Host<String>, host: &Host<&str>) -> bool {
    let own_text = own.to_string();
    let text = host.to_string();
    own_text.trim_end_matches('.') == text.trim_end_matches('.')
        || (is_this_machine(own) && is_this_machine(host))
}

fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    let kind = match host {
        Host::Domain(name) => return is_localhost(name.as_ref()),
        Host::Ipv4(address) => addresses::classify((*address).into()),
        Host::Ipv6(address) => addresses::classify((*address).into()),
    };
    matches!(kind, Some(AddressKind::Loopback | AddressKind::Unspecified))
}

#[cfg(test)]
mod tests;
