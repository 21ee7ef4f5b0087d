//! Invalid input is refused with a message that names the thing, the value and what is allowed.

use fairlead_vector_index::{
    Error, ExactIndex, IndexBuilder, IndexKind, MAX_DIMENSION, Searchable,
};

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn bad_vectors_are_refused_and_nothing_is_appended() {
    let mut builder = IndexBuilder::new(2).unwrap();
    builder.extend(&[1.0, 2.0]).unwrap();
    assert_eq!(
        message(builder.extend(&[1.0, 2.0, 3.0])),
        "vectors has 3 values; the index holds vectors of 2"
    );
    assert_eq!(
        message(builder.extend(&[0.0, 0.0, 1.0, f32::NAN])),
        "vector 2, component 1 is NaN; only finite values are allowed"
    );
    assert!(message(builder.extend(&[f32::INFINITY, 0.0])).contains("component 0 is inf"));
    assert!(matches!(
        builder.extend(&[f32::MAX, f32::MAX]),
        Err(Error::Magnitude { what: "vector", .. })
    ));
    assert_eq!(builder.rows(), 1);
}

#[test]
fn bad_queries_are_refused_by_every_kind() {
    let vectors = [1.0e20, 0.0, 0.0, 1.0e20];
    let mut builder = IndexBuilder::new(2).unwrap();
    builder.extend(&vectors).unwrap();
    let kinds: [Box<dyn Searchable>; 3] = [
        Box::new(ExactIndex::new(2, &vectors).unwrap()),
        Box::new(builder.clone().kind(IndexKind::Flat).build().unwrap()),
        Box::new(builder.kind(IndexKind::Hnsw).build().unwrap()),
    ];
    for index in kinds {
        assert_eq!(
            message(index.search(&[1.0], 1, None)),
            "query has 1 values; the index holds vectors of 2"
        );
        assert_eq!(
            message(index.search(&[1.0, f32::NEG_INFINITY], 1, None)),
            "query 0, component 1 is -inf; only finite values are allowed"
        );
        let overflowing = index.search(&[1.0e20, 0.0], 1, None);
        assert!(matches!(
            overflowing,
            Err(Error::Magnitude { what: "query", .. })
        ));
        assert!(index.search_batch(&[1.0, 0.0, 1.0], 1, None).is_err());
    }
}

#[test]
fn a_dimension_outside_the_range_is_refused() {
    for dimension in [0, MAX_DIMENSION + 1] {
        assert_eq!(
            message(IndexBuilder::new(dimension)),
            format!("dimension {dimension} is not allowed: it must be 1 to {MAX_DIMENSION}")
        );
    }
}

#[test]
fn an_empty_index_finds_nothing() {
    let builder = IndexBuilder::new(3).unwrap();
    for kind in [IndexKind::Flat, IndexKind::Hnsw] {
        let index = builder.clone().kind(kind).build().unwrap();
        assert_eq!(index.search(&[1.0, 2.0, 3.0], 5, None).unwrap(), []);
        assert!(index.search(&[1.0], 5, None).is_err());
    }
    assert_eq!(
        builder.build_exact().search(&[0.0; 3], 5, None).unwrap(),
        []
    );
}

#[test]
fn the_kind_follows_from_the_number_of_rows() {
    let mut builder = IndexBuilder::new(1).unwrap();
    builder.extend(&vec![0.5; 50_000]).unwrap();
    assert_eq!(builder.build().unwrap().kind(), IndexKind::Flat);
}
