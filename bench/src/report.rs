//! This file is about the report: what was measured, how, and which targets hold; on the terminal and as Markdown.

use std::fmt::Write as _;

use crate::machine::Machine;

pub(crate) mod figures;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use table::Table;

/// A target of the project, with the figure that is held against it.
pub(crate) struct Target {
    /// What is promised.
    pub(crate) promise: &'static str,
    /// What was measured, if it was.
    pub(crate) measured: Option<f64>,
    /// What the figure may be.
    pub(crate) bound: Bound,
    /// The figure's unit, with a space in front; empty for a ratio.
    pub(crate) unit: &'static str,
}

/// On which side of a value a figure has to be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Target {
    /// What became of it, in words.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.measured, self.bound) {
            (None, _) => "not measured",
            (Some(figure), Bound::AtLeast(bound)) if figure >= bound => "holds",
            (Some(figure), Bound::AtMost(bound)) if figure <= bound => "holds",
            (Some(_), _) => "**falls short**",
        }
    }

    fn row(&self) -> Vec<String> {
        let bound = match self.bound {
            Bound::AtLeast(bound) => format!("at least {bound}{}", self.unit),
            Bound::AtMost(bound) => format!("at most {bound}{}", self.unit),
        };
        let measured =
            self.measured.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.2}{}", self.unit));
        vec![self.promise.to_owned(), bound, measured, self.verdict().to_owned()]
    }
}

/// What one scenario found out.
pub(crate) struct Section {
    /// Its heading.
    pub(crate) title: &'static str,
    /// How it was measured, a paragraph each.
    pub(crate) method: Vec<String>,
    /// What was measured.
    pub(crate) tables: Vec<Table>,
    /// What that means for the targets.
    pub(crate) targets: Vec<Target>,
    /// Why figures are missing, where they are.
    pub(crate) missing: Option<String>,
}

/// The whole report.
pub(crate) struct Report {
    /// Where it was measured.
    pub(crate) machine: Machine,
    /// When, if that was said.
    pub(crate) date: Option<String>,
    /// How long the runs were.
    pub(crate) plan: String,
    /// The scenarios, in order.
    pub(crate) sections: Vec<Section>,
}

impl Section {
    /// The section as Markdown, readable on a terminal too.
    pub(crate) fn markdown(&self) -> String {
        let mut parts = vec![format!("## {}", self.title)];
        parts.extend(self.method.iter().cloned());
        parts.extend(self.tables.iter().map(Table::markdown));
        if let Some(missing) = &self.missing {
            parts.push(format!("**Not measured:** {missing}"));
        }
        if !self.targets.is_empty() {
            parts.push(target_table(&self.targets).markdown());
        }
        parts.join("\n\n") + "\n"
    }
}

impl Report {
    /// The report as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(PREFACE);
        if let Some(date) = &self.date {
            let _ = writeln!(text, "\nMeasured on {date}.");
        }
        let mut machine = Table::new("The machine and the programs", &["what", "which"]);
        for (what, which) in &self.machine.facts {
            machine.row([(*what).to_owned(), which.clone()]);
        }
        let _ = write!(text, "\n{}\n\n{}\n", machine.markdown(), self.plan);
        let targets: Vec<&Target> = self.sections.iter().flat_map(|section| &section.targets).collect();
        if !targets.is_empty() {
            let _ = write!(text, "\n## The targets\n\n{}\n", target_table(targets).markdown());
        }
        for section in &self.sections {
            let _ = write!(text, "\n{}", section.markdown());
        }
        text
    }
}

/// What every report begins with.
const PREFACE: &str = "# How fast

This page is written by `bench/run`, which measures Keyward beside its floors and its peers. Read the ratios: the
absolute figures are those of one machine on one day. What is compared took turns within one run (A B A B ...);
each round gives one ratio, and the median of the ratios is what stands here. Rates and latencies are medians over
the rounds, with the range of the rounds beside the rates. All traffic goes over loopback. Before each durable run
everything written earlier is synced, so that nobody pays for what another has left behind.
";

fn target_table<'a>(targets: impl IntoIterator<Item = &'a Target>) -> Table {
    let mut table = Table::new("", &["target", "bound", "measured", "verdict"]);
    for target in targets {
        table.row(target.row());
    }
    table
}
