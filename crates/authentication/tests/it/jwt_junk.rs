//! Junk of every kind is refused: nothing panics, and nothing but a good token passes.

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use crate::verifying::{Verifying, claims};

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn junk_is_refused() {
    let (runtime, all) = (runtime(), Verifying::start());
    let good = all.key.token(&claims());
    let [header, body, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    let junk = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.to_owned(),
        format!("{header}.{body}"),
        format!("{header}.{body}."),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(" {good}"),
        format!("{good}="),
        format!("{good}\0"),
        format!("{header}.{body}.{signature}{signature}"),
        format!("bnVsbA.{body}.{signature}"),
        format!("W10.{body}.{signature}"),
        format!("{header}.{body}.\u{fffd}"),
        "x".repeat(1 << 20),
    ];
    for token in junk {
        let refused = runtime.block_on(all.verify(&token));
        let refused = refused.expect_err(&token).to_string();
        assert!(token.len() < 20 || !refused.contains(&token), "{refused}");
    }
    runtime.block_on(all.verify(&good)).expect("good");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_refused(token in ".{0,300}") {
        let all = Verifying::start();
        prop_assert!(runtime().block_on(all.verify(&token)).is_err());
    }

    #[test]
    fn any_header_and_claims_are_refused_unless_they_are_good(
        header in "\\{(\"(alg|kid|crit|b64|typ)\":(\"ES256\"|\"k-1\"|1|null|\\[\\]|true),?){0,5}\\}",
        claims in "\\{(\"(iss|aud|sub|exp|nbf)\":(\"x\"|1|-1e999|null|\\[1\\]|\\{\\}),?){0,5}\\}",
    ) {
        let all = Verifying::start();
        let parsed = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let token = all.key.token_with(&parsed(&header), &parsed(&claims));
        prop_assert!(runtime().block_on(all.verify(&token)).is_err());
    }

    #[test]
    fn a_good_token_with_one_byte_changed_is_refused(at in 0_usize..200, byte in 33_u8..127) {
        let all = Verifying::start();
        let good = all.key.token(&claims());
        let mut bent = good.clone().into_bytes();
        let at = at % bent.len();
        // The last character holds bits that no byte takes: several spell the same signature.
        prop_assume!(bent[at] != byte && at + 1 < bent.len());
        bent[at] = byte;
        let bent = String::from_utf8(bent).expect("ASCII");
        prop_assert!(runtime().block_on(all.verify(&bent)).is_err(), "{bent}");
    }
}
