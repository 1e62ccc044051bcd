//! Sites in plates and loops are written with their indices.
//!
//! ```text
//! plate i in 0..n { eta ~ normal(0, 1) }      becomes      plate i in 0..n { eta[i] ~ normal(0, 1) }
//! ```
//!
//! Only a draw that stands directly in plates and loops and has no index gets theirs, outermost first.
//! In the same body the name alone still means this element, so its uses there stay as they are.

use crate::ast::*;

/// Adds the missing indices.
pub fn index_sites(file: &mut File) {
    for item in &mut file.items {
        match &mut item.kind {
            ItemKind::Model(ProgramDecl { body, .. })
            | ItemKind::Guide(ProgramDecl { body, .. })
            | ItemKind::Predict(body) => in_block(body, &mut vec![]),
            _ => {}
        }
    }
}

fn in_block(block: &mut Block, indices: &mut Vec<Ident>) {
    for stmt in &mut block.stmts {
        match &mut stmt.kind {
            // `_` names no index that could be written.
            StmtKind::Sample(site)
                if site.indices.is_empty() && indices.iter().all(|index| index.name != "_") =>
            {
                site.indices = indices.iter().map(use_of).collect();
            }
            StmtKind::Plate { index, body, .. } | StmtKind::Loop { index, body, .. } => {
                indices.push(index.clone());
                in_block(body, indices);
                indices.pop();
            }
            _ => {}
        }
    }
}

fn use_of(index: &Ident) -> Expr {
    Expr { kind: ExprKind::Name(index.name.clone()), span: index.span }
}
