use super::help::{each_text, pieces, Piece};
use clap::CommandFactory as _;
#[test]
fn dump() {
    let mut tree = crate::commands::Cli::command();
    tree.build();
    let mut seen = std::collections::HashSet::new();
    let mut texts = Vec::new();
    let mut heads = std::collections::BTreeSet::new();
    fn heading(c: &clap::Command, h: &mut std::collections::BTreeSet<String>, p: &mut Vec<String>) {
        for a in c.get_arguments() { if let Some(x) = a.get_help_heading() { h.insert(x.into()); }
            for v in a.get_possible_values() { if let Some(x) = v.get_help() { p.push(format!("{} {} {} {}", c.get_name(), a.get_id(), v.get_name(), x)); } } }
        for s in c.get_subcommands() { heading(s, h, p); }
    }
    let mut possible = Vec::new();
    heading(&tree, &mut heads, &mut possible);
    each_text(tree, &mut |text| {
        for piece in pieces(text) {
            if let Piece::Text(t) = piece && seen.insert(t.to_string()) { texts.push(t.to_string()); }
        }
        text.to_string()
    });
    std::fs::write("/tmp/w/lang-dump.json", serde_json::to_string(&(texts, heads, possible)).unwrap()).unwrap();
}
