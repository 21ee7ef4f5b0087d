//! Columns of the tables. A column is defined once: its name, its type and the function that reads
//! its value from a row.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array as _, ArrayRef, BooleanArray, ListBuilder, PrimitiveArray, RecordBatch, StringArray,
    StringBuilder, TimestampMillisecondArray,
};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Schema, TimeUnit};

use crate::error::Error;

/// A function that builds a column's values from rows.
type Values<'r, R> = Box<dyn Fn(&[R]) -> ArrayRef + 'r>;

/// A column of a table whose rows are `R`.
pub(super) struct Column<'r, R> {
    field: Field,
    values: Values<'r, R>,
}

/// Returns the schema of a table with these columns.
pub(super) fn schema<R>(columns: &[Column<'_, R>]) -> Schema {
    let fields = columns.iter().map(|column| column.field.clone());
    Schema::new(fields.collect::<Vec<_>>())
}

/// Returns the rows as columns.
pub(super) fn batch<R>(columns: &[Column<'_, R>], rows: &[R]) -> Result<RecordBatch, Error> {
    let arrays = columns.iter().map(|column| (column.values)(rows));
    let arrays: Vec<ArrayRef> = arrays.collect();
    Ok(RecordBatch::try_new(Arc::new(schema(columns)), arrays)?)
}

impl<'r, R: 'r> Column<'r, R> {
    fn new(
        name: &str,
        data_type: DataType,
        nullable: bool,
        values: impl Fn(&[R]) -> ArrayRef + 'r,
    ) -> Self {
        Self {
            field: Field::new(name, data_type, nullable),
            values: Box::new(values),
        }
    }

    /// Returns a column of text that the row holds.
    pub(super) fn text(name: &str, get: fn(&R) -> &str) -> Self {
        Self::new(name, DataType::Utf8, false, move |rows| {
            Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
        })
    }

    /// Returns a nullable column of text that the row holds.
    pub(super) fn optional_text(name: &str, get: fn(&R) -> Option<&str>) -> Self {
        Self::new(name, DataType::Utf8, true, move |rows| {
            Arc::new(rows.iter().map(get).collect::<StringArray>())
        })
    }

    /// Returns a column of text that is made from the row.
    pub(super) fn made_text(name: &str, get: fn(&R) -> String) -> Self {
        Self::new(name, DataType::Utf8, false, move |rows| {
            Arc::new(StringArray::from_iter_values(rows.iter().map(get)))
        })
    }

    /// Returns a nullable column of text that is made from the row.
    pub(super) fn optional_made_text(name: &str, get: fn(&R) -> Option<String>) -> Self {
        Self::new(name, DataType::Utf8, true, move |rows| {
            Arc::new(rows.iter().map(get).collect::<StringArray>())
        })
    }

    /// Returns a column of lists of text.
    pub(super) fn texts(name: &str, get: fn(&R) -> &[String]) -> Self {
        let item = Field::new_list_field(DataType::Utf8, true);
        Self::new(name, DataType::List(Arc::new(item)), false, move |rows| {
            let mut builder = ListBuilder::new(StringBuilder::new());
            for row in rows {
                for value in get(row) {
                    builder.values().append_value(value);
                }
                builder.append(true);
            }
            let lists = builder.finish();
            debug_assert_eq!(lists.null_count(), 0, "every row has a list");
            Arc::new(lists)
        })
    }

    /// Returns a column of numbers.
    pub(super) fn number<T: ArrowPrimitiveType>(
        name: &str,
        get: impl Fn(&R) -> T::Native + 'r,
    ) -> Self {
        Self::new(name, T::DATA_TYPE, false, move |rows| {
            Arc::new(PrimitiveArray::<T>::from_iter_values(rows.iter().map(&get)))
        })
    }

    /// Returns a nullable column of numbers.
    pub(super) fn optional_number<T: ArrowPrimitiveType>(
        name: &str,
        get: fn(&R) -> Option<T::Native>,
    ) -> Self {
        Self::new(name, T::DATA_TYPE, true, move |rows| {
            Arc::new(rows.iter().map(get).collect::<PrimitiveArray<T>>())
        })
    }

    /// Returns a column of true and false.
    pub(super) fn boolean(name: &str, get: fn(&R) -> bool) -> Self {
        Self::new(name, DataType::Boolean, false, move |rows| {
            let values = rows.iter().map(|row| Some(get(row)));
            Arc::new(values.collect::<BooleanArray>())
        })
    }

    /// Returns a column of instants, read as milliseconds since the Unix epoch.
    pub(super) fn instant(name: &str, get: impl Fn(&R) -> i64 + 'r) -> Self {
        let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        Self::new(name, utc, false, move |rows| {
            let values = TimestampMillisecondArray::from_iter_values(rows.iter().map(&get));
            Arc::new(values.with_timezone("UTC"))
        })
    }
}
