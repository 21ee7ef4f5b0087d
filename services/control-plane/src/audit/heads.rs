//! The heads of audit chains on the event log.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fairlead_domain::TenantId;
use fairlead_event_log::{EventLog, Position, Record, TopicSpec};
use fairlead_proto::control::v1::AuditHead;
use prost::Message as _;
use tokio::sync::OnceCell;

use crate::Error;
use crate::store::RowHash;

/// The only partition: heads are few, and are read in the order in which they were written.
const PARTITION: i32 = 0;

/// The time for which heads are kept. The newest covers all rows before it, and is written again every
/// day; older ones say when rows were still as they were.
const RETENTION: Duration = Duration::from_hours(400 * 24);

const HEADS_PER_READ: usize = 1_000;

/// The topic of heads.
pub(super) struct HeadLog {
    log: Arc<dyn EventLog>,
    topic: String,
    /// Set once the topic is there.
    made: OnceCell<()>,
}

/// Some heads that follow each other.
pub(super) struct Page {
    /// The offset after them.
    pub(super) next_offset: i64,
    pub(super) heads: HashMap<TenantId, Vec<LoggedHead>>,
}

/// A head as it is on the log.
pub(super) struct LoggedHead {
    pub(super) row: RowHash,
    /// The time at which it was verified, Unix milliseconds.
    pub(super) at_ms: i64,
}

impl HeadLog {
    pub(super) fn new(log: Arc<dyn EventLog>, topic: String) -> Self {
        Self {
            log,
            topic,
            made: OnceCell::new(),
        }
    }

    /// Moves `from` to the oldest head kept if the log does not hold it, and returns the end offset.
    pub(super) async fn range(&self, from: &mut i64) -> Result<i64, Error> {
        let spec = TopicSpec {
            partitions: 1,
            retention: RETENTION,
        };
        let make = || self.log.create_topic(&self.topic, spec);
        self.made.get_or_try_init(make).await?;
        let partitions = self.log.offsets(&self.topic).await?;
        let Some(kept) = partitions.first() else {
            return Ok(*from);
        };
        // Past the end: the topic was begun anew.
        if !(kept.start..=kept.end).contains(from) {
            *from = kept.start;
        }
        Ok(kept.end)
    }

    /// Reads the heads from this offset on. Returns none at the end.
    pub(super) async fn read(&self, from: i64) -> Result<Page, Error> {
        let position = Position {
            partition: PARTITION,
            offset: from,
        };
        let records = self.log.read(&self.topic, position, HEADS_PER_READ).await?;
        let mut page = Page {
            next_offset: from,
            heads: HashMap::new(),
        };
        for delivered in records {
            let offset = delivered.position.offset;
            page.next_offset = offset + 1;
            match decode(&delivered.record.payload) {
                Some((tenant, head)) => page.heads.entry(tenant).or_default().push(head),
                None => {
                    tracing::warn!(offset, topic = %self.topic, "record is no head of an audit chain");
                }
            }
        }
        Ok(page)
    }

    /// Appends heads that were verified at this time.
    pub(super) async fn write(
        &self,
        heads: impl IntoIterator<Item = (&TenantId, &RowHash)>,
        at_ms: i64,
    ) -> Result<(), Error> {
        let record = |(tenant, head): (&TenantId, &RowHash)| {
            let payload = AuditHead {
                tenant: tenant.to_string(),
                sequence: head.sequence,
                hash: head.hash.clone(),
                at_ms,
            };
            Record::new(tenant.to_string(), payload.encode_to_vec())
        };
        let records: Vec<Record> = heads.into_iter().map(record).collect();
        if !records.is_empty() {
            self.log.append(&self.topic, records).await?;
        }
        Ok(())
    }
}

/// Returns the tenant and head of a record, or `None` if it is none that a control plane wrote.
fn decode(payload: &[u8]) -> Option<(TenantId, LoggedHead)> {
    let head = AuditHead::decode(payload).ok()?;
    let tenant = TenantId::new(&head.tenant).ok()?;
    let row = RowHash {
        sequence: head.sequence,
        hash: head.hash,
    };
    let at_ms = head.at_ms;
    (row.sequence > 0).then_some((tenant, LoggedHead { row, at_ms }))
}
