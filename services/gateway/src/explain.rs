//! Finding the decision record of an earlier answer: this gateway's own memory first, then the index
//! of request ids, which the profile service reads.

use std::time::Duration;

use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_chassis::deadline::Deadline;
use fairlead_domain::{RequestId, TenantId};
use fairlead_event_log::{Position, partition_for};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::profile::v1::{FindDecisionRequest, FindDecisionResponse};
use prost::Message as _;

use crate::decision_log::Placement;
use crate::topics::{DECISIONS, key};
use crate::{Error, Service};

/// The time for which a record may usually be on its way: in a gateway's buffer, or behind records of
/// another gateway with a later time.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

impl Service {
    /// Returns the decision record of a request.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`] if none is kept, [`Error::NotYet`] if one may be on its way into the
    /// index, [`Error::Index`] if the index did not answer.
    pub(crate) async fn find_decision(
        &self,
        tenant: &TenantId,
        request_id: &RequestId,
        by: Deadline,
    ) -> Result<DecisionRecord, Error> {
        let position = match self.inner.decisions.recent(tenant, request_id) {
            Some(Placement::Logged(position)) => position,
            Some(Placement::Waiting) => return Err(Error::NotYet(request_id.to_string())),
            None => self.indexed(tenant, request_id, by).await?,
        };
        let read = self.inner.log.read(DECISIONS, position, 1, by).await?;
        let name = key(tenant.as_str(), request_id.as_str());
        // Where the log has dropped the record, it gives the next one that it keeps.
        let found = read
            .into_iter()
            .next()
            .filter(|one| one.record.key.as_ref() == name.as_bytes())
            .ok_or_else(|| Error::UnknownRequest(request_id.to_string()))?;
        DecisionRecord::decode(found.record.payload)
            .map_err(|_| Error::UnreadableRecord(request_id.to_string()))
    }

    /// Returns the position that the index has of a request.
    async fn indexed(
        &self,
        tenant: &TenantId,
        request_id: &RequestId,
        by: Deadline,
    ) -> Result<Position, Error> {
        let name = key(tenant.as_str(), request_id.as_str());
        let partition = partition_for(name.as_bytes(), self.inner.config.partitions);
        let request = FindDecisionRequest {
            tenant: tenant.to_string(),
            request_id: request_id.to_string(),
            partition,
        };
        let answer = self.inner.backends.profile(by).find_decision(request).await;
        let index = answer.map_err(Error::Index)?.into_inner();
        if let Some(offset) = index.offset {
            return Ok(Position { partition, offset });
        }
        if self.is_complete(request_id, partition, &index, by).await? {
            Err(Error::UnknownRequest(request_id.to_string()))
        } else {
            Err(Error::NotYet(request_id.to_string()))
        }
    }

    /// Returns true if the index would have an entry of this request had a record been made.
    async fn is_complete(
        &self,
        request_id: &RequestId,
        partition: i32,
        index: &FindDecisionResponse,
        by: Deadline,
    ) -> Result<bool, Error> {
        let now_ms = SystemClock.now_ms();
        let on_its_way_ms = ON_ITS_WAY.as_millis() as i64;
        let settled_ms = now_ms - on_its_way_ms;
        // An id that is none of the gateway's own says no time: then the index must be up to date.
        let made_ms = made_at_ms(request_id.as_str())
            .filter(|made_ms| *made_ms <= now_ms + on_its_way_ms)
            .unwrap_or(settled_ms);
        if made_ms > settled_ms {
            return Ok(false);
        }
        if index.indexed_time_ms >= made_ms + on_its_way_ms {
            return Ok(true);
        }
        let ranges = self.inner.log.offsets(DECISIONS, by).await?;
        let range = ranges.iter().find(|range| range.partition == partition);
        Ok(range.is_some_and(|range| {
            let none_kept = range.start == range.end;
            none_kept
                || index
                    .indexed_offset
                    .is_some_and(|last| last + 1 >= range.end)
        }))
    }
}

/// Returns the time in an id that the gateway made, Unix milliseconds, or `None` for another id.
fn made_at_ms(request_id: &str) -> Option<i64> {
    let id = ulid::Ulid::from_string(request_id).ok()?;
    i64::try_from(id.timestamp_ms()).ok()
}
