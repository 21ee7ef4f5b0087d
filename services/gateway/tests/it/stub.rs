//! One method of a stub server: its answer is chosen by the test, its calls are kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fairlead_chassis::deadline::Deadline;
use tonic::{Code, Request, Response, Status};

type Answering<Q, A> = Arc<dyn Fn(&Q) -> Result<A, Status> + Send + Sync>;

/// A method of a stub server.
pub(crate) struct Stub<Q, A> {
    state: Mutex<State<Q, A>>,
}

struct State<Q, A> {
    /// `None` for a method that hangs.
    answering: Option<Answering<Q, A>>,
    calls: Vec<StubCall<Q>>,
}

/// A call that a stub got.
#[derive(Debug, Clone)]
pub(crate) struct StubCall<Q> {
    pub(crate) message: Q,
    /// The time that `grpc-timeout` left, if the call had one.
    pub(crate) time_left: Option<Duration>,
}

impl<Q: Clone, A> Stub<Q, A> {
    /// A method that answers with what `answering` returns.
    pub(crate) fn new(answering: impl Fn(&Q) -> Result<A, Status> + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::new(State {
                answering: Some(Arc::new(answering)),
                calls: Vec::new(),
            }),
        }
    }

    /// From now on it answers with what `answering` returns.
    pub(crate) fn answer(
        &self,
        answering: impl Fn(&Q) -> Result<A, Status> + Send + Sync + 'static,
    ) {
        self.lock().answering = Some(Arc::new(answering));
    }

    /// From now on it fails with `code`.
    pub(crate) fn fail(&self, code: Code) {
        self.answer(move |_| Err(Status::new(code, "the stub was told to fail")));
    }

    /// From now on it never answers.
    pub(crate) fn hang(&self) {
        self.lock().answering = None;
    }

    /// The calls so far, the oldest first.
    pub(crate) fn calls(&self) -> Vec<StubCall<Q>> {
        self.lock().calls.clone()
    }

    /// The newest call.
    pub(crate) fn last_call(&self) -> StubCall<Q> {
        self.calls().pop().expect("the stub was called")
    }

    /// Handles a call as the generated server does.
    pub(crate) async fn handle(&self, request: Request<Q>) -> Result<Response<A>, Status> {
        let time_left = Deadline::from_request(&request).map(Deadline::remaining);
        let message = request.into_inner();
        let answering = {
            let mut state = self.lock();
            state.calls.push(StubCall {
                message: message.clone(),
                time_left,
            });
            state.answering.clone()
        };
        match answering {
            Some(answering) => answering(&message).map(Response::new),
            None => std::future::pending().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
