//! The store of the lake's files: a local folder or an S3-compatible object store, by URL.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    ClientConfigKey, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode,
    PutOptions, RetryConfig,
};

use crate::error::Error;

const ALLOWED: &str = "empty, file:///FOLDER, or s3://BUCKET/PREFIX";
/// The time for which a request is retried. Callers wait for a store that is unavailable for
/// longer, and report it.
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);
const REQUEST_TIMEOUT: &str = "60s";
const CONNECT_TIMEOUT: &str = "5s";
/// The most deletions at the same time.
const CONCURRENT_DELETES: usize = 8;

/// A store of files. A file is created atomically: it exists completely or not at all.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// The local folder, or `None` for an object store. Files in a folder are flushed to the disk.
    folder: Option<PathBuf>,
    url: Arc<str>,
}

/// The outcome of creating a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreateOutcome {
    /// The file was created.
    New,
    /// The file existed before and was not changed.
    Existed,
}

/// A parsed URL.
enum Location<'a> {
    Folder(PathBuf),
    Bucket { bucket: &'a str, prefix: &'a str },
}

fn parse_url(url: &str) -> Result<Location<'_>, Error> {
    let refuse = || Error::Config {
        key: "url",
        value: url.to_owned(),
        allowed: ALLOWED.to_owned(),
    };
    if let Some(path) = url.strip_prefix("file://") {
        let path = PathBuf::from(path);
        return if path.is_absolute() {
            Ok(Location::Folder(path))
        } else {
            Err(refuse())
        };
    }
    let rest = url.strip_prefix("s3://").ok_or_else(refuse)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains('@') {
        return Err(refuse());
    }
    Ok(Location::Bucket {
        bucket,
        prefix: prefix.trim_end_matches('/'),
    })
}

/// Checks that a URL is valid. An empty one means the folder in the data folder.
pub(crate) fn check_url(url: &str) -> Result<(), Error> {
    if url.is_empty() {
        return Ok(());
    }
    parse_url(url).map(drop)
}

impl Store {
    /// Opens the lake at `url`, or in the folder `lake` of `data_dir` if `url` is empty. It creates a
    /// local folder, and does not connect to an object store yet.
    pub fn open(url: &str, data_dir: &FilePath) -> Result<Self, Error> {
        if url.is_empty() {
            return Self::folder(&data_dir.join("lake"));
        }
        match parse_url(url)? {
            Location::Folder(path) => Self::folder(&path),
            Location::Bucket { bucket, prefix } => Self::bucket(url, bucket, prefix),
        }
    }

    /// Opens a lake in a local folder, and creates the folder.
    pub fn folder(path: &FilePath) -> Result<Self, Error> {
        let failed = |cause: io::Error| Error::Output {
            path: path.display().to_string(),
            cause,
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let url: Arc<str> = format!("file://{}", path.display()).into();
        let objects = LocalFileSystem::new_with_prefix(&path)
            .map_err(failure(&url, "opening it"))?
            .with_automatic_cleanup(false);
        Ok(Self {
            objects: Arc::new(objects),
            folder: Some(path),
            url,
        })
    }

    fn bucket(url: &str, bucket: &str, prefix: &str) -> Result<Self, Error> {
        let retry = RetryConfig {
            retry_timeout: RETRY_TIMEOUT,
            ..RetryConfig::default()
        };
        let request_timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
        let connect_timeout = AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout);
        let objects = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(request_timeout, REQUEST_TIMEOUT)
            .with_config(connect_timeout, CONNECT_TIMEOUT)
            .with_retry(retry)
            .build()
            .map_err(failure(url, "opening it"))?;
        let objects: Arc<dyn ObjectStore> = if prefix.is_empty() {
            Arc::new(objects)
        } else {
            Arc::new(PrefixStore::new(objects, prefix))
        };
        Ok(Self::over(objects, url))
    }

    /// Opens a lake over any object store. `url` names it in messages.
    pub fn over(objects: Arc<dyn ObjectStore>, url: &str) -> Self {
        Self {
            objects,
            folder: None,
            url: url.into(),
        }
    }

    /// Returns the URL, without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the object store itself, for readers and tests. Its root is the lake's root.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Checks that the store answers.
    pub async fn healthy(&self) -> Result<(), Error> {
        // A listing fails if the bucket does not exist; a read would only say that a file is missing.
        self.list("_ledger/_healthy").await.map(drop)
    }

