//! This file is about how figures are written: with the digits that mean something, and a unit.

use crate::measure::{Board, Reading, Series};
use crate::report::table::Table;

/// A whole number with its thousands apart.
pub(crate) fn whole(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A duration given in seconds, in the unit that suits it.
pub(crate) fn duration(seconds: f64) -> String {
    let (figure, unit) = match seconds {
        s if s.is_nan() => return "–".to_owned(),
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let decimals = match figure {
        f if f < 10.0 => 2,
        f if f < 100.0 => 1,
        _ => 0,
    };
    format!("{figure:.decimals$} {unit}")
}

/// A ratio, or a dash where there is none.
pub(crate) fn ratio(figure: Option<f64>) -> String {
    match figure {
        Some(figure) if figure.is_finite() => format!("{figure:.2}"),
        Some(_) | None => "–".to_owned(),
    }
}

/// What stands over [`rate`]'s cells.
const RATE: [&str; 5] = ["", "per second", "range", "p50", "p99"];

/// Whose rate it is, its median and range, and its latencies.
fn rate(series: &Series) -> Vec<String> {
    let (low, high) = series.range(Reading::rate);
    vec![
        series.name.clone(),
        whole(series.median(Reading::rate)),
        format!("{} – {}", whole(low), whole(high)),
        duration(series.median(Reading::p50_seconds)),
        duration(series.median(Reading::p99_seconds)),
    ]
}

/// A table of rates and of the server's processor time, both beside a base's. `base` names the series to compare one with.
pub(crate) fn costs(caption: &'static str, board: &Board, of: &str, base: impl Fn(&str) -> String) -> Table {
    let (beside, time) = (format!("rate, of {of}"), format!("time, of {of}"));
    let mut columns = RATE.to_vec();
    columns.extend([beside.as_str(), "processor time", &time]);
    let mut table = Table::new(caption, &columns);
    for series in board.series() {
        let base = base(&series.name);
        let mut cells = rate(series);
        cells.extend([
            ratio(board.ratio(&series.name, &base, Reading::rate)),
            duration(series.cpu_seconds_each()),
            ratio(board.cpu_ratio(&series.name, &base)),
        ]);
        table.row(cells);
    }
    table
}

/// A table of rates: everybody's rate, range and latencies, and the rate as a multiple of each base's.
pub(crate) fn rates(caption: &'static str, board: &Board, bases: &[(&str, &str)]) -> Table {
    let mut columns = RATE.to_vec();
    columns.extend(bases.iter().map(|(heading, _)| heading));
    let mut table = Table::new(caption, &columns);
    for series in board.series() {
        let mut cells = rate(series);
        cells.extend(bases.iter().map(|(_, base)| ratio(board.ratio(&series.name, base, Reading::rate))));
        table.row(cells);
    }
    table
}
