//! Which IP addresses are public, and what the others are for.
//!
//! Sources: the IANA registries of special-purpose addresses
//! ([IPv4](https://www.iana.org/assignments/iana-ipv4-special-registry),
//! [IPv6](https://www.iana.org/assignments/iana-ipv6-special-registry)) and the metadata addresses
//! that cloud providers document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not one of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressKind {
    /// `127.0.0.0/8` and `::1`.
    #[error("a loopback address")]
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16` (RFC 1918) and `fc00::/7` (RFC 4193).
    #[error("a private address")]
    Private,
    /// `169.254.0.0/16`, `fe80::/10` and `fec0::/10`, the site-local range of old.
    #[error("a link-local address")]
    LinkLocal,
    /// Where a cloud's machines ask for their own credentials, whichever range that is in.
    #[error("a cloud provider's metadata address")]
    Metadata,
    /// `100.64.0.0/10` (RFC 6598): carrier-grade NAT.
    #[error("a shared (carrier-grade NAT) address")]
    Shared,
    /// `0.0.0.0/8` and `::`, which many systems connect to themselves.
    #[error("an unspecified address")]
    Unspecified,
    /// `224.0.0.0/4` and `ff00::/8`.
    #[error("a multicast address")]
    Multicast,
    /// `192.0.2.0/24`, `198.51.100.0/24`, `203.0.113.0/24`, `2001:db8::/32` and `3fff::/20`.
    #[error("an address for documentation")]
    Documentation,
    /// All else that is no public unicast address: protocol assignments, benchmarking, the future.
    #[error("a reserved address")]
    Reserved,
    /// `64:ff9b::/96` (RFC 6052) and `64:ff9b:1::/48` (RFC 8215).
    #[error("a NAT64 address, which stands for an IPv4 address")]
    Nat64,
    /// `2002::/16` (RFC 3056) and its relays, `192.88.99.0/24`.
    #[error("a 6to4 address, which stands for an IPv4 address")]
    SixToFour,
    /// `2001::/32` (RFC 4380).
    #[error("a Teredo address, which stands for an IPv4 address")]
    Teredo,
    /// An interface id of `0:5efe` or `200:5efe` and an IPv4 address (RFC 5214).
    #[error("an ISATAP address, which stands for an IPv4 address")]
    Isatap,
    /// `::ffff:0:0/96`, and `::ffff:0:0:0/96` of RFC 2765.
    #[error("an IPv4-mapped address, which stands for an IPv4 address")]
    Ipv4Mapped,
    /// `::/96`.
    #[error("an IPv4-compatible address, which stands for an IPv4 address")]
    Ipv4Compatible,
}

/// What the address is for when it is not public.
///
/// An IPv6 address that carries an IPv4 address is refused for being one, whatever it carries: no
/// receiver is reached only that way, and what a gateway makes of it is not ours to know.
pub(super) fn classify(address: IpAddr) -> Option<AddressKind> {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> Option<AddressKind> {
    Some(match address.octets() {
        // AWS, Google Cloud, Azure, DigitalOcean and more; containers and pods on AWS; Alibaba;
        // Azure's platform, on an address that looks public; Oracle's older machines.
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [100, 100, 100, 200]
        | [168, 63, 129, 16]
        | [192, 0, 0, 192] => AddressKind::Metadata,
        [0, ..] => AddressKind::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressKind::Private,
        [100, 64..=127, ..] => AddressKind::Shared,
        [127, ..] => AddressKind::Loopback,
        [169, 254, ..] => AddressKind::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressKind::Documentation,
        [192, 88, 99, _] => AddressKind::SixToFour,
        // Protocol assignments; benchmarking.
        [192, 0, 0, _] | [198, 18..=19, ..] => AddressKind::Reserved,
        [224..=239, ..] => AddressKind::Multicast,
        [240..=255, ..] => AddressKind::Reserved,
        _ => return None,
    })
}

fn classify_v6(address: Ipv6Addr) -> Option<AddressKind> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressKind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressKind::Loopback,
        [0, 0, 0, 0, 0, 0, ..] => AddressKind::Ipv4Compatible,
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => AddressKind::Ipv4Mapped,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => AddressKind::Nat64,
        // AWS (all of its services on the machine), Google Cloud, Scaleway: in the private range,
        // but private targets being allowed must not open them.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, .., 0x254] | [0xfd00, 0x42, .., 0x42] => {
            AddressKind::Metadata
        }
        [0xff00..=0xffff, ..] => AddressKind::Multicast,
        [0xfc00..=0xfdff, ..] => AddressKind::Private,
        [0xfe80..=0xfeff, ..] => AddressKind::LinkLocal,
        // All unicast that IANA has given out so far is inside 2000::/3.
        [..=0x1fff | 0x4000.., ..] => AddressKind::Reserved,
        [0x2001, 0, ..] => AddressKind::Teredo,
        [0x2001, 0xdb8, ..] | [0x3fff, ..=0xfff, ..] => AddressKind::Documentation,
        // Protocol assignments: ORCHID, benchmarking and such.
        [0x2001, ..=0x1ff, ..] => AddressKind::Reserved,
        [0x2002, ..] => AddressKind::SixToFour,
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => AddressKind::Isatap,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{AddressKind::*, *};

    fn parse(address: &str) -> IpAddr {
        address.parse().expect(address)
    }

    /// The first and the last address of every range, and the public neighbours outside of it.
    #[test]
    fn ranges_end_where_the_registries_say() {
        let ranges = [
            ("0.0.0.0", "0.255.255.255", Unspecified),
            ("10.0.0.0", "10.255.255.255", Private),
            ("100.64.0.0", "100.127.255.255", Shared),
            ("127.0.0.0", "127.255.255.255", Loopback),
            ("169.254.0.0", "169.254.255.255", LinkLocal),
            ("172.16.0.0", "172.31.255.255", Private),
            ("192.0.0.0", "192.0.0.255", Reserved),
            ("192.0.2.0", "192.0.2.255", Documentation),
            ("192.88.99.0", "192.88.99.255", SixToFour),
            ("192.168.0.0", "192.168.255.255", Private),
            ("198.18.0.0", "198.19.255.255", Reserved),
            ("198.51.100.0", "198.51.100.255", Documentation),
            ("203.0.113.0", "203.0.113.255", Documentation),
            ("224.0.0.0", "239.255.255.255", Multicast),
            ("240.0.0.0", "255.255.255.255", Reserved),
            ("168.63.129.16", "168.63.129.16", Metadata),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Teredo),
            (
                "2001:1::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                Reserved,
            ),
            (
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                Documentation,
            ),
            (
                "2002::",
                "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                SixToFour,
            ),
            (
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                Documentation,
            ),
            (
                "4000::",
                "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Reserved,
            ),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
            (
                "fe00::",
                "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Reserved,
            ),
            (
                "fe80::",
                "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                LinkLocal,
            ),
            (
                "ff00::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Multicast,
            ),
        ];
        let kinds: Vec<(IpAddr, IpAddr, AddressKind)> = ranges
            .map(|(first, last, kind)| (parse(first), parse(last), kind))
            .into();
        for &(first, last, kind) in &kinds {
            assert_eq!(classify(first), Some(kind), "{first}");
            assert_eq!(classify(last), Some(kind), "{last}");
            let listed = |address| {
                kinds
                    .iter()
                    .any(|(from, to, _)| (*from..=*to).contains(&address))
            };
            for neighbour in neighbours(first, last).filter(|address| !listed(*address)) {
                if !is_v6_outside_global_unicast(neighbour) {
                    assert_eq!(classify(neighbour), None, "{neighbour}");
                }
            }
        }
    }

    fn neighbours(first: IpAddr, last: IpAddr) -> impl Iterator<Item = IpAddr> {
        let step = |address: IpAddr, up: bool| match address {
            IpAddr::V4(v4) => {
                let bits = v4.to_bits();
                let next = if up {
                    bits.checked_add(1)
                } else {
                    bits.checked_sub(1)
                };
                next.map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
            }
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                let next = if up {
                    bits.checked_add(1)
                } else {
                    bits.checked_sub(1)
                };
                next.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
            }
        };
        [step(first, false), step(last, true)].into_iter().flatten()
    }

    fn is_v6_outside_global_unicast(address: IpAddr) -> bool {
        matches!(address, IpAddr::V6(v6) if v6.segments()[0] >> 13 != 1)
    }

    #[test]
    fn single_addresses_with_a_meaning_are_known() {
        let known = [
            ("169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("169.254.170.23", Metadata),
            ("100.100.100.200", Metadata),
            ("192.0.0.192", Metadata),
            ("fd00:ec2::254", Metadata),
            ("fd00:ec2::23", Metadata),
            ("fd20:ce::254", Metadata),
            ("fd00:42::42", Metadata),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Ipv4Compatible),
            ("::127.0.0.1", Ipv4Compatible),
            ("::8.8.8.8", Ipv4Compatible),
            ("::ffff:127.0.0.1", Ipv4Mapped),
            ("::ffff:8.8.8.8", Ipv4Mapped),
            ("::ffff:0:127.0.0.1", Ipv4Mapped),
            ("64:ff9b::7f00:1", Nat64),
            ("64:ff9b:1:ffff::7f00:1", Nat64),
            ("64:ff9b:2::", Reserved),
            ("100::1", Reserved),
            ("5f00::1", Reserved),
            ("2606:4700::5efe:127.0.0.1", Isatap),
            ("2606:4700::200:5efe:10.0.0.1", Isatap),
        ];
        for (address, kind) in known {
            assert_eq!(classify(parse(address)), Some(kind), "{address}");
        }
    }

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "168.63.129.15",
            "172.15.255.255",
            "172.32.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2400:cb00::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "3fff:1000::",
        ] {
            assert_eq!(classify(parse(address)), None, "{address}");
        }
    }
}
