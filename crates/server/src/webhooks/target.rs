//! Where webhooks may go: to addresses of the public internet, over https.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

/// Why a URL is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No URL, or with a user, a fragment, or without a host.
    #[error("must be an absolute URL with a host")]
    Malformed,
    /// Not https.
    #[error("must begin with https://")]
    NotHttps,
    /// Its host is an address that is not public.
    #[error("must not name an address of a private network")]
    Private,
}

/// Checks a URL as far as its text tells. Names are checked when they are resolved
/// ([`crate::outbound::Client::guarded`]).
///
/// # Errors
/// [`TargetError`].
pub fn check(url: &str, allow_private: bool) -> Result<Uri, TargetError> {
    let uri: Uri = url.parse().map_err(|_| TargetError::Malformed)?;
    let authority = uri.authority().ok_or(TargetError::Malformed)?;
    if authority.as_str().contains('@') || url.contains('#') || authority.host().is_empty() {
        return Err(TargetError::Malformed);
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_private => {}
        Some("http") => return Err(TargetError::NotHttps),
        _ => return Err(TargetError::Malformed),
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if !allow_private && host.parse::<IpAddr>().is_ok_and(|ip| !is_public(ip)) {
        return Err(TargetError::Private);
    }
    Ok(uri)
}

/// Whether an address is one of the public internet (the registries of IANA for special purposes).
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // Shared by carriers; protocol assignments; benchmarks; what was 6to4's relay.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 88 && c == 99);
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let part = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match part {
        // Addresses of IPv4 in another form count as what they stand for.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // Protocol assignments with Teredo; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] => false,
        // All that is given out for the public internet.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for ip in [
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.127.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.9.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "203.0.113.9",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.1.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
            "100::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.1",
            "2606:4700::1111",
            "2a00:1450::8a",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn urls_are_checked_by_their_text() {
        assert!(check("https://hooks.example/a?b=c", false).is_ok());
        assert!(check("https://8.8.8.8:8443/", false).is_ok());
        for (url, error) in [
            ("", TargetError::Malformed),
            ("/path", TargetError::Malformed),
            ("hooks.example", TargetError::Malformed),
            ("ftp://hooks.example/", TargetError::Malformed),
            ("https://user:secret@hooks.example/", TargetError::Malformed),
            ("https://hooks.example/#part", TargetError::Malformed),
            ("http://hooks.example/", TargetError::NotHttps),
            ("https://127.0.0.1/", TargetError::Private),
            ("https://[::1]:9/", TargetError::Private),
            ("https://[::ffff:169.254.169.254]/latest", TargetError::Private),
        ] {
            assert_eq!(check(url, false).unwrap_err(), error, "{url}");
        }
        assert!(check("http://127.0.0.1:9/", true).is_ok());
        assert!(check("ftp://127.0.0.1:9/", true).is_err());
    }
}
