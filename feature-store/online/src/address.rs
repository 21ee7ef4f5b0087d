//! Redis addresses as they may be shown.

/// The address without user and password.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return cut(url.rsplit_once('@').map_or(url, |(_, host)| host));
    };
    let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
    // A password may hold an `@` of its own: the last one in the authority ends it; where the
    // password holds a `/`, the last one of all does.
    let (authority, path) = rest.split_at(authority_ends);
    let host = match (authority.rfind('@'), path.rfind('@')) {
        (_, Some(at)) => &path[at + 1..],
        (Some(at), None) => &rest[at + 1..],
        (None, None) => rest,
    };
    // Parameters may hold a password, too.
    let host = host.split('?').next().unwrap_or_default();
    cut(&format!("{scheme}://{host}"))
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("redis://:secret@db:6379/2", "redis://db:6379/2"),
            ("redis://me:se@cret@db:6379", "redis://db:6379"),
            ("redis://me:se/cret@db:6379/1", "redis://db:6379/1"),
            ("rediss://db:6379?password=secret", "rediss://db:6379"),
            (
                "unix:///run/redis.sock?pass=secret",
                "unix:///run/redis.sock",
            ),
            ("me:secret@db", "db"),
        ] {
            let text = shown(url);
            assert_eq!(text, expected);
            assert!(!text.contains("cret"));
        }
    }
}
