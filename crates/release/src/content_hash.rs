//! The content hash, by which a release is known beside its number.

use fairlead_proto::control::v1::Release;
use prost::Message as _;
use sha2::{Digest, Sha256};

/// Returns the SHA-256, in lower-case hex, of the release's deterministic encoding with `content_hash` and
/// `published_at_ms` empty.
///
/// The encoding is deterministic because fields are written in the order of their numbers and
/// maps are ordered. It covers the revision and the tenant: a release cannot pass as another.
pub fn content_hash(release: &Release) -> String {
    let bare = Release {
        content_hash: String::new(),
        published_at_ms: 0,
        ..release.clone()
    };
    hex::encode(Sha256::digest(bare.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release() -> Release {
        Release {
            revision: 3,
            tenant: "acme".to_owned(),
            parameters: [("slate.order", "conversion"), ("recall.new.limit", "5")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Release::default()
        }
    }

    #[test]
    fn covers_the_content_and_not_when_it_was_published() {
        let one = release();
        let hash = content_hash(&one);
        let later = Release {
            published_at_ms: 7,
            content_hash: hash.clone(),
            ..release()
        };
        assert_eq!(content_hash(&later), hash);
        for other in [
            Release {
                revision: 4,
                ..release()
            },
            Release {
                tenant: "other".to_owned(),
                ..release()
            },
            Release {
                comment: "why".to_owned(),
                ..release()
            },
            Release {
                parameters: [].into(),
                ..release()
            },
        ] {
            assert_ne!(content_hash(&other), hash);
        }
    }

    #[test]
    fn survives_the_wire() {
        let one = release();
        let again = Release::decode(&*one.encode_to_vec()).expect("decodes");
        assert_eq!(content_hash(&again), content_hash(&one));
        assert_eq!(
            content_hash(&Release::default()),
            hex::encode(Sha256::digest([]))
        );
    }
}
