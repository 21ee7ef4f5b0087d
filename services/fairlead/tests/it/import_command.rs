//! `fairlead import` as a user runs it.

use std::process::Output;

use crate::binary::{UpProcess, fairlead, printed};
use crate::up::file;

const HEADER: &str = "product_id,name,kind,currency,deposit.yield_ppm,deposit.tenor_months,deposit.min_amount.minor\n";

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_short_catalogue_replaces_a_long_one_only_when_told_so() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = UpProcess::up(&folder.path().join("data"))?;
    let row = |id: usize| format!("D-{id},Deposit {id},deposit,CNY,15000,12,5000\n");
    let all: String = (1..=30).map(row).collect();
    let all = file(folder.path(), "all.csv", &format!("{HEADER}{all}"))?;
    let said = server.run_ok(&["import", "catalogue", &all, "--replace-all"])?;
    assert!(
        said.contains("30 products new, 0 changed, 0 withdrawn"),
        "{said}"
    );
    server.run_ok(&["release", "draft-defaults"])?;
    server.run_ok(&["release", "publish"])?;
    let two: String = (1..=2).map(row).collect();
    let two = file(folder.path(), "two.csv", &format!("{HEADER}{two}"))?;
    let short = ["import", "catalogue", two.as_str(), "--replace-all"];
    let refused = server.run(&short)?;
    assert_eq!(refused.status.code(), Some(1), "nobody can be asked");
    let said = complaint(&refused);
    for shown in ["28 products", "D-10", "Deposit 22", "and 8 more", "--yes"] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
    let dry = server.run_ok(&[&short[..], &["--dry-run"]].concat())?;
    assert!(dry.contains("28 products would go away: D-10"), "{dry}");
    let again = server.run_ok(&["import", "catalogue", &all])?;
    assert!(
        again.contains("0 products new, 0 changed"),
        "nothing was withdrawn: {again}"
    );
    let yes = server.run_ok(&[&short[..], &["--yes"]].concat())?;
    assert!(
        yes.contains("0 products new, 0 changed, 28 withdrawn"),
        "{yes}"
    );
    let refused = server.run(&["release", "publish"])?;
    assert!(!refused.status.success() && complaint(&refused).contains("at least 28"));
    server.run_ok(&["release", "publish", "--allow-removals", "28"])?;
    assert_eq!(server.stop()?, Some(0));
    Ok(())
}

#[test]
fn a_dry_run_needs_no_server_and_the_exit_code_says_that_rows_were_rejected() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let text = "客户号;生日;consent.personalisation\nc1;19900517;yes\nc2;1990;no\n";
    let customers = file(folder.path(), "customers.csv", text)?;
    let dry = [
        "import",
        "customers",
        &customers,
        "--dry-run",
        "--map",
        "客户号=customer_id",
        "--map",
        "生日=birth_date_ms",
        "--time-unit",
        "yyyymmdd",
    ];
    let output = fairlead(&dry).output()?;
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stdout);
    for shown in [
        "fields are divided by semicolons",
        "1990-05-17",
        "2 rows read, 1 usable, 1 rejected",
        "nothing was sent",
        "line 3: birth_date_ms `1990`",
        "customers.csv.rejects.csv keeps the rejected rows",
    ] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_imported_is_said_with_what_is_allowed() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let text = "customer_id,region\nc1,310000\n";
    let customers = file(folder.path(), "customers.csv", text)?;
    for (arguments, expected) in [
        (["--time-zone", "Mars"], "Asia/Shanghai"),
        (["--time-unit", "h"], "yyyymmdd"),
        (["--encoding", "x"], "gb18030"),
        (["--delimiter", "x"], "tab"),
        (["--map", "a"], "COLUMN=FIELD"),
        (["--map", "a=shoe_size"], "no field `shoe_size`"),
    ] {
        let refused =
            fairlead(&[&["import", "events", &customers][..], &arguments].concat()).output()?;
        assert!(!refused.status.success(), "{arguments:?}");
        let said = complaint(&refused);
        assert!(said.contains(expected), "{said}");
    }
    let nobody = ["import", "events", "--server", "http://127.0.0.1:1"];
    let events = file(
        folder.path(),
        "events.csv",
        "customer_id,kind\nc1,app_opened\n",
    )?;
    let refused = fairlead(&[&nobody[..], &[&events]].concat()).output()?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("`fairlead up` starts one"));
    let own = ["import", "customers", &customers, "--rejects", &customers];
    let refused = fairlead(&own).output()?;
    assert!(complaint(&refused).contains("is the file that is imported"));
    assert_eq!(
        std::fs::read_to_string(&customers)?,
        text,
        "it is still there"
    );
    let empty = file(folder.path(), "empty.csv", "customer_id,kind\n")?;
    let refused = fairlead(&["import", "events", &empty, "--dry-run"]).output()?;
    assert!(printed(&refused).is_err() && complaint(&refused).contains("has no rows"));
    Ok(())
}
