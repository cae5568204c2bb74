//! Bars as SVG, readable on white and on black.

use std::fmt::Write as _;

use crate::bench::subjects::Kind;

const WIDTH: usize = 720;
/// Where bars begin; names of groups and subjects stand left of it.
const LEFT: usize = 150;
/// Room for the number behind the longest bar.
const RIGHT: usize = 70;
const BAR: usize = 16;
const GAP: usize = 14;
const TITLE: usize = 34;

/// A chart of several groups of bars.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    pub(super) groups: Vec<Group>,
}

/// Bars that are compared with each other.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) bars: Vec<(Kind, f64)>,
}

impl Chart<'_> {
    pub(super) fn svg(&self) -> String {
        let bars = self
            .groups
            .iter()
            .map(|group| group.bars.len())
            .sum::<usize>();
        let height = TITLE + self.groups.len() * (BAR + GAP) + bars * BAR;
        let longest = self
            .groups
            .iter()
            .flat_map(|group| &group.bars)
            .map(|(_, value)| *value)
            .fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n{STYLE}\
             <title>{0}</title>\n<text class=\"title\" x=\"0\" y=\"18\">{0}</text>\n",
            self.title
        );
        let mut y = TITLE;
        for group in &self.groups {
            let baseline = y + BAR - 3;
            let _ = writeln!(
                svg,
                "<text class=\"group\" x=\"0\" y=\"{baseline}\">{}</text>",
                group.name
            );
            y += BAR;
            for (kind, value) in &group.bars {
                bar(&mut svg, y, *kind, *value, longest);
                y += BAR;
            }
            y += GAP;
        }
        svg + "</svg>\n"
    }
}

fn bar(svg: &mut String, y: usize, kind: Kind, value: f64, longest: f64) {
    let width = value / longest * (WIDTH - LEFT - RIGHT) as f64;
    let baseline = y + BAR - 4;
    let end = LEFT as f64 + width + 6.0;
    let name = kind.name();
    let number = if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    };
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{baseline}\" text-anchor=\"end\">{name}</text>\
         <rect class=\"{name}\" x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\"/>\
         <text x=\"{end:.1}\" y=\"{baseline}\">{number}</text>",
        LEFT - 8,
        y + 2,
        BAR - 4,
    );
}

/// Text follows the reader's colours; bars are of a brightness that stands out on both.
const STYLE: &str = "<style>
text { font: 12px sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: bold; }
.group { font-weight: bold; }
.loom { fill: #d9622b; }
.hyper { fill: #8b949e; }
.nginx { fill: #2f9e44; }
.haproxy { fill: #1c7ed6; }
.envoy { fill: #9c59b6; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } }
</style>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let chart = Chart {
            title: "CPU",
            groups: vec![Group {
                name: "plain".to_owned(),
                bars: vec![(Kind::Loom, 25.0), (Kind::Envoy, 50.0)],
            }],
        };
        let svg = chart.svg();
        assert!(
            svg.contains("class=\"envoy\" x=\"150\" y=\"68\" width=\"500.0\""),
            "{svg}"
        );
        assert!(
            svg.contains("class=\"loom\" x=\"150\" y=\"52\" width=\"250.0\""),
            "{svg}"
        );
    }
}