    /// Creates a file atomically unless it exists. It is durable when this returns.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Result<CreateOutcome, Error> {
        let created = if let Some(folder) = self.folder.clone() {
            let to = path.clone();
            let create = move || create_in_folder(&folder, &to, &bytes);
            let created = tokio::task::spawn_blocking(create).await;
            created
                .unwrap_or_else(|cause| Err(io::Error::other(cause)))
                .map_err(|source| object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: Box::new(source),
                })
        } else {
            let options = PutOptions::from(PutMode::Create);
            match self.objects.put_opts(path, bytes.into(), options).await {
                Ok(_) => Ok(CreateOutcome::New),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(CreateOutcome::Existed),
                Err(cause) => Err(cause),
            }
        };
        created.map_err(self.failed("creating a file"))
    }

    /// Returns a file's content.
    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes, Error> {
        let failed = || self.failed("reading a file");
        let found = self.objects.get(path).await.map_err(failed())?;
        found.bytes().await.map_err(failed())
    }

    /// Returns the last `bytes` bytes of a file, or all if it has fewer.
    pub(crate) async fn read_end(&self, path: &Path, bytes: u64) -> Result<Bytes, Error> {
        let failed = || self.failed("reading the end of a file");
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(bytes)));
        let found = self.objects.get_opts(path, options).await;
        found.map_err(failed())?.bytes().await.map_err(failed())
    }

    /// Returns all files below a folder.
    pub(crate) async fn list(&self, below: &str) -> Result<Vec<ObjectMeta>, Error> {
        let found = self.objects.list(Some(&Path::from(below)));
        let found: Result<Vec<_>, _> = found.try_collect().await;
        found.map_err(self.failed("listing files"))
    }

    /// Deletes files. One that does not exist is no error.
    pub(crate) async fn delete(&self, paths: Vec<Path>) -> Result<(), Error> {
        let mut deleting = futures::stream::iter(paths)
            .map(|path| async move { self.objects.delete(&path).await })
            .buffer_unordered(CONCURRENT_DELETES);
        while let Some(done) = deleting.next().await {
            match done {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(cause) => return Err(self.failed("deleting a file")(cause)),
            }
        }
        Ok(())
    }

    /// Renames a file within its folder, and replaces a file that has the new name.
    pub(crate) async fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let renamed = self.objects.rename(from, to).await;
        renamed.map_err(self.failed("renaming a file"))?;
        self.flush(to).await
    }

    /// Flushes a file that was written through [`Store::objects`] to the disk.
    pub(crate) async fn flush(&self, path: &Path) -> Result<(), Error> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let path = path.clone();
        let flushed = tokio::task::spawn_blocking(move || {
            let file = folder.join(path.as_ref());
            File::open(&file)?.sync_all()?;
            flush_folders(&folder, &file)
        });
        let flushed = flushed
            .await
            .unwrap_or_else(|cause| Err(io::Error::other(cause)));
        flushed.map_err(|source| {
            self.failed("flushing a file")(object_store::Error::Generic {
                store: "LocalFileSystem",
                source: Box::new(source),
            })
        })
    }

    pub(crate) fn failed(
        &self,
        operation: &'static str,
    ) -> impl FnOnce(object_store::Error) -> Error + use<> {
        failure(&self.url, operation)
    }
}

fn failure(
    url: &str,
    operation: &'static str,
) -> impl FnOnce(object_store::Error) -> Error + use<> {
    let url = url.to_owned();
    move |cause| Error::Store {
        url,
        operation,
        cause,
    }
}

/// Creates a file: writes it under a temporary name that no listing shows (`#` and digits, as
/// `object_store` names its own), flushes it, then links it to its name, which fails if a file of
/// that name exists.
fn create_in_folder(folder: &FilePath, path: &Path, bytes: &[u8]) -> io::Result<CreateOutcome> {
    let to = folder.join(path.as_ref());
    let parent = to.parent().unwrap_or(folder);
    let is_new = !parent.is_dir();
    std::fs::create_dir_all(parent)?;
    if to.try_exists()? {
        return Ok(CreateOutcome::Existed);
    }
    let number = ulid::Ulid::new().random() as u64;
    let temporary = PathBuf::from(format!("{}#{number}", to.display()));
    let linked =
        write_and_flush(&temporary, bytes).and_then(|()| std::fs::hard_link(&temporary, &to));
    let removed = std::fs::remove_file(&temporary);
    match linked {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(CreateOutcome::Existed);
        }
        linked => linked?,
    }
    removed?;
    // An existing folder's own entry was flushed with the first file in it.
    if is_new {
        flush_folders(folder, &to)?;
    } else {
        File::open(parent)?.sync_all()?;
    }
    Ok(CreateOutcome::New)
}

fn write_and_flush(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Flushes the folders of a file up to `root`: a name is durable once its folder is flushed.
fn flush_folders(root: &FilePath, file: &FilePath) -> io::Result<()> {
    let folders = file
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root));
    for folder in folders {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
