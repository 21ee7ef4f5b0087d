//! The tables of the file.

use redb::{TableDefinition, TableError, WriteTransaction};

/// The number of the file format. A file with another number is refused.
pub(crate) const FORMAT: u64 = 1;

/// The key of the format's number in [`META`].
pub(crate) const FORMAT_KEY: &str = "format";
/// The key of the last health check's time in [`META`].
pub(crate) const PROBE_KEY: &str = "last_health_check_ms";

/// Single numbers by name.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Topic name -> (id, partitions, retention in ms).
pub(crate) const TOPICS: TableDefinition<&str, (u32, u32, u64)> = TableDefinition::new("topics");
/// (topic id, partition) -> (oldest offset kept, next offset to write).
pub(crate) const PARTITIONS: TableDefinition<PartitionId, (u64, u64)> =
    TableDefinition::new("partitions");
/// (topic id, partition, first offset) -> chunk of records.
pub(crate) const CHUNKS: TableDefinition<(u32, u32, u64), &[u8]> = TableDefinition::new("chunks");
/// (group, topic id, partition) -> next offset that the group is to read.
pub(crate) const GROUPS: TableDefinition<(&str, u32, u32), u64> = TableDefinition::new("groups");

/// The identifier of a partition in the file: (topic id, partition).
pub(crate) type PartitionId = (u32, u32);

/// All tables, opened for writing.
pub(crate) struct Tables<'txn> {
    pub(crate) meta: redb::Table<'txn, &'static str, u64>,
    pub(crate) topics: redb::Table<'txn, &'static str, (u32, u32, u64)>,
    pub(crate) partitions: redb::Table<'txn, PartitionId, (u64, u64)>,
    pub(crate) chunks: redb::Table<'txn, (u32, u32, u64), &'static [u8]>,
    pub(crate) groups: redb::Table<'txn, (&'static str, u32, u32), u64>,
}

impl<'txn> Tables<'txn> {
    pub(crate) fn open(txn: &'txn WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            meta: txn.open_table(META)?,
            topics: txn.open_table(TOPICS)?,
            partitions: txn.open_table(PARTITIONS)?,
            chunks: txn.open_table(CHUNKS)?,
            groups: txn.open_table(GROUPS)?,
        })
    }
}
