//! Redis addresses of a server or a cluster, and their form without credentials.

/// The scheme of a cluster's address. A list of nodes, separated by commas, follows it.
const CLUSTER_SCHEME: &str = "redis+cluster://";

/// Returns true if `url` is the address of a cluster.
pub(crate) fn is_cluster(url: &str) -> bool {
    url.starts_with(CLUSTER_SCHEME)
}

/// Returns the address of each node that a cluster's address lists, with its credentials.
pub(crate) fn cluster_nodes(url: &str) -> Vec<String> {
    let rest = url.strip_prefix(CLUSTER_SCHEME).unwrap_or(url);
    let (user, hosts) = match rest.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), rest),
    };
    let hosts = hosts.split(',').map(str::trim);
    hosts.map(|host| format!("redis://{user}{host}")).collect()
}

/// Returns the address without user and password, at most 200 characters.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return truncate(url.rsplit_once('@').map_or(url, |(_, host)| host));
    };
    let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
    // A password may contain `@`: the last `@` of the authority ends it. If the password contains
    // `/`, the last `@` of the URL ends it.
    let (authority, path) = rest.split_at(authority_ends);
    let host = match (authority.rfind('@'), path.rfind('@')) {
        (_, Some(at)) => &path[at + 1..],
        (Some(at), None) => &rest[at + 1..],
        (None, None) => rest,
    };
    // Parameters may contain a password, too.
    let host = host.split('?').next().unwrap_or_default();
    truncate(&format!("{scheme}://{host}"))
}

fn truncate(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_address_lists_its_nodes() {
        assert!(is_cluster("redis+cluster://a:1") && !is_cluster("redis://a:1"));
        assert_eq!(
            cluster_nodes("redis+cluster://me:se@cret@a:1,b:2"),
            ["redis://me:se@cret@a:1", "redis://me:se@cret@b:2"]
        );
        assert_eq!(cluster_nodes("redis+cluster://a:1"), ["redis://a:1"]);
    }

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
            (
                "redis+cluster://me:secret@a:1,b:2",
                "redis+cluster://a:1,b:2",
            ),
        ] {
            let text = without_credentials(url);
            assert_eq!(text, expected);
            assert!(!text.contains("cret"));
        }
    }
}
