//! A change of a file as `git apply` reads it.

use std::fmt::Write as _;

use similar::TextDiff;

use crate::merge::decide::Content;

/// The patch that makes `after` of `before`; `None` stands for no file.
#[must_use]
pub fn patch(path: &str, before: Option<&Content>, after: Option<&Content>) -> String {
    let mut text = format!("diff --git a/{path} b/{path}\n");
    let mode = |content: &Content| if content.executable { "100755" } else { "100644" };
    let _ = match (before, after) {
        (None, Some(after)) => writeln!(text, "new file mode {}", mode(after)),
        (Some(before), None) => writeln!(text, "deleted file mode {}", mode(before)),
        (Some(before), Some(after)) if before.executable != after.executable => {
            writeln!(text, "old mode {}\nnew mode {}", mode(before), mode(after))
        }
        _ => Ok(()),
    };
    let name = |side: &str, is_there: bool| {
        if is_there { format!("{side}/{path}") } else { "/dev/null".to_owned() }
    };
    let (from, to) = (name("a", before.is_some()), name("b", after.is_some()));
    let lines = |content: Option<&Content>| {
        content
            .map_or(Some(""), |content| std::str::from_utf8(&content.bytes).ok())
            .map(str::to_owned)
    };
    let (Some(old), Some(new)) = (lines(before), lines(after)) else {
        let _ = writeln!(text, "Binary files {from} and {to} differ");
        return text;
    };
    text + &TextDiff::from_lines(&old, &new).unified_diff().header(&from, &to).to_string()
}
