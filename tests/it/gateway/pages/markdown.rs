//! The code blocks of a page.

/// One code block, and the comment that stands before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line on which it begins.
    pub(super) line: usize,
    /// What stands behind the three ticks.
    pub(super) kind: String,
    /// The text of the comment; empty without one.
    pub(super) comment: String,
    pub(super) text: String,
}

pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut comment = String::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let text = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| *line != "```")
                .fold(String::new(), |text, line| text + line + "\n");
            blocks.push(Block {
                line: number + 1,
                kind: kind.to_owned(),
                comment: std::mem::take(&mut comment),
                text,
            });
        } else if let Some(text) = line.strip_prefix("<!-- ") {
            let text = text.strip_suffix(" -->").expect("a comment of one line");
            text.clone_into(&mut comment);
        } else if !line.is_empty() {
            assert!(
                comment.is_empty(),
                "line {number}: a comment with nothing below it"
            );
        }
    }
    blocks
}

#[test]
fn a_comment_belongs_to_the_block_below_it() {
    let page =
        "# A\n\n<!-- file a.rs -->\n```rust\nfn a() {}\n\n```\n\ntext\n\n```console\n$ ls\n```\n";
    let block = |line, kind: &str, comment: &str, text: &str| Block {
        line,
        kind: kind.to_owned(),
        comment: comment.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(
        blocks(page),
        [
            block(4, "rust", "file a.rs", "fn a() {}\n\n"),
            block(11, "console", "", "$ ls\n"),
        ]
    );
}
