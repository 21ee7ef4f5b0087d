//! Properties of the splitter: it reads what the `csv` crate writes, and loses nothing of anything.

use std::io::Cursor;

use proptest::collection::vec;
use proptest::prelude::*;

use super::splitter::Splitter;
use super::text;

fn splitter(bytes: &[u8]) -> Splitter {
    Splitter::new(Box::new(Cursor::new(bytes.to_vec())))
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(rows in vec(vec("[ -~\r\n\t\"é]{0,8}", 3), 1..20)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).expect("written");
        }
        let mut splitter = splitter(&writer.into_inner().expect("written"));
        for row in &rows {
            let record = splitter.next().expect("read").expect("a record");
            prop_assert_eq!(record.fault, None);
            let fields = splitter.fields.iter();
            let fields: Option<Vec<_>> = fields.map(|span| text(&splitter, span)).collect();
            prop_assert_eq!(&fields.expect("UTF-8"), row);
        }
        prop_assert!(splitter.next().expect("read").is_none());
    }

    #[test]
    fn no_line_vanishes(written in "[a,\"\n ]{0,60}", columns in 0_usize..5) {
        let mut splitter = splitter(written.as_bytes());
        splitter.columns = columns;
        let mut read = String::new();
        while let Some(record) = splitter.next().expect("read") {
            read.push_str(&String::from_utf8_lossy(splitter.bytes(record.span)));
        }
        prop_assert_eq!(read.replace('\n', ""), written.replace('\n', ""));
    }
}
