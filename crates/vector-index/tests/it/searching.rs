//! The threads, queue and deadline of a searcher, and indexes that are swapped meanwhile.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender};
use fairlead_vector_index::{
    Error, ExactIndex, Filter, Hit, IndexBuilder, SearchRequest, Searchable, Searcher,
    SearcherOptions, VectorIndex,
};
use futures::poll;

use crate::data::random;

const ONE: SearcherOptions = SearcherOptions {
    threads: 1,
    queue: 1,
};

fn request(query: Vec<f32>) -> SearchRequest {
    SearchRequest {
        query,
        k: 3,
        filter: None,
        deadline: None,
    }
}

/// An index whose searches wait for a permit, so that a test decides when a thread is busy.
#[derive(Debug)]
struct Gated {
    index: ExactIndex,
    entered: Sender<()>,
    permits: Receiver<()>,
    searches: AtomicUsize,
}

impl Gated {
    fn new() -> (Arc<Self>, Receiver<()>, Sender<()>) {
        let (entered, has_entered) = crossbeam_channel::bounded(64);
        let (permit, permits) = crossbeam_channel::bounded(64);
        let index = ExactIndex::new(1, &[1.0, 2.0, 3.0]).unwrap();
        let searches = AtomicUsize::new(0);
        let gated = Self {
            index,
            entered,
            permits,
            searches,
        };
        (Arc::new(gated), has_entered, permit)
    }
}

impl Searchable for Gated {
    fn dimension(&self) -> usize {
        self.index.dimension()
    }

    fn rows(&self) -> u32 {
        self.index.rows()
    }

    fn search(&self, query: &[f32], k: usize, filter: Option<&Filter>) -> Result<Vec<Hit>, Error> {
        self.searches.fetch_add(1, Ordering::SeqCst);
        self.entered.send(()).unwrap();
        self.permits.recv().unwrap();
        assert!(query[0] >= 0.0, "a query that panics");
        self.index.search(query, k, filter)
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_then_recovers() {
    let (index, entered, permit) = Gated::new();
    let searcher = Searcher::start(ONE).unwrap();
    let mut busy = pin!(searcher.search(Arc::clone(&index), request(vec![1.0])));
    assert!(poll!(busy.as_mut()).is_pending());
    entered.recv().unwrap();
    let mut queued = pin!(searcher.search(Arc::clone(&index), request(vec![1.0])));
    assert!(poll!(queued.as_mut()).is_pending());
    let refused = searcher
        .search(Arc::clone(&index), request(vec![1.0]))
        .await;
    assert!(matches!(refused, Err(Error::Overloaded { bound: 1 })));
    for _ in 0..3 {
        permit.send(()).unwrap();
    }
    assert_eq!(busy.await.unwrap()[0].row, 2);
    assert_eq!(queued.await.unwrap()[0].row, 2);
    assert_eq!(
        searcher
            .search(Arc::clone(&index), request(vec![1.0]))
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_search_whose_deadline_passed_is_dropped_unsearched() {
    let (index, entered, permit) = Gated::new();
    let options = SearcherOptions { queue: 2, ..ONE };
    let searcher = Searcher::start(options).unwrap();
    let mut busy = pin!(searcher.search(Arc::clone(&index), request(vec![1.0])));
    assert!(poll!(busy.as_mut()).is_pending());
    entered.recv().unwrap();
    let late = SearchRequest {
        deadline: Some(Instant::now()),
        ..request(vec![1.0])
    };
    let answer = searcher.search(Arc::clone(&index), late).await;
    assert!(matches!(answer, Err(Error::DeadlineExceeded)));
    permit.send(()).unwrap();
    permit.send(()).unwrap();
    busy.await.unwrap();
    searcher
        .search(
            Arc::clone(&index),
            SearchRequest {
                deadline: Some(Instant::now() + Duration::from_hours(1)),
                ..request(vec![1.0])
            },
        )
        .await
        .unwrap();
    assert_eq!(index.searches.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_panic_in_a_search_is_an_error_and_the_thread_lives_on() {
    let (index, _entered, permit) = Gated::new();
    let searcher = Searcher::start(ONE).unwrap();
    permit.send(()).unwrap();
    permit.send(()).unwrap();
    let panicked = searcher
        .search(Arc::clone(&index), request(vec![-1.0]))
        .await
        .unwrap_err();
    assert_eq!(
        panicked.to_string(),
        "a search panicked: a query that panics"
    );
    assert_eq!(
        searcher
            .search(Arc::clone(&index), request(vec![1.0]))
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn errors_of_the_index_come_back() {
    let index = Arc::new(ExactIndex::new(2, &[1.0, 0.0]).unwrap());
    let searcher = Searcher::start(ONE).unwrap();
    let error = searcher
        .search(Arc::clone(&index), request(vec![1.0]))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Dimension { got: 1, .. }));
}

#[test]
fn no_threads_or_no_queue_is_refused() {
    let options = SearcherOptions {
        threads: 0,
        queue: 1,
    };
    let error = Searcher::<ExactIndex>::start(options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "searcher option threads is 0; it must be at least 1"
    );
}

/// Index `n` holds one row whose only value is `n`: each answer tells which index gave it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_under_load_loses_nothing_and_mixes_nothing() {
    let numbered = |n: u16| -> Arc<VectorIndex> {
        let mut builder = IndexBuilder::new(1).unwrap();
        builder.extend(&[f32::from(n)]).unwrap();
        Arc::new(builder.build().unwrap())
    };
    let options = SearcherOptions {
        threads: 2,
        queue: 64,
    };
    let searcher = Arc::new(Searcher::start(options).unwrap());
    let current = Arc::new(ArcSwap::new(numbered(0)));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (searcher, current) = (Arc::clone(&searcher), Arc::clone(&current));
        clients.spawn(async move {
            let mut last = 0.0;
            for _ in 0..500 {
                let index = current.load_full();
                let searching = searcher.search(Arc::clone(&index), request(vec![1.0]));
                let hits = searching.await.unwrap();
                assert_eq!(hits, index.search(&[1.0], 1, None).unwrap());
                assert!(hits[0].score >= last, "went back to an older index");
                last = hits[0].score;
            }
        });
    }
    for n in 1..=100 {
        current.store(numbered(n));
        tokio::task::yield_now().await;
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let last = searcher.search(current.load_full(), request(vec![1.0]));
    assert!((last.await.unwrap()[0].score - 100.0).abs() < f32::EPSILON);
}

#[tokio::test]
async fn a_filter_goes_with_its_index() {
    let index = Arc::new(ExactIndex::new(1, &random(8, 10, 1)).unwrap());
    let other = Arc::new(ExactIndex::new(1, &[1.0]).unwrap());
    let searcher = Searcher::start(ONE).unwrap();
    let filter = Arc::new(Filter::from_fn(index.rows(), |row| row == 4));
    let request = SearchRequest {
        filter: Some(filter),
        ..request(vec![1.0])
    };
    let hits = searcher.search(index, request.clone()).await.unwrap();
    assert_eq!(hits.iter().map(|hit| hit.row).collect::<Vec<_>>(), [4]);
    let error = searcher.search(other, request).await.unwrap_err();
    assert!(matches!(
        error,
        Error::FilterSize {
            filter: 10,
            index: 1
        }
    ));
}
