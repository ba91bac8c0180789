//! This file is about metrics: counters and gauges in the Prometheus text format, none of which ever carries a
//! secret, an id or anything that a client chose.

use keyward_core::permit::Verb;
use metrics::{Counter, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// The metrics of a server, registered once, so that counting is one addition.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    requests: Vec<(u16, Counter)>,
    verbs: Vec<Histogram>,
    pub(crate) verdicts_valid: Counter,
    pub(crate) verdicts_refused: Counter,
    pub(crate) wrong_credentials: Counter,
    pub(crate) connections: Gauge,
    pub(crate) live_keys: Gauge,
    pub(crate) log_size: Gauge,
    pub(crate) locked: Gauge,
}

/// The statuses that answers have.
const STATUSES: [u16; 24] = [
    200, 201, 202, 204, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 415, 418, 422, 423, 429,
    431, 500, 503,
];

/// The bounds of the histogram of durations, in seconds.
const BOUNDS: [f64; 11] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

impl Metrics {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new().set_buckets(&BOUNDS)?.build_recorder();
        let handle = recorder.handle();
        let registered = metrics::with_local_recorder(&recorder, || Self {
            handle,
            requests: STATUSES.iter().map(|status| (*status, status_counter(*status))).collect(),
            verbs: Verb::ALL.iter().map(|verb| verb_histogram(*verb)).collect(),
            verdicts_valid: metrics::counter!("keyward_verdicts_total", "valid" => "true"),
            verdicts_refused: metrics::counter!("keyward_verdicts_total", "valid" => "false"),
            wrong_credentials: metrics::counter!("keyward_wrong_credentials_total"),
            connections: metrics::gauge!("keyward_connections"),
            live_keys: metrics::gauge!("keyward_live_keys"),
            log_size: metrics::gauge!("keyward_log_size"),
            locked: metrics::gauge!("keyward_locked"),
        });
        Ok(registered)
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16) {
        if let Some((_, counter)) = self.requests.iter().find(|(known, _)| *known == status) {
            counter.increment(1);
        }
    }

    /// Notes how long a verb took.
    pub(crate) fn took(&self, verb: Verb, seconds: f64) {
        if let Some(histogram) = self.verbs.get(verb as usize) {
            histogram.record(seconds);
        }
    }

    /// Folds what was recorded into what is kept, so that it does not pile up.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> String {
        self.upkeep();
        self.handle.render()
    }
}

fn status_counter(status: u16) -> Counter {
    metrics::counter!("keyward_answers_total", vec![Label::new("status", status.to_string())])
}

fn verb_histogram(verb: Verb) -> Histogram {
    metrics::histogram!("keyward_command_seconds", vec![Label::new("verb", verb.word())])
}
