//! A refusal with its findings, as people and machines can read it.

use fairlead_chassis::status::CallError;
use fairlead_proto::control::v1::Finding;
use tonic::Code;

/// Details travel in a header, of which clients take 16 KiB in all. What does not fit is counted;
/// `CheckDraft` and `LintStrategy` list everything in their answers.
const MAX_DETAIL_BYTES: usize = 6_000;

/// The longest single finding, in characters.
const MAX_FINDING: usize = 400;

/// Returns what is told of something refused: its findings as `google.rpc.BadRequest` violations
/// (field: the rule), and `google.rpc.ErrorInfo` with how many there are.
pub(crate) fn call_error(what: &str, sent: bool, findings: &[Finding]) -> CallError {
    let mut violations: Vec<(String, String)> = Vec::new();
    let mut bytes = 0;
    // Errors first: they are what must be mended.
    let (errors, warnings): (Vec<_>, Vec<_>) = findings
        .iter()
        .partition(|finding| finding.severity == "error");
    for finding in errors.iter().chain(&warnings) {
        let message: String = finding.message.chars().take(MAX_FINDING).collect();
        bytes += finding.rule.len() + message.len() + 16;
        if bytes > MAX_DETAIL_BYTES {
            break;
        }
        violations.push((finding.rule.clone(), message));
    }
    let mut message = format!("{what} is refused with {} findings", findings.len());
    if let Some((_, first)) = violations.first() {
        message = format!("{message}; the first: {first}");
    }
    let data = [
        ("errors", errors.len().to_string()),
        ("warnings", warnings.len().to_string()),
        ("listed", violations.len().to_string()),
    ];
    let code = if sent {
        Code::InvalidArgument
    } else {
        Code::FailedPrecondition
    };
    CallError::with_reason(code, "REFUSED", message, data).with_violations(violations)
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;

    fn finding(severity: &str, message: String) -> Finding {
        Finding {
            severity: severity.to_owned(),
            rule: "range".to_owned(),
            message,
            ..Finding::default()
        }
    }

    #[test]
    fn findings_are_listed_errors_first() {
        let findings = [finding("warning", "w".into()), finding("error", "e".into())];
        let status = Status::from(call_error("the draft", false, &findings));
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(
            status.message(),
            "the draft is refused with 2 findings; the first: e"
        );
        let listed = status
            .get_details_bad_request()
            .expect("violations")
            .field_violations;
        let listed: Vec<&str> = listed.iter().map(|one| one.description.as_str()).collect();
        assert_eq!(listed, ["e", "w"]);
    }

    #[test]
    fn what_does_not_fit_a_header_is_counted() {
        let findings: Vec<Finding> = (0..1_000)
            .map(|at| finding("error", format!("{at} {}", "值".repeat(500))))
            .collect();
        let status = Status::from(call_error("the products", true, &findings));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.details().len() < 8_000, "{}", status.details().len());
        let info = status.get_details_error_info().expect("info").metadata;
        assert_eq!(info["errors"], "1000");
        let listed = status
            .get_details_bad_request()
            .expect("violations")
            .field_violations
            .len();
        assert_eq!(info["listed"], listed.to_string());
        assert!(listed > 1);
    }
}
