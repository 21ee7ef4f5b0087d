//! Listeners beyond this machine: refused where what they would expose is not protected.
//!
//! Metrics are exempt: they hold no personal data, and scrapers and probes come without certificates.

use std::net::SocketAddr;

use fairlead_chassis::tls::Plaintext;

use crate::config::AppConfig;

/// A listener of this process, by its key in `[listen]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) key: &'static str,
    pub(crate) address: SocketAddr,
}

/// Refuses listeners that others than this machine reach and that are not protected; the error names
/// the keys to set.
pub(crate) fn check(config: &AppConfig, listeners: &[Listener]) -> anyhow::Result<()> {
    let mut beyond = listeners
        .iter()
        .filter(|listener| !is_loopback(listener.address));
    beyond.try_for_each(|listener| encrypted(config, *listener))
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn encrypted(config: &AppConfig, listener: Listener) -> anyhow::Result<()> {
    let tls = &config.tls;
    let public = listener.key == "gateway";
    let has_tls = tls.has_identity() || (public && tls.has_public());
    if has_tls || tls.plaintext == Plaintext::EncryptedNetwork {
        return Ok(());
    }
    let Listener { key, address } = listener;
    let alone = if public {
        ", or for the gateway alone `tls.public.certificate_file` and `tls.public.key_file`"
    } else {
        ""
    };
    anyhow::bail!(
        "`listen.{key}` = `{address}` is reached from beyond this machine, and has no TLS: set `tls.certificate_file`, `tls.key_file` and `tls.ca_file`{alone}; or listen on 127.0.0.1; or say `tls.plaintext = \"encrypted-network\"` where the network encrypts by itself (a service mesh)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(key: &'static str, address: &str, change: impl FnOnce(&mut AppConfig)) -> String {
        let mut config = AppConfig::load(None).expect("the defaults");
        change(&mut config);
        let address = address.parse().expect("an address");
        let checked = check(&config, &[Listener { key, address }]);
        checked.map_or_else(|error| error.to_string(), |()| "let through".to_owned())
    }

    #[test]
    fn plaintext_stays_on_this_machine() {
        for own in [
            "127.0.0.1:7001",
            "127.9.9.9:1",
            "[::1]:7001",
            "[::ffff:127.0.0.1]:7001",
        ] {
            assert_eq!(outcome("gateway", own, |_| {}), "let through", "{own}");
        }
        for beyond in [
            "0.0.0.0:7001",
            "10.0.0.7:7001",
            "[::]:7001",
            "[::ffff:10.0.0.7]:1",
        ] {
            for (key, words) in [
                ("gateway", "tls.public.certificate_file"),
                ("control", "tls.certificate_file"),
            ] {
                let said = outcome(key, beyond, |_| {});
                let named = format!("`listen.{key}` = `{beyond}`");
                assert!(said.contains(words) && said.contains(&named), "{said}");
            }
        }
    }

    #[test]
    fn certificates_or_a_network_that_encrypts_let_it_through() {
        let any = "0.0.0.0:1";
        let own = |config: &mut AppConfig| config.tls.certificate_file = "c.pem".into();
        let public = |config: &mut AppConfig| config.tls.public.certificate_file = "c.pem".into();
        let network = |config: &mut AppConfig| config.tls.plaintext = Plaintext::EncryptedNetwork;
        assert_eq!(outcome("ranking", any, own), "let through");
        assert_eq!(outcome("ranking", any, network), "let through");
        assert_eq!(outcome("gateway", any, public), "let through");
        assert!(outcome("ranking", any, public).contains("has no TLS"));
    }
}
