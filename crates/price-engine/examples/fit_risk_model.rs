//! Fits `data/risk-model.yaml` to two published sources:
//!
//! - 10,000 loans of Lending Club, 2018 Q1 (openintro `loans_full_schema`): a logit of "charged off
//!   or more than 15 days late" on the interest rate gives the probability of default at a rate;
//!   raised from the median months paid to twelve, its log-odds are regressed on the borrower's
//!   bins, which gives the points.
//! - Default within two years of new loans by FICO score: Board of Governors of the Federal Reserve
//!   System, Report to the Congress on Credit Scoring (August 2007), table 2 of the background.
//!
//! The score's log-odds are the base; the bins' points are added as deviations from their mean.
//! Run: `cargo run --release -p fairlead-price-engine --example fit_risk_model -- FOLDER`, where
//! FOLDER holds `loans_2018q1.csv.gz`. Prints the characteristics and the grades' probabilities.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;

use flate2::read::GzDecoder;

type Row = HashMap<String, String>;

/// Reads a feature of a borrower from a row of the file.
type Read = fn(&Row) -> Option<f64>;

/// A feature, how a row gives it, and the bounds of its bins.
struct Feature {
    name: &'static str,
    of: Read,
    bounds: &'static [f64],
}

const FEATURES: [Feature; 5] = [
    Feature {
        name: "debt_to_income_ppm",
        of: |row| Some(number(row, "debt_to_income")? * 10_000.0),
        bounds: &[100_000.0, 200_000.0, 300_000.0],
    },
    Feature {
        name: "delinquencies_2y",
        of: |row| number(row, "delinq_2y"),
        bounds: &[1.0, 2.0],
    },
    Feature {
        name: "inquiries_12m",
        of: |row| number(row, "inquiries_last_12m"),
        bounds: &[1.0, 2.0, 4.0, 7.0],
    },
    Feature {
        name: "revolving_utilisation_ppm",
        of: |row| {
            let limit = number(row, "total_credit_limit").filter(|limit| *limit > 0.0)?;
            Some(number(row, "total_credit_utilized")? / limit * 1e6)
        },
        bounds: &[100_000.0, 300_000.0, 500_000.0, 700_000.0, 900_000.0],
    },
    Feature {
        name: "credit_history_months",
        of: |row| Some((2018.0 - number(row, "earliest_credit_line")?) * 12.0),
        bounds: &[96.0, 144.0, 216.0, 312.0],
    },
];

/// Lower bound of each band of the score, and percent in default within two years.
const FICO: [(f64, f64); 7] = [
    (0.0, 41.0),
    (520.0, 28.4),
    (560.0, 22.5),
    (600.0, 15.8),
    (640.0, 8.9),
    (680.0, 4.4),
    (720.0, 1.0),
];

/// Mean rate by grade of the same loans, percent.
const GRADES: [(&str, f64); 7] = [
    ("A", 6.74),
    ("B", 10.52),
    ("C", 14.18),
    ("D", 19.11),
    ("E", 25.10),
    ("F", 29.40),
    ("G", 30.80),
];

fn number(row: &Row, column: &str) -> Option<f64> {
    row.get(column)?.parse().ok()
}

fn logit(probability: f64) -> f64 {
    (probability / (1.0 - probability)).ln()
}

fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Solves `matrix * x = right` by elimination with pivoting.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| {
            matrix[*a][column]
                .abs()
                .total_cmp(&matrix[*b][column].abs())
        });
        let pivot = pivot.unwrap_or(column);
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in 0..size {
            if row != column {
                let factor = matrix[row][column] / matrix[column][column];
                let above = matrix[column].clone();
                for (value, above) in matrix[row].iter_mut().zip(above).skip(column) {
                    *value -= factor * above;
                }
                right[row] -= factor * right[column];
            }
        }
    }
    (0..size)
        .map(|place| right[place] / matrix[place][place])
        .collect()
}

