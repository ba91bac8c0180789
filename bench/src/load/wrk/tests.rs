//! What is made of wrk's words.

use super::*;

#[test]
fn figures_are_read() {
    let printed = "Running 5s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n\
                   figures requests=500000 micros=5000000 p50=520 p99=1100 failed=0\n";
    let reading = figures(printed).unwrap();
    assert_eq!(reading.rate(), 100_000.0);
    assert_eq!(reading.p50, Duration::from_micros(520));
    assert_eq!(reading.p99, Duration::from_micros(1100));
}

#[test]
fn failed_requests_and_missing_figures_are_errors() {
    let failed = "figures requests=5 micros=5 p50=5 p99=11 failed=2\n";
    assert!(figures(failed).unwrap_err().to_string().starts_with("2 requests failed"));
    assert!(figures("Running 5s test\n").is_err());
    assert!(figures("figures requests=5 micros=5 p50=5 failed=0\n").is_err());
}
