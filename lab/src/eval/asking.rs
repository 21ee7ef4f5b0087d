//! Many calls to the gateway, a few at a time.

use std::future::Future;

use fairlead_client::explained;
use fairlead_client::terminal::Bars;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tonic::{Code, Response, Status};

/// Concurrent calls to the gateway: enough to keep two cores busy, too few to queue up.
const AT_ONCE: usize = 4;
/// Attempts of a call before the evaluation gives up.
const ATTEMPTS: usize = 3;

/// Calls `ask` for every question, a few at a time. Returns the answers in the order of the
/// questions.
pub(super) async fn ask_all<Question, Answer, Asking>(
    label: &str,
    bars: &Bars,
    questions: Vec<Question>,
    ask: impl Fn(Question) -> Asking,
) -> anyhow::Result<Vec<Answer>>
where
    Question: Clone,
    Asking: Future<Output = Result<Response<Answer>, Status>>,
{
    let bar = bars.bar(label, questions.len() as u64);
    let (bar, ask) = (&bar, &ask);
    let asked = stream::iter(questions.into_iter().map(|question| async move {
        let answer = ask_one(question, ask).await;
        bar.inc(1);
        answer
    }));
    let answers = asked.buffered(AT_ONCE).try_collect().await;
    bar.finish_and_clear();
    answers
}

/// Calls `ask` until it is answered. Returns an error at once if the server refuses the question.
async fn ask_one<Question: Clone, Answer, Asking>(
    question: Question,
    ask: impl Fn(Question) -> Asking,
) -> anyhow::Result<Answer>
where
    Asking: Future<Output = Result<Response<Answer>, Status>>,
{
    let mut attempt = 1;
    loop {
        match ask(question.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if attempt < ATTEMPTS && is_passing(&status) => attempt += 1,
            Err(status) => return Err(explained(&status)),
        }
    }
}

fn is_passing(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn what_does_not_get_through_is_asked_again_and_a_refusal_is_not() {
        let asked = Cell::new(0);
        let late = |question: u32| {
            asked.set(asked.get() + 1);
            let answer = if asked.get() < 3 {
                Err(Status::deadline_exceeded("late"))
            } else {
                Ok(Response::new(question * 2))
            };
            std::future::ready(answer)
        };
        assert_eq!(ask_one(21, late).await.expect("an answer"), 42);
        assert_eq!(asked.get(), 3);
        asked.set(0);
        let refused = |_: u32| {
            asked.set(asked.get() + 1);
            std::future::ready(Err::<Response<u32>, _>(Status::invalid_argument("no")))
        };
        let error = ask_one(21, refused).await.expect_err("a refusal");
        assert!(error.to_string().contains("no"), "{error}");
        assert_eq!(asked.get(), 1);
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_questions() {
        let echo = |question: u32| std::future::ready(Ok(Response::new(question)));
        let questions: Vec<u32> = (0..50).collect();
        let answers = ask_all("asking", &Bars::hidden(), questions.clone(), echo).await;
        assert_eq!(answers.expect("answers"), questions);
    }
}
