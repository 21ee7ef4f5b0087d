//! Following the keys and sessions of the control plane: from the file at once, then from its stream.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_chassis::kept_file::KeptFile;
use fairlead_chassis::link::Link;
use fairlead_proto::access::v1::access_service_client::AccessServiceClient;
use fairlead_proto::access::v1::{FollowKeysRequest, FollowKeysResponse};
use prost::Message as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::KeyRing;

/// The first bytes of the file, with the version of its layout.
const MAGIC: [u8; 8] = *b"FLKEYS\0\x01";
/// The most bytes of what the control plane tells: a hundred thousand keys fit.
const MAX_TOLD: usize = 64 << 20;
/// A stream that says nothing for so long is opened anew: a connection whose other end vanished looks the
/// same as one without news. A revoked key is good for no longer than this while the control plane
/// answers.
const REOPEN_AFTER: Duration = Duration::from_secs(3);
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

/// Where keys come from.
#[derive(Debug)]
pub struct KeySource {
    /// The link to the control plane.
    pub control: Link,
    /// The file of the keys last told; `None` keeps none.
    pub kept: Option<PathBuf>,
}

/// Keeps a [`KeyRing`] at what the control plane tells.
pub(crate) struct KeyFollower {
    client: AccessServiceClient<Link>,
    kept: Option<KeptFile>,
    ring: Arc<KeyRing>,
}

impl KeyFollower {
    /// Returns a follower, with its ring at the keys last told, if they were kept. A file that is damaged
    /// is left alone with a warning. Reads the disk: call it at start.
    pub(crate) fn new(source: KeySource, ring: Arc<KeyRing>) -> Self {
        let client = AccessServiceClient::new(source.control).max_decoding_message_size(MAX_TOLD);
        let kept = source.kept.map(|path| KeptFile::new(path, MAGIC));
        let follower = Self { client, kept, ring };
        if let Some((had_keys, told)) = follower.load() {
            tracing::info!(version = told.version, "started from the keys last told");
            follower.ring.take(&told, had_keys);
        }
        follower
    }

    /// Follows until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut back_off = BackOff::new(FIRST_BACK_OFF, LONGEST_BACK_OFF);
        let mut was_lost = false;
        loop {
            let lost = match self.open().await {
                Ok(stream) => {
                    back_off.reset();
                    self.drain(stream).await.err()
                }
                Err(status) => Some(status),
            };
            match lost {
                // It was quiet: it is asked again at once whether anything is new.
                None => was_lost = false,
                Some(status) => {
                    if !was_lost {
                        tracing::warn!(code = ?status.code(), "keys are not followed: those last told count");
                    }
                    was_lost = true;
                    back_off.pause().await;
                }
            }
        }
    }

    async fn open(&self) -> Result<Streaming<FollowKeysResponse>, Status> {
        let request = FollowKeysRequest {
            tenant: self.ring.tenant.to_string(),
            have_version: self.ring.version(),
        };
        let mut client = self.client.clone();
        match timeout(REOPEN_AFTER, client.follow_keys(request)).await {
            Ok(opened) => opened.map(tonic::Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded(
                "the control plane did not answer",
            )),
        }
    }

    /// Takes what the stream tells until it is quiet for too long or breaks.
    async fn drain(&self, mut stream: Streaming<FollowKeysResponse>) -> Result<(), Status> {
        loop {
            match timeout(REOPEN_AFTER, stream.message()).await {
                Ok(Ok(Some(told))) => {
                    self.ring.take(&told, false);
                    self.keep(told).await;
                }
                Ok(Ok(None)) => return Err(Status::unavailable("the stream ended")),
                Ok(Err(status)) => return Err(status),
                Err(_) => return Ok(()),
            }
        }
    }

    /// Returns what was kept: whether there was a key, and what was told.
    fn load(&self) -> Option<(bool, FollowKeysResponse)> {
        let kept = match self.kept.as_ref()?.load() {
            Ok(kept) => kept?,
            Err(error) => {
                tracing::warn!(%error, "kept keys ignored");
                return None;
            }
        };
        let (had_keys, told) = kept.split_first()?;
        match FollowKeysResponse::decode(told) {
            Ok(told) => Some((*had_keys != 0, told)),
            Err(error) => {
                tracing::warn!(%error, "kept keys ignored");
                None
            }
        }
    }

    async fn keep(&self, told: FollowKeysResponse) {
        let Some(kept) = self.kept.clone() else {
            return;
        };
        let mut content = vec![u8::from(self.ring.had_keys())];
        content.extend(told.encode_to_vec());
        let stored = tokio::task::spawn_blocking(move || kept.store(&content)).await;
        match stored {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "keys cannot be kept"),
            Err(error) => tracing::warn!(%error, "keys cannot be kept"),
        }
    }
}
