//! What the test runners report, as counts.
//!
//! What holds always here: a report that is not understood is an error, never "0 failed".

use std::ops::AddAssign;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Numbers of test cases by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ran and succeeded.
    pub passed: usize,
    /// Ran and failed, or could not be run.
    pub failed: usize,
    /// Left out.
    pub skipped: usize,
}

impl Counts {
    /// All cases, run or not.
    pub fn total(self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Reads the JUnit file that nextest, `node --test` and pytest write.
pub fn junit_file(path: &Path) -> Result<Counts> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the runner left no report {}", path.display()))?;
    junit(&text).with_context(|| format!("report {}", path.display()))
}

/// Counts the cases of a JUnit report. The totals in its suites' attributes are not used: each
/// runner has its own idea of them.
fn junit(text: &str) -> Result<Counts> {
    // Test output with terminal colours puts characters there that XML does not allow.
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
    let document = roxmltree::Document::parse(&text).context("not XML")?;
    let root = document.root_element();
    if !matches!(root.tag_name().name(), "testsuites" | "testsuite") {
        bail!("not a JUnit report: the root element is <{}>", root.tag_name().name());
    }
    let mut counts = Counts::default();
    for case in root.descendants().filter(|node| node.has_tag_name("testcase")) {
        let has = |name| case.children().any(|child| child.has_tag_name(name));
        if has("failure") || has("error") {
            counts.failed += 1;
        } else if has("skipped") {
            counts.skipped += 1;
        } else {
            counts.passed += 1;
        }
    }
    Ok(counts)
}

/// Sums the `test result:` lines of the standard test harness (`cargo test`).
pub fn libtest(output: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut lines = 0;
    for line in output.lines() {
        let Some(rest) = line.trim().strip_prefix("test result: ") else { continue };
        // "ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s"
        let (_, rest) = rest.split_once(". ").with_context(|| format!("unknown line: {line}"))?;
        let number = |what: &str| {
            rest.split(';')
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse::<usize>().ok())
                .with_context(|| format!("no number of `{what}` in: {line}"))
        };
        counts += Counts {
            passed: number("passed")?,
            failed: number("failed")?,
            skipped: number("ignored")? + number("filtered out")?,
        };
        lines += 1;
    }
    if lines == 0 {
        bail!("the test harness printed no `test result:` line");
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_report() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="1" uuid="x" time="0.045">
    <testsuite name="a" tests="3" disabled="0" errors="1" failures="1">
        <testcase name="t::ok" classname="a" time="0.004"><system-out>fine &lt;testcase/></system-out></testcase>
        <testcase name="t::slow" classname="a"><failure type="test timeout"/></testcase>
        <testcase name="t::gone" classname="a"><error type="execution failure"/></testcase>
    </testsuite>
</testsuites>"#;
        assert_eq!(junit(text).unwrap(), Counts { passed: 1, failed: 2, skipped: 0 });
    }

    #[test]
    fn node_report_with_nested_suites_and_terminal_colours() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<testsuites>\n\
            <testcase name=\"ok > &quot;q&quot;\" time=\"0.1\" classname=\"test\"/>\n\
            <testcase name=\"bad\" failure=\"a > b\"><failure message=\"\u{1b}[31m\">\u{1b}[31mx</failure></testcase>\n\
            <testcase name=\"later\"><skipped type=\"todo\" message=\"true\"/></testcase>\n\
            <testsuite name=\"group\" tests=\"1\" failures=\"0\"><testcase name=\"in\"/></testsuite>\n\
            <!-- pass 2 -->\n</testsuites>";
        assert_eq!(junit(text).unwrap(), Counts { passed: 2, failed: 1, skipped: 1 });
    }

    #[test]
    fn pytest_report() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">
<testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3">
<testcase classname="t" name="a"/><testcase classname="t" name="b"><failure message="x">y</failure></testcase>
<testcase classname="t" name="c"><skipped type="pytest.skip">no</skipped></testcase></testsuite></testsuites>"#;
        assert_eq!(junit(text).unwrap(), Counts { passed: 1, failed: 1, skipped: 1 });
    }

    #[test]
    fn libtest_lines_are_summed() {
        let text = "running 2 tests\n..\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s\n\
            test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s\n";
        assert_eq!(libtest(text).unwrap(), Counts { passed: 6, failed: 2, skipped: 4 });
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(junit("").is_err());
        assert!(junit("3 tests passed").is_err());
        assert!(junit("<html/>").is_err());
        assert!(junit("<testsuites><testcase name=\"cut off\"").is_err());
        assert!(libtest("").is_err());
        assert!(libtest("12 passed in 0.1s").is_err());
        assert!(libtest("test result: ok. twelve passed; none failed").is_err());
    }
}
