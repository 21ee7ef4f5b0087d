//! Writing what the log holds now, outside any group.

use fairlead_event_log::{OffsetRange as Kept, Position};

use super::batch::{self, Cause, Rolled, Waiting};
use super::{Deps, begin};
use crate::config::{Config, Topics};
use crate::error::Error;
use crate::name::Source;
use crate::rows::Content;
use crate::store::Store;

/// Records asked of the log at a time.
const READ: usize = 2_000;

/// Writes all that the log holds when this is called, and returns how many records those were.
/// Writers that run meanwhile do no harm: the ledger gives every offset to one of them.
pub async fn catch_up(config: &Config, topics: &Topics, deps: &Deps) -> Result<u64, Error> {
    config.check()?;
    let mut taken = 0;
    for (topic, content) in [
        (&topics.events, Content::Events),
        (&topics.decisions, Content::Decisions),
    ] {
        for kept in deps.log.offsets(topic).await? {
            let source = Source {
                topic: topic.clone(),
                partition: kept.partition,
            };
            taken += partition(config, deps, source, content, kept).await?;
        }
    }
    Ok(taken)
}

async fn partition(
    config: &Config,
    deps: &Deps,
    source: Source,
    content: Content,
    kept: Kept,
) -> Result<u64, Error> {
    let Deps { log, store, clock } = deps;
    let mut taken = 0;
    let reopen = || async {
        let mut waiting = batch::open(store, &**log, source.clone(), content).await?;
        begin(store, &mut waiting, kept)?;
        Ok::<Waiting, Error>(waiting)
    };
    let mut waiting = reopen().await?;
    loop {
        let records = if waiting.seen < kept.end {
            let from = Position {
                partition: source.partition,
                offset: waiting.seen,
            };
            log.read(&source.topic, from, READ).await?
        } else {
            Vec::new()
        };
        for record in &records {
            waiting.push(record, clock.now_ms());
            let due = waiting.due(config, clock.now_ms());
            if let Some(cause) = due
                && !roll(store, &mut waiting, cause, &mut taken).await?
            {
                waiting = reopen().await?;
                break;
            }
        }
        if records.is_empty() {
            if waiting.is_empty() {
                return Ok(taken);
            }
            if !roll(store, &mut waiting, Cause::Stop, &mut taken).await? {
                waiting = reopen().await?;
            }
        }
    }
}

/// Writes what waits and counts it; false where somebody else has claimed these offsets.
async fn roll(
    store: &Store,
    waiting: &mut Waiting,
    cause: Cause,
    taken: &mut u64,
) -> Result<bool, Error> {
    let count = u64::try_from(waiting.seen - waiting.next).unwrap_or(0);
    let rolled = batch::roll(store, waiting, cause).await? == Rolled::Written;
    if rolled {
        *taken += count;
    }
    Ok(rolled)
}
