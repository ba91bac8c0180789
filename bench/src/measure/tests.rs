//! The statistics, against values worked out by hand.

use super::*;

fn reading(operations: u64, p50_micros: u64) -> Reading {
    Reading {
        operations,
        elapsed: Duration::from_secs(2),
        p50: Duration::from_micros(p50_micros),
        p99: Duration::from_micros(2 * p50_micros),
        cpu: Some(Duration::from_secs(1)),
    }
}

#[test]
fn median_of_odd_even_and_none() {
    assert_eq!(median(vec![9.0, 1.0, 4.0]), 4.0);
    assert_eq!(median(vec![9.0, 1.0, 4.0, 6.0]), 5.0);
    assert_eq!(median(vec![7.0]), 7.0);
    assert!(median(vec![]).is_nan());
}

/// The machine slows down tenfold between rounds: the medians of the rates would say 1.0 or worse, the rounds
/// all say 0.5.
#[test]
fn ratio_is_the_median_of_the_rounds_not_a_ratio_of_medians() {
    let mut board = Board::default();
    for (ours, floor) in [(500, 1_000), (50, 100), (60, 100)] {
        board.record("ours", reading(ours, 10));
        board.record("floor", reading(floor, 10));
    }
    assert_eq!(board.ratio("ours", "floor", Reading::rate), Some(0.5));
    let floor = board.of("floor").unwrap();
    assert_eq!(floor.median(Reading::rate), 50.0);
    assert_eq!(floor.range(Reading::rate), (50.0, 500.0));
}

#[test]
fn a_figure_over_several_contestants_needs_all_of_them() {
    let mut board = Board::default();
    board.record("a", reading(1, 30));
    board.record("b", reading(1, 10));
    let sum = board.each_round(["a", "b"], |[a, b]| a.p50_seconds() / (1.5 * b.p50_seconds()));
    assert!((sum.unwrap() - 2.0).abs() < 1e-9);
    assert_eq!(board.ratio("a", "absent", Reading::rate), None);
}

#[test]
fn quantiles_of_a_hundred_known_latencies() {
    let mut low = Latencies::new().unwrap();
    let mut high = Latencies::new().unwrap();
    (1..=50).for_each(|millis| low.record(Duration::from_millis(millis)));
    (51..=100).for_each(|millis| high.record(Duration::from_millis(millis)));
    let reading = Reading::of(&[low, high], Duration::from_secs(4)).unwrap();
    assert_eq!(reading.operations, 100);
    assert_eq!(reading.rate(), 25.0);
    assert!((reading.p50_seconds() - 0.050).abs() < 0.0001, "{:?}", reading.p50);
    assert!((reading.p99_seconds() - 0.099).abs() < 0.0001, "{:?}", reading.p99);
    assert!(reading.cpu_share().is_nan());
}

#[test]
fn processor_time_is_shared_out_over_all_rounds() {
    assert_eq!(reading(1_000, 10).cpu_share(), 0.5);
    let mut board = Board::default();
    for operations in [1_000, 3_000] {
        board.record("ours", reading(operations, 10));
        board.record("floor", reading(4_000, 10));
    }
    assert!((board.of("ours").unwrap().cpu_seconds_each() - 0.0005).abs() < 1e-12);
    assert!((board.cpu_ratio("ours", "floor").unwrap() - 2.0).abs() < 1e-9);
    assert_eq!(board.cpu_ratio("ours", "absent"), None);
}
