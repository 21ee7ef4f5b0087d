//! GrowthBook's published cases pass exactly.

use std::fs::File;
use std::ops::Range;

use fairlead_experiments::{Namespace, bucket_ranges, choose_variation, hash, in_namespace};
use flate2::read::GzDecoder;
use serde_json::Value;

fn section(name: &str) -> Option<Vec<Value>> {
    let file = fairlead_testkit::data_dir("vectors")?.join("growthbook_cases.json.gz");
    let file = File::open(file).expect("the cases");
    let cases: Value = serde_json::from_reader(GzDecoder::new(file)).expect("the cases are JSON");
    let section = cases[name]
        .as_array()
        .expect("the section is a list")
        .clone();
    assert!(section.len() >= 10, "{name} holds {} cases", section.len());
    Some(section)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn ranges(value: &Value) -> Vec<Range<f64>> {
    let pairs = value.as_array().expect("a list of ranges");
    pairs
        .iter()
        .map(|pair| number(&pair[0])..number(&pair[1]))
        .collect()
}

#[test]
fn hashes() {
    for case in section("hash").into_iter().flatten() {
        let version = u32::try_from(case[2].as_u64().expect("a version")).expect("small");
        let got = hash(text(&case[0]), text(&case[1]), version);
        assert_eq!(got, case[3].as_f64(), "{case}");
    }
}

#[test]
fn ranges_of_buckets() {
    // The published values are rounded to 6 places, as GrowthBook's own test rounds them.
    let rounded = |n: f64| (n * 1e6).round() / 1e6;
    for case in section("getBucketRange").into_iter().flatten() {
        let input = &case[1];
        let weights: Option<Vec<f64>> = input[2]
            .as_array()
            .map(|weights| weights.iter().map(number).collect());
        let variations = usize::try_from(input[0].as_u64().expect("a count")).expect("small");
        let got: Vec<Range<f64>> = bucket_ranges(variations, number(&input[1]), weights.as_deref())
            .into_iter()
            .map(|range| rounded(range.start)..rounded(range.end))
            .collect();
        assert_eq!(got, ranges(&case[2]), "{case}");
    }
}

#[test]
fn chosen_variations() {
    for case in section("chooseVariation").into_iter().flatten() {
        let got = choose_variation(number(&case[1]), &ranges(&case[2]));
        let got = got.map_or(-1, |index| i64::try_from(index).expect("small"));
        assert_eq!(Some(got), case[3].as_i64(), "{case}");
    }
}

#[test]
fn namespaces() {
    for case in section("inNamespace").into_iter().flatten() {
        let namespace = Namespace {
            id: text(&case[2][0]).to_owned(),
            share: number(&case[2][1])..number(&case[2][2]),
        };
        let got = in_namespace(text(&case[1]), &namespace);
        assert_eq!(Some(got), case[3].as_bool(), "{case}");
    }
}

/// Some of the cases in the source, so that the functions are tested even without the data.
#[test]
fn published_values_without_the_data() {
    assert_eq!(bucket_ranges(2, 0.5, None), vec![0.0..0.25, 0.5..0.75]);
    assert_eq!(
        bucket_ranges(3, 1.0, Some(&[0.2, 0.3, 0.5])),
        vec![0.0..0.2, 0.2..0.5, 0.5..1.0]
    );
    assert_eq!(bucket_ranges(2, -0.2, None), vec![0.0..0.0, 0.5..0.5]);
    assert_eq!(choose_variation(0.4, &[0.0..0.25, 0.5..0.75]), None);
    assert_eq!(
        choose_variation(0.5, &[0.0..0.5, 0.5..0.5, 0.5..1.0]),
        Some(2)
    );
    let namespace = |id: &str, share| Namespace {
        id: id.to_owned(),
        share,
    };
    assert!(!in_namespace("1", &namespace("namespace1", 0.0..0.4)));
    assert!(in_namespace("1", &namespace("namespace1", 0.4..1.0)));
    assert!(in_namespace("3", &namespace("namespace2", 0.0..0.4)));
}
