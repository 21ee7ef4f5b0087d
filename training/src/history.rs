//! History: the events of one tenant in event time, and the outcomes of impressions.

use std::collections::HashMap;

use fairlead_event_log::{EventLog, EventTopic, Position};
use fairlead_proto::event::v1::{Event, EventKind};
use prost::Message as _;

use crate::Error;

/// The number of records read at once.
const CHUNK: usize = 5_000;

/// The events of one tenant, ascending in event time (ties by id).
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Reads all records of the topics. Events that cannot be decoded, that break a rule of
    /// `registry` or that their origin may not state are left out, as by the stream.
    ///
    /// # Errors
    /// Returns [`Error::Log`] if the log cannot be read.
    pub async fn read(
        log: &dyn EventLog,
        topics: &[EventTopic],
        tenant: &str,
        registry: &fairlead_registry::Registry,
    ) -> Result<Self, Error> {
        let mut events = Vec::new();
        for topic in topics {
            Self::read_topic(log, topic, tenant, registry, &mut events).await?;
        }
        Ok(Self::new(events))
    }

    async fn read_topic(
        log: &dyn EventLog,
        topic: &EventTopic,
        tenant: &str,
        registry: &fairlead_registry::Registry,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        for range in log.offsets(&topic.name).await? {
            let mut offset = range.start;
            while offset < range.end {
                let start = Position {
                    partition: range.partition,
                    offset,
                };
                let records = log.read(&topic.name, start, CHUNK).await?;
                let Some(last) = records.last() else { break };
                offset = last.position.offset + 1;
                events.extend(records.iter().filter_map(|one| {
                    let event = Event::decode(one.record.payload.clone()).ok()?;
                    let now_ms = one.record.timestamp_ms;
                    let origin = topic.provenance.origin_of(one);
                    let fits = event.tenant == tenant
                        && registry.check_event(&event, now_ms).is_ok()
                        && registry.check_authority(&event, origin).is_ok();
                    fits.then_some(event)
                }));
            }
        }
        Ok(())
    }

    /// Sorts events; drops those whose id repeats.
    pub fn new(mut events: Vec<Event>) -> Self {
        events.sort_by(|a, b| (a.event_time_ms, &a.event_id).cmp(&(b.event_time_ms, &b.event_id)));
        events.dedup_by(|b, a| a.event_id == b.event_id && a.customer_id == b.customer_id);
        Self { events }
    }

    /// Returns the events in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the instant before which `share` (0 to 1) of the events lie, 0 for an empty history.
    pub fn split_at(&self, share: f64) -> i64 {
        let index = (self.events.len() as f64 * share) as usize;
        let last = self.events.len().saturating_sub(1);
        self.events
            .get(index.min(last))
            .map_or(0, |event| event.event_time_ms)
    }

    /// Returns the first and the last event time, zeros for an empty history.
    pub fn window(&self) -> (i64, i64) {
        let time = |event: Option<&Event>| event.map_or(0, |event| event.event_time_ms);
        (time(self.events.first()), time(self.events.last()))
    }
}

/// The outcome of one impression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) clicked: bool,
    pub(crate) converted: bool,
}

/// The outcomes of impressions, joined by request and product.
#[derive(Debug, Default)]
pub(crate) struct Outcomes<'h>(HashMap<(&'h str, &'h str), Outcome>);

impl<'h> Outcomes<'h> {
    /// Joins the clicks and conversions of a history.
    pub(crate) fn join(history: &'h History) -> Self {
        let mut outcomes: HashMap<(&str, &str), Outcome> = HashMap::new();
        for event in history
            .events
            .iter()
            .filter(|event| !event.request_id.is_empty())
        {
            let key = (event.request_id.as_str(), event.product_id.as_str());
            match event.kind() {
                EventKind::Click => outcomes.entry(key).or_default().clicked = true,
                EventKind::Conversion => {
                    let outcome = outcomes.entry(key).or_default();
                    // A conversion implies a click, even if the event of the click was lost.
                    (outcome.clicked, outcome.converted) = (true, true);
                }
                _ => {}
            }
        }
        Self(outcomes)
    }

    /// Returns the outcome of an impression; neither click nor conversion if none was joined.
    pub(crate) fn get(&self, event: &Event) -> Outcome {
        let key = (event.request_id.as_str(), event.product_id.as_str());
        self.0.get(&key).copied().unwrap_or_default()
    }
}
