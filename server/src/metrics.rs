//! This file is about metrics: counters and gauges in the Prometheus text format, none of which ever carries a
//! secret, an id or anything that a client chose.

use keyward_core::permit::Verb;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// The metrics of a server, registered once, so that counting is one addition.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Vec<(u16, IntCounter)>,
    verbs: Vec<Histogram>,
    pub(crate) verdicts_valid: IntCounter,
    pub(crate) verdicts_refused: IntCounter,
    pub(crate) wrong_credentials: IntCounter,
    pub(crate) connections: IntGauge,
    pub(crate) live_keys: IntGauge,
    pub(crate) log_size: IntGauge,
    pub(crate) locked: IntGauge,
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
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let answers = Opts::new("keyward_answers_total", "Answers to requests, by status.");
        let answers = kept(&registry, IntCounterVec::new(answers, &["status"])?)?;
        let commands = HistogramOpts::new("keyward_command_seconds", "How long commands took, by verb.");
        let commands = HistogramVec::new(commands.buckets(BOUNDS.to_vec()), &["verb"])?;
        let commands = kept(&registry, commands)?;
        let verdicts =
            Opts::new("keyward_verdicts_total", "Verdicts on keys that were presented, by outcome.");
        let verdicts = kept(&registry, IntCounterVec::new(verdicts, &["valid"])?)?;
        let counter = |name, help| kept(&registry, IntCounter::new(name, help)?);
        let gauge = |name, help| kept(&registry, IntGauge::new(name, help)?);
        Ok(Self {
            answers: STATUSES
                .map(|status| (status, answers.with_label_values(&[&status.to_string()])))
                .into(),
            verbs: Verb::ALL.iter().map(|verb| commands.with_label_values(&[verb.word()])).collect(),
            verdicts_valid: verdicts.with_label_values(&["true"]),
            verdicts_refused: verdicts.with_label_values(&["false"]),
            wrong_credentials: counter("keyward_wrong_credentials_total", "Credentials that were nobody's.")?,
            connections: gauge("keyward_connections", "Connections that are open.")?,
            live_keys: gauge("keyward_live_keys", "Keys that are live.")?,
            log_size: gauge("keyward_log_size", "Events in the log.")?,
            locked: gauge("keyward_locked", "1 while nothing is accepted, otherwise 0.")?,
            registry,
        })
    }

    /// Counts an answer.
    pub(crate) fn answered(&self, status: u16) {
        if let Some((_, counter)) = self.answers.iter().find(|(known, _)| *known == status) {
            counter.inc();
        }
    }

    /// Notes how long a verb took.
    pub(crate) fn took(&self, verb: Verb, seconds: f64) {
        if let Some(histogram) = self.verbs.get(verb as usize) {
            histogram.observe(seconds);
        }
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// What measures, and is shown from now on.
fn kept<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