/// Logit of default on the rate, by Newton's method: intercept and slope.
fn default_on_rate(loans: &[(f64, bool)]) -> Vec<f64> {
    let mut beta = vec![-5.0, 0.1];
    for _ in 0..50 {
        let mut gradient = vec![0.0; 2];
        let mut hessian = vec![vec![0.0; 2]; 2];
        for (rate, bad) in loans {
            let x = [1.0, *rate];
            let p = logistic(beta[0] + beta[1] * rate);
            for i in 0..2 {
                gradient[i] += (f64::from(u8::from(*bad)) - p) * x[i];
                for j in 0..2 {
                    hessian[i][j] += p * (1.0 - p) * x[i] * x[j];
                }
            }
        }
        let step = solve(hessian, gradient);
        beta.iter_mut()
            .zip(step)
            .for_each(|(beta, step)| *beta += step);
    }
    beta
}

/// The borrower's bins as indicators, the first of each feature left out, after a constant.
fn indicators(row: &Row) -> Option<Vec<f64>> {
    let mut x = vec![1.0];
    for feature in &FEATURES {
        let value = (feature.of)(row)?;
        let bin = feature.bounds.partition_point(|bound| *bound <= value);
        x.extend((1..=feature.bounds.len()).map(|place| f64::from(u8::from(place == bin))));
    }
    Some(x)
}

fn least_squares(xs: &[Vec<f64>], ys: &[f64]) -> Vec<f64> {
    let size = xs[0].len();
    let mut matrix = vec![vec![0.0; size]; size];
    let mut right = vec![0.0; size];
    for (x, y) in xs.iter().zip(ys) {
        for i in (0..size).filter(|i| x[*i] > 0.0) {
            right[i] += y;
            for j in 0..size {
                matrix[i][j] += x[j];
            }
        }
    }
    solve(matrix, right)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("usage: fit_risk_model FOLDER")?;
    let file = File::open(std::path::Path::new(&folder).join("loans_2018q1.csv.gz"))?;
    let rows: Vec<Row> = csv::Reader::from_reader(GzDecoder::new(file))
        .deserialize()
        .collect::<Result<_, _>>()?;
    let is_bad = |row: &Row| {
        matches!(
            row.get("loan_status").map(String::as_str),
            Some("Charged Off" | "Late (31-120 days)" | "Late (16-30 days)")
        )
    };
    let loans: Vec<(f64, bool)> = rows
        .iter()
        .filter_map(|row| Some((number(row, "interest_rate")?, is_bad(row))))
        .collect();
    let beta = default_on_rate(&loans);
    let mut paid: Vec<f64> = rows
        .iter()
        .filter_map(|row| Some(number(row, "paid_total")? / number(row, "installment")?))
        .collect();
    paid.sort_by(f64::total_cmp);
    let months = paid[paid.len() / 2];
    let one_year = |rate: f64| logistic(beta[0] + beta[1] * rate) * 12.0 / months;
    println!("# logit {beta:.4?}, median months paid {months:.2}");
    for (grade, rate) in GRADES {
        println!("# {grade}: pdPpm {:.0}", one_year(rate) * 1e6);
    }
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for row in &rows {
        if let (Some(x), Some(rate)) = (indicators(row), number(row, "interest_rate")) {
            xs.push(x);
            ys.push(logit(one_year(rate)));
        }
    }
    let points = least_squares(&xs, &ys);
    let mean = ys.iter().sum::<f64>() / ys.len() as f64 - points[0];
    print_model(&points, mean);
    Ok(())
}

fn print_model(points: &[f64], mean: f64) {
    let base: Vec<f64> = FICO
        .iter()
        .map(|(_, percent)| logit(1.0 - (1.0 - percent / 100.0_f64).sqrt()))
        .collect();
    let best = base[base.len() - 1];
    let intercept = best - mean;
    println!("intercept: {intercept:.3}");
    println!(
        "- feature: bureau_score\n  missingPoints: {:.3}\n  bins:",
        points[0] - intercept
    );
    for (place, log_odds) in base.iter().enumerate() {
        let upto = FICO
            .get(place + 1)
            .map_or(String::new(), |(next, _)| format!("upto: {next}, "));
        println!("    - {{{upto}points: {:.3}}}", log_odds - best);
    }
    let mut place = 1;
    for feature in &FEATURES {
        println!("- feature: {}\n  bins:", feature.name);
        for bin in 0..=feature.bounds.len() {
            let upto = feature
                .bounds
                .get(bin)
                .map_or(String::new(), |bound| format!("upto: {bound}, "));
            let value = if bin == 0 {
                0.0
            } else {
                points[place + bin - 1]
            };
            println!("    - {{{upto}points: {value:.3}}}");
        }
        place += feature.bounds.len();
    }
}
