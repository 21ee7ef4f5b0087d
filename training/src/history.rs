//! History: the events of one tenant in event time, and what came of what was shown.

use std::collections::HashMap;

use fairlead_event_log::{EventLog, Position};
use fairlead_proto::event::v1::{Event, EventKind};
use prost::Message as _;

use crate::Error;

/// Records read in one go.
const CHUNK: usize = 5_000;

/// Events of one tenant, ascending in event time (ties by id).
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Reads the whole topic. What cannot be read or breaks a rule of `registry` is left out, as the
    /// stream leaves it out.
    pub async fn read(
        log: &dyn EventLog,
        topic: &str,
        tenant: &str,
        registry: &fairlead_registry::Registry,
    ) -> Result<Self, Error> {
        let mut events = Vec::new();
        for range in log.offsets(topic).await? {
            let mut offset = range.start;
            while offset < range.end {
                let place = Position {
                    partition: range.partition,
                    offset,
                };
                let records = log.read(topic, place, CHUNK).await?;
                let Some(last) = records.last() else { break };
                offset = last.position.offset + 1;
                events.extend(records.iter().filter_map(|one| {
                    let event = Event::decode(one.record.payload.clone()).ok()?;
                    let now_ms = one.record.timestamp_ms;
                    let fits =
                        event.tenant == tenant && registry.check_event(&event, now_ms).is_ok();
                    fits.then_some(event)
                }));
            }
        }
        Ok(Self::new(events))
    }

    /// Puts events in order; an id that comes again is dropped.
    pub fn new(mut events: Vec<Event>) -> Self {
        events.sort_by(|a, b| (a.event_time_ms, &a.event_id).cmp(&(b.event_time_ms, &b.event_id)));
        events.dedup_by(|b, a| a.event_id == b.event_id && a.customer_id == b.customer_id);
        Self { events }
    }

    /// The events in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The instant before which `share` (0 to 1) of the events lie; 0 for an empty history.
    pub fn split_at(&self, share: f64) -> i64 {
        let place = (self.events.len() as f64 * share) as usize;
        let last = self.events.len().saturating_sub(1);
        self.events
            .get(place.min(last))
            .map_or(0, |event| event.event_time_ms)
    }

    /// First and last event time; zeros for an empty history.
    pub fn window(&self) -> (i64, i64) {
        let time = |event: Option<&Event>| event.map_or(0, |event| event.event_time_ms);
        (time(self.events.first()), time(self.events.last()))
    }
}

/// What came of one impression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) clicked: bool,
    pub(crate) converted: bool,
}

/// Outcomes joined to impressions by request and product: what is learnt from is what was shown.
#[derive(Debug, Default)]
pub(crate) struct Outcomes<'h>(HashMap<(&'h str, &'h str), Outcome>);

impl<'h> Outcomes<'h> {
    pub(crate) fn of(history: &'h History) -> Self {
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
                    // Who took it opened it, even where the click was lost on the way.
                    (outcome.clicked, outcome.converted) = (true, true);
                }
                _ => {}
            }
        }
        Self(outcomes)
    }

    pub(crate) fn get(&self, event: &Event) -> Outcome {
        let key = (event.request_id.as_str(), event.product_id.as_str());
        self.0.get(&key).copied().unwrap_or_default()
    }
}
