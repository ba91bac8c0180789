//! How figures, tables and verdicts are written.

use std::time::Duration;

use super::*;
use crate::measure::{Board, Reading};

#[test]
fn figures_have_digits_that_mean_something() {
    assert_eq!(figures::whole(1_234_567.4), "1,234,567");
    assert_eq!(figures::whole(999.6), "1,000");
    assert_eq!(figures::whole(12.0), "12");
    assert_eq!(figures::duration(0.000_000_157), "157 ns");
    assert_eq!(figures::duration(0.000_118_4), "118 µs");
    assert_eq!(figures::duration(0.001_1), "1.10 ms");
    assert_eq!(figures::duration(12.34), "12.3 s");
    assert_eq!(figures::duration(f64::NAN), "–");
    assert_eq!(figures::ratio(Some(0.925)), "0.93");
    assert_eq!(figures::ratio(None), "–");
    assert_eq!(figures::ratio(Some(f64::NAN)), "–");
}

#[test]
fn tables_line_up() {
    let mut table = Table::new("Sizes", &["what", "n"]);
    table.row(["µ".to_owned(), "1,000".to_owned()]);
    assert_eq!(table.markdown(), "Sizes:\n\n| what | n     |\n|------|-------|\n| µ    | 1,000 |");
}

#[test]
fn a_target_holds_up_to_its_bound_and_not_without_a_figure() {
    let target = |measured, bound| Target { promise: "p", measured, bound, unit: "" };
    assert_eq!(target(Some(0.85), Bound::AtLeast(0.85)).verdict(), "holds");
    assert_eq!(target(Some(0.84), Bound::AtLeast(0.85)).verdict(), "**falls short**");
    assert_eq!(target(Some(1.0), Bound::AtMost(1.0)).verdict(), "holds");
    assert_eq!(target(Some(1.1), Bound::AtMost(1.0)).verdict(), "**falls short**");
    assert_eq!(target(Some(f64::NAN), Bound::AtMost(1.0)).verdict(), "**falls short**");
    assert_eq!(target(None, Bound::AtMost(1.0)).verdict(), "not measured");
}

#[test]
fn rates_are_given_as_multiples_of_each_base() {
    let mut board = Board::default();
    for (name, operations) in [("ours", 50), ("floor", 100)] {
        let p50 = Duration::from_micros(20);
        let elapsed = Duration::from_secs(1);
        board.record(name, Reading { operations, elapsed, p50, p99: 2 * p50, cpu: None });
    }
    let text =
        figures::rates("Rates", &board, &[("of the floor", "floor"), ("of nobody", "nobody")]).markdown();
    assert!(
        text.contains("| ours  | 50         | 50 – 50   | 20.0 µs | 40.0 µs | 0.50         | –         |"),
        "{text}"
    );
}

/// A section that was left out says so, and its target counts as not measured, never as holding.
#[test]
fn what_is_missing_is_said() {
    let section = Section {
        title: "T",
        method: vec!["How.".to_owned()],
        tables: vec![],
        targets: vec![Target { promise: "p", measured: None, bound: Bound::AtMost(5.0), unit: " s" }],
        missing: Some("no binary.".to_owned()),
    };
    let machine = Machine { facts: vec![("memory", "1 GiB".to_owned())] };
    let report =
        Report { machine, date: Some("a day".to_owned()), plan: "P.".to_owned(), sections: vec![section] };
    let text = report.markdown();
    assert!(text.contains("Measured on a day."));
    assert!(text.contains("## T\n\nHow.\n\n**Not measured:** no binary.\n\n| target"), "{text}");
    assert_eq!(text.matches("| p      | at most 5 s | –        | not measured |").count(), 2, "{text}");
}
