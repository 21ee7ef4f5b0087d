//! Where the lake lies: a local folder or an S3-compatible object store, by URL.

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
/// A store that is away for longer is waited for by whoever asked, who can say so.
const RETRY_FOR: Duration = Duration::from_secs(20);
const REQUEST_LIMIT: &str = "60s";
const CONNECT_LIMIT: &str = "5s";
/// Deletions under way at a time.
const DELETES: usize = 8;

/// A place for files, each of which is there whole or not at all.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Set where it is a local folder: files there are flushed to the disk before they count.
    folder: Option<PathBuf>,
    url: Arc<str>,
}

/// What became of a file that was not to be there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is there now.
    New,
    /// It was there before, and was left as it is.
    Existed,
}

/// A URL, taken apart.
enum Place<'a> {
    Folder(PathBuf),
    Bucket { bucket: &'a str, prefix: &'a str },
}

fn place(url: &str) -> Result<Place<'_>, Error> {
    let refuse = || Error::Config {
        key: "url",
        value: url.to_owned(),
        allowed: ALLOWED.to_owned(),
    };
    if let Some(path) = url.strip_prefix("file://") {
        let path = PathBuf::from(path);
        return if path.is_absolute() {
            Ok(Place::Folder(path))
        } else {
            Err(refuse())
        };
    }
    let rest = url.strip_prefix("s3://").ok_or_else(refuse)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains('@') {
        return Err(refuse());
    }
    Ok(Place::Bucket {
        bucket,
        prefix: prefix.trim_end_matches('/'),
    })
}

/// Sees that a URL can be understood; empty is the folder in the data folder.
pub(crate) fn check_url(url: &str) -> Result<(), Error> {
    if url.is_empty() {
        return Ok(());
    }
    place(url).map(drop)
}

impl Store {
    /// Opens the lake at `url`, or in the folder `lake` of `data_dir` where it is empty. Makes a
    /// local folder; talks to no object store yet.
    pub fn open(url: &str, data_dir: &FilePath) -> Result<Self, Error> {
        if url.is_empty() {
            return Self::folder(&data_dir.join("lake"));
        }
        match place(url)? {
            Place::Folder(path) => Self::folder(&path),
            Place::Bucket { bucket, prefix } => Self::bucket(url, bucket, prefix),
        }
    }

    /// A lake in a local folder, which is made.
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
            retry_timeout: RETRY_FOR,
            ..RetryConfig::default()
        };
        let limit = |key, seconds: &str| (AmazonS3ConfigKey::Client(key), seconds.to_owned());
        let (whole, whole_for) = limit(ClientConfigKey::Timeout, REQUEST_LIMIT);
        let (connect, connect_for) = limit(ClientConfigKey::ConnectTimeout, CONNECT_LIMIT);
        let objects = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_config(whole, whole_for)
            .with_config(connect, connect_for)
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

    /// A lake over any object store; `url` names it in messages.
    pub fn over(objects: Arc<dyn ObjectStore>, url: &str) -> Self {
        Self {
            objects,
            folder: None,
            url: url.into(),
        }
    }

    /// Where it lies, without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The object store itself, for readers and for tests; its root is the lake's.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Answers when the store does.
    pub async fn healthy(&self) -> Result<(), Error> {
        // A listing, as a bucket that is not there has no file that could be missing.
        self.list("_ledger/_healthy").await.map(drop)
    }

    /// Puts a file that is not to be replaced: durable and whole when this returns.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Result<Created, Error> {
        const DOING: &str = "creating a file";
        let put = if let Some(folder) = self.folder.clone() {
            let to = path.clone();
            let made = move || create_in_folder(&folder, &to, &bytes);
            let made = tokio::task::spawn_blocking(made).await;
            made.unwrap_or_else(|cause| Err(io::Error::other(cause)))
                .map_err(|source| object_store::Error::Generic {
                    store: "LocalFileSystem",
                    source: Box::new(source),
                })
        } else {
            let options = PutOptions::from(PutMode::Create);
            match self.objects.put_opts(path, bytes.into(), options).await {
                Ok(_) => Ok(Created::New),
                Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Existed),
                Err(cause) => Err(cause),
            }
        };
        put.map_err(self.failed(DOING))
    }

    /// What a file holds.
    pub(crate) async fn read(&self, path: &Path) -> Result<Bytes, Error> {
        let failed = || self.failed("reading a file");
        let found = self.objects.get(path).await.map_err(failed())?;
        found.bytes().await.map_err(failed())
    }

    /// The last bytes of a file, as many as it has of those asked for.
    pub(crate) async fn read_end(&self, path: &Path, bytes: u64) -> Result<Bytes, Error> {
        let failed = || self.failed("reading the end of a file");
        let options = GetOptions::new().with_range(Some(GetRange::Suffix(bytes)));
        let found = self.objects.get_opts(path, options).await;
        found.map_err(failed())?.bytes().await.map_err(failed())
    }

    /// Every file below a folder.
    pub(crate) async fn list(&self, below: &str) -> Result<Vec<ObjectMeta>, Error> {
        let found = self.objects.list(Some(&Path::from(below)));
        let found: Result<Vec<_>, _> = found.try_collect().await;
        found.map_err(self.failed("listing files"))
    }

    /// Deletes files; one that is gone already is as good.
    pub(crate) async fn delete(&self, paths: Vec<Path>) -> Result<(), Error> {
        let mut deleting = futures::stream::iter(paths)
            .map(|path| async move { self.objects.delete(&path).await })
            .buffer_unordered(DELETES);
        while let Some(done) = deleting.next().await {
            match done {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(cause) => return Err(self.failed("deleting a file")(cause)),
            }
        }
        Ok(())
    }

    /// Gives a file another name in the same folder, in place of whatever has it.
    pub(crate) async fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        let renamed = self.objects.rename(from, to).await;
        renamed.map_err(self.failed("renaming a file"))?;
        self.flush(to).await
    }

    /// Sees that a file put through [`Store::objects`] is on the disk.
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

/// Written beside its place under a name that no listing shows (`#` and digits, as the object
/// store's own), flushed, then linked into place, which fails where a file is there already.
fn create_in_folder(folder: &FilePath, path: &Path, bytes: &[u8]) -> io::Result<Created> {
    let to = folder.join(path.as_ref());
    let beside = to.parent().unwrap_or(folder);
    let is_new = !beside.is_dir();
    std::fs::create_dir_all(beside)?;
    if to.try_exists()? {
        return Ok(Created::Existed);
    }
    let number = ulid::Ulid::new().random() as u64;
    let scratch = PathBuf::from(format!("{}#{number}", to.display()));
    let linked = write_whole(&scratch, bytes).and_then(|()| std::fs::hard_link(&scratch, &to));
    let cleared = std::fs::remove_file(&scratch);
    match linked {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => return Ok(Created::Existed),
        linked => linked?,
    }
    cleared?;
    // Folders that stood there were flushed with the first file in them.
    if is_new {
        flush_folders(folder, &to)?;
    } else {
        File::open(beside)?.sync_all()?;
    }
    Ok(Created::New)
}

fn write_whole(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file's name is durable once its folder is, and that folder's once the one above is.
fn flush_folders(root: &FilePath, file: &FilePath) -> io::Result<()> {
    let above = file
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root));
    for folder in above {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
