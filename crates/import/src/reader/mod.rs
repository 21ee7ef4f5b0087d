//! Reads the rows of a file, whatever its format.

mod buffer;
mod content;
mod csv;
mod encoding;
mod json;
mod parquet;
mod row;
mod xlsx;

use std::path::Path;

use anyhow::Context as _;

use crate::format::FileFormat;

pub(crate) use row::{NumberedRow, Opened, RowReader, Setting};

/// Opens a file.
pub(crate) fn open(path: &Path, setting: Setting<'_>) -> anyhow::Result<Opened> {
    let format = setting.options.format;
    let format = format.map_or_else(|| FileFormat::of(path), Ok)?;
    let opened = match format {
        FileFormat::Parquet => parquet::open(path, setting),
        FileFormat::Xlsx => xlsx::open(path, setting),
        FileFormat::Csv | FileFormat::Json => {
            let content = content::open(path, setting.options.encoding)?;
            match format {
                FileFormat::Csv => csv::open(content, setting),
                _ => json::open(content, setting),
            }
        }
    };
    opened.with_context(|| format!("cannot import {}", path.display()))
}
