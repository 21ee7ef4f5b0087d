//! Sends events through the gateway and waits until all of them are in the feature store.

use std::collections::BTreeMap;

use anyhow::bail;
use fairlead_client::explained;
use fairlead_client::terminal::Bars;
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind};
use fairlead_proto::gateway::v1::TrackManyRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_server::Server;

/// Events in one call.
const BATCH: usize = 2_000;

/// Attributes of a customer; absent ones are left out.
#[derive(Debug, Default)]
pub(super) struct ProfileAttributes(BTreeMap<String, AttributeValue>);

impl ProfileAttributes {
    fn put(&mut self, name: &str, value: Value) {
        let value = AttributeValue { value: Some(value) };
        self.0.insert(name.to_owned(), value);
    }

    /// Adds a number, if there is one.
    pub(super) fn number(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.put(name, Value::Number(value));
        }
    }

    /// Adds a text, if it is not empty.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.put(name, Value::Text(value.to_owned()));
        }
    }

    /// Returns a profile update with these attributes, or `None` if there are none.
    pub(super) fn profile(self, event: Event) -> Option<Event> {
        (!self.0.is_empty()).then(|| Event {
            kind: EventKind::ProfileUpdated.into(),
            attributes: self.0,
            ..event
        })
    }

    /// Returns a consent to personalisation.
    pub(super) fn consent(event: Event) -> Event {
        let mut given = Self::default();
        given.put("personalisation", Value::Flag(true));
        Event {
            kind: EventKind::ConsentChanged.into(),
            attributes: given.0,
            ..event
        }
    }
}

/// Sends events and waits until they are visible. Returns an error if one of them is refused.
pub(super) async fn send(server: &Server, events: Vec<Event>, bars: &Bars) -> anyhow::Result<()> {
    let bar = bars.bar("events into the log", events.len() as u64);
    let mut client = EventServiceClient::new(server.gateway.clone());
    let mut events = events.into_iter();
    loop {
        let batch: Vec<Event> = events.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let sent = batch.len() as u64;
        let request = TrackManyRequest {
            events: batch,
            ..TrackManyRequest::default()
        };
        let answer = client.track_many(request).await;
        let answer = answer.map_err(|status| explained(&status))?.into_inner();
        if let Some(refused) = answer.rejected.first() {
            let count = answer.rejected.len();
            bail!(
                "{count} of {sent} events were refused, the first: {}",
                refused.cause
            );
        }
        bar.inc(sent);
    }
    bar.finish_and_clear();
    server.caught_up().await
}
