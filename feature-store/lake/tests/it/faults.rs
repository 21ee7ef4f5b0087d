//! An object store that fails after a number of operations.

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

/// An object store that fails after a number of operations. If `answers` is false, it carries out
/// one more operation and loses the answer.
#[derive(Debug)]
pub(crate) struct FailingStore {
    inner: Arc<dyn ObjectStore>,
    left: Arc<AtomicI64>,
    answers: bool,
}

/// The answer of an operation that is carried out: returned to the caller, or lost.
enum Answer {
    Returned,
    Lost,
}

fn failed() -> Error {
    Error::Generic {
        store: "FailingStore",
        source: "the store failed".into(),
    }
}

impl FailingStore {
    pub(crate) fn after(inner: Arc<dyn ObjectStore>, operations: i64, answers: bool) -> Self {
        Self {
            inner,
            left: Arc::new(AtomicI64::new(operations)),
            answers,
        }
    }

    /// Returns true if no operation has failed.
    pub(crate) fn survived(&self) -> bool {
        self.left.load(Ordering::SeqCst) >= 0
    }

    /// Counts one operation. Returns an error if it is not carried out.
    async fn begin(&self) -> Result<Answer> {
        // Lets concurrent writers run between the operations.
        tokio::task::yield_now().await;
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => Ok(Answer::Returned),
            0 if !self.answers => Ok(Answer::Lost),
            _ => Err(failed()),
        }
    }

    fn end<T>(answer: &Answer, outcome: Result<T>) -> Result<T> {
        match answer {
            Answer::Returned => outcome,
            Answer::Lost => Err(failed()),
        }
    }
}

impl fmt::Display for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FailingStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FailingStore {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        let answer = self.begin().await?;
        Self::end(&answer, self.inner.put_opts(to, bytes, how).await)
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let answer = self.begin().await?;
        Self::end(&answer, self.inner.put_multipart_opts(to, how).await)
    }

    async fn get_opts(&self, from: &Path, how: GetOptions) -> Result<GetResult> {
        let answer = self.begin().await?;
        Self::end(&answer, self.inner.get_opts(from, how).await)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (inner, left, answers) = (self.inner.clone(), self.left.clone(), self.answers);
        let one = move |path: Result<Path>| {
            let store = Self {
                inner: inner.clone(),
                left: left.clone(),
                answers,
            };
            async move {
                let answer = store.begin().await?;
                let single = futures::stream::iter([path]).boxed();
                let deleted = store.inner.delete_stream(single).next().await;
                Self::end(&answer, deleted.unwrap_or_else(|| Err(failed())))
            }
        };
        paths.then(one).boxed()
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return futures::stream::iter([Err(failed())]).boxed();
        }
        self.inner.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> Result<ListResult> {
        let answer = self.begin().await?;
        Self::end(&answer, self.inner.list_with_delimiter(below).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        let answer = self.begin().await?;
        Self::end(&answer, self.inner.copy_opts(from, to, how).await)
    }
}
