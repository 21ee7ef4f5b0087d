-- People, sessions and keys. Secrets are held as hashes only.

-- Counts the writes to what the callers of this tenant may do.
ALTER TABLE tenants ADD COLUMN access_version BIGINT NOT NULL DEFAULT 0;

CREATE TABLE people (
    name           TEXT   NOT NULL PRIMARY KEY,
    password       TEXT   NOT NULL, -- argon2id, as a PHC string; empty for none
    subject        TEXT   NOT NULL, -- at the identity provider; empty for none
    disabled       BIGINT NOT NULL, -- 1 when the person may not sign in
    created_at_ms  BIGINT NOT NULL
);
CREATE UNIQUE INDEX people_by_subject ON people (subject) WHERE subject <> '';

CREATE TABLE person_roles (
    tenant  TEXT NOT NULL REFERENCES tenants (tenant),
    person  TEXT NOT NULL REFERENCES people (name),
    role    TEXT NOT NULL,
    PRIMARY KEY (tenant, person, role)
);
CREATE INDEX person_roles_by_person ON person_roles (person);

-- Each is good once. An empty person stands for the first administrator.
CREATE TABLE invitations (
    token_hash     TEXT   NOT NULL PRIMARY KEY,
    tenant         TEXT   NOT NULL,
    person         TEXT   NOT NULL,
    expires_at_ms  BIGINT NOT NULL
);

CREATE TABLE sessions (
    token_hash     TEXT   NOT NULL PRIMARY KEY,
    person         TEXT   NOT NULL REFERENCES people (name),
    created_at_ms  BIGINT NOT NULL,
    expires_at_ms  BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person);

-- Wrong passwords in a row, by the name that was given, whether there is such a person or not.
CREATE TABLE failed_sign_ins (
    name          TEXT   NOT NULL PRIMARY KEY,
    failures      BIGINT NOT NULL,
    paused_until_ms  BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id                   TEXT   NOT NULL PRIMARY KEY,
    tenant               TEXT   NOT NULL REFERENCES tenants (tenant),
    name                 TEXT   NOT NULL,
    kind                 TEXT   NOT NULL,
    origin               TEXT   NOT NULL,
    scopes               TEXT   NOT NULL, -- names of permissions, with spaces between
    requests_per_second  BIGINT NOT NULL,
    not_before_ms        BIGINT NOT NULL, -- 0 for none
    expires_at_ms        BIGINT NOT NULL, -- 0 for none
    revoked_at_ms        BIGINT NOT NULL, -- 0 for none
    created_at_ms        BIGINT NOT NULL,
    created_by           TEXT   NOT NULL
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant);

CREATE TABLE api_key_secrets (
    key_id       TEXT   NOT NULL REFERENCES api_keys (id),
    secret_hash  TEXT   NOT NULL,
    until_ms     BIGINT NOT NULL, -- 0 for as long as the key
    PRIMARY KEY (key_id, secret_hash)
);
