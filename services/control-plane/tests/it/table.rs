//! Role by method: every cell through a real connection. A method that the contracts have and this table
//! has not fails the test, and so does one that it has too many.

use std::collections::BTreeSet;

use fairlead_identity::Role;

use crate::guard::{call, methods, passed};
use crate::plane::{Bearer, Home, Plane, Way, on_both, service_token};

/// The roles that may read everything but people, audit and access.
const READERS: &str = "viewer owner marketing risk scientist operator auditor admin";
/// Every role.
const ALL: &str = "viewer owner marketing risk scientist operator support auditor admin";
const AUDIT: &str = "risk operator auditor admin";
const FOLLOWERS: &str = "gateway profile recall ranking pricing";

/// The services whose column the table has.
const SERVICES: [&str; 5] = ["gateway", "profile", "recall", "ranking", "pricing"];

/// Per method the roles and the services that may call it; "anyone" where nobody need be known.
const TABLE: &[(&str, &str, &str)] = &[
    ("access.v1.AccessService/CreateKey", "admin", ""),
    ("access.v1.AccessService/CreatePerson", "admin", ""),
    ("access.v1.AccessService/DisablePerson", "admin", ""),
    ("access.v1.AccessService/FollowKeys", "", "gateway"),
    ("access.v1.AccessService/InvitePerson", "admin", ""),
    ("access.v1.AccessService/ListKeys", "admin", ""),
    ("access.v1.AccessService/ListPeople", "admin", ""),
    ("access.v1.AccessService/RevokeKey", "admin", ""),
    ("access.v1.AccessService/RotateKey", "admin", ""),
    ("access.v1.AccessService/SetRoles", "admin", ""),
    (
        "access.v1.SessionService/AcceptInvitation",
        "anyone",
        "anyone",
    ),
    ("access.v1.SessionService/GetProvider", "anyone", "anyone"),
    ("access.v1.SessionService/SignIn", "anyone", "anyone"),
    (
        "access.v1.SessionService/SignInByProvider",
        "anyone",
        "anyone",
    ),
    ("access.v1.SessionService/SignOut", ALL, ""),
    ("access.v1.SessionService/WhoAmI", ALL, ""),
    ("control.v1.AuditService/ListAudit", AUDIT, ""),
    ("control.v1.AuditService/VerifyAudit", AUDIT, ""),
    ("control.v1.DraftService/CheckDraft", READERS, ""),
    ("control.v1.DraftService/GetDraft", READERS, ""),
    ("control.v1.DraftService/LintStrategy", READERS, ""),
    (
        "control.v1.DraftService/PutExperiments",
        "owner marketing risk scientist",
        "",
    ),
    ("control.v1.DraftService/PutModel", "scientist", ""),
    ("control.v1.DraftService/PutProducts", "owner", ""),
    (
        "control.v1.DraftService/PutSettings",
        "owner marketing risk scientist",
        "",
    ),
    ("control.v1.DraftService/PutStrategy", "owner", ""),
    ("control.v1.ReleaseService/GetRelease", ALL, FOLLOWERS),
    ("control.v1.ReleaseService/ListInstances", READERS, ""),
    ("control.v1.ReleaseService/ListReleases", ALL, ""),
    (
        "control.v1.ReleaseService/Publish",
        "owner marketing risk operator",
        "",
    ),
    ("control.v1.ReleaseService/Report", "", FOLLOWERS),
    (
        "control.v1.ReleaseService/RollBack",
        "owner risk operator",
        "",
    ),
    ("control.v1.ReleaseService/Watch", ALL, FOLLOWERS),
];

/// Returns the methods in the order of the table, but for the one that ends the session of its caller.
fn in_order() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = TABLE.iter().map(|(name, roles, services)| {
        let path = methods().find(|path| path.strip_prefix("/fairlead.") == Some(name));
        (path.unwrap_or(name), *roles, *services)
    });
    let (last, mut first): (Vec<_>, Vec<_>) =
        rows.partition(|(path, ..)| path.ends_with("/SignOut"));
    first.extend(last);
    first
}

/// Calls every method, and checks which calls reach their handler.
async fn column(who: &str, way: &Way, cell: impl Fn(&(&str, &str, &str)) -> bool) {
    for row in in_order() {
        let outcome = call(way.clone(), row.0).await;
        assert_eq!(passed(&outcome), cell(&row), "{who} {}: {outcome:?}", row.0);
    }
}

fn named(list: &str, who: &str) -> bool {
    list == "anyone" || list.split(' ').any(|one| one == who)
}

#[test]
fn every_method_has_its_row() {
    let served: BTreeSet<&str> = methods().collect();
    let rows: BTreeSet<&str> = in_order().into_iter().map(|(path, ..)| path).collect();
    assert_eq!(
        rows, served,
        "a method needs a row that says who may call it"
    );
    assert_eq!(rows.len(), TABLE.len(), "each stands once");
}

async fn each_role_may_call_what_the_table_says(home: Home) {
    let plane = Plane::start(&home);
    for role in Role::ALL {
        let token = plane.person(role.name(), &[role.name()]).await;
        let way = plane.channel_with(Bearer::of(&token));
        column(role.name(), &way, |row| named(row.1, role.name())).await;
    }
}

async fn each_service_may_call_what_the_table_says(home: Home) {
    let plane = Plane::start(&home);
    for service in SERVICES {
        let way = plane.channel_with(Bearer::of(&service_token(service)));
        column(service, &way, |row| named(row.2, service)).await;
    }
}

async fn nobody_and_the_tools_are_rows_too(home: Home) {
    let plane = Plane::start(&home);
    column("nobody", &plane.bare(), |row| row.1 == "anyone").await;
    column("tools", &plane.channel(), |_| true).await;
}

on_both!(
    each_role_may_call_what_the_table_says,
    each_service_may_call_what_the_table_says,
    nobody_and_the_tools_are_rows_too,
);
