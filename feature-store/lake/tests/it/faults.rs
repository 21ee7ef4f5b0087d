//! An object store that dies.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Does so many operations, then none. Where `answers` is false, the last one is done, and its
/// answer lost.
#[derive(Debug)]
pub(crate) struct Dying {
    inner: Arc<dyn ObjectStore>,
    left: Arc<AtomicI64>,
    answers: bool,
}

enum Fate {
    Lives,
    Mute,
}

fn dead() -> Error {
    Error::Generic {
        store: "Dying",
        source: "the store died".into(),
    }
}

impl Dying {
    pub(crate) fn after(inner: Arc<dyn ObjectStore>, operations: i64, answers: bool) -> Self {
        Self {
            inner,
            left: Arc::new(AtomicI64::new(operations)),
            answers,
        }
    }

    /// Whether it did all that it was asked.
    pub(crate) fn survived(&self) -> bool {
        self.left.load(Ordering::SeqCst) >= 0
    }

    async fn live(&self) -> Result<Fate> {
        // Writers beside this one get their turn.
        tokio::task::yield_now().await;
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => Ok(Fate::Lives),
            0 if !self.answers => Ok(Fate::Mute),
            _ => Err(dead()),
        }
    }

    fn answer<T>(fate: &Fate, outcome: Result<T>) -> Result<T> {
        match fate {
            Fate::Lives => outcome,
            Fate::Mute => Err(dead()),
        }
    }
}

impl fmt::Display for Dying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dying({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Dying {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        let fate = self.live().await?;
        Self::answer(&fate, self.inner.put_opts(to, bytes, how).await)
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let fate = self.live().await?;
        Self::answer(&fate, self.inner.put_multipart_opts(to, how).await)
    }

    async fn get_opts(&self, from: &Path, how: GetOptions) -> Result<GetResult> {
        let fate = self.live().await?;
        Self::answer(&fate, self.inner.get_opts(from, how).await)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (inner, left, answers) = (self.inner.clone(), self.left.clone(), self.answers);
        let one = move |path: Result<Path>| {
            let dying = Self {
                inner: inner.clone(),
                left: left.clone(),
                answers,
            };
            async move {
                let fate = dying.live().await?;
                let single = futures::stream::iter([path]).boxed();
                let gone = dying.inner.delete_stream(single).next().await;
                Self::answer(&fate, gone.unwrap_or_else(|| Err(dead())))
            }
        };
        paths.then(one).boxed()
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return futures::stream::iter([Err(dead())]).boxed();
        }
        self.inner.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        let fate = self.live().await?;
        Self::answer(&fate, self.inner.list_with_delimiter(below).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        let fate = self.live().await?;
        Self::answer(&fate, self.inner.copy_opts(from, to, how).await)
    }
}
