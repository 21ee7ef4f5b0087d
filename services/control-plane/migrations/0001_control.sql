-- The control database: drafts, releases, audit. Runs on SQLite and on PostgreSQL.
-- Bodies are messages of fairlead.control.v1 and fairlead.catalogue.v1 in protobuf.

-- One row per tenant. Every write moves it on, and is refused when another write moved it first.
CREATE TABLE tenants (
    tenant          TEXT   NOT NULL PRIMARY KEY,
    draft_version   BIGINT NOT NULL, -- counts the writes to the draft
    revision        BIGINT NOT NULL, -- the release in force; 0 before the first
    audit_sequence  BIGINT NOT NULL, -- the newest audit row; 0 before the first
    audit_hash      TEXT   NOT NULL  -- its hash
);

CREATE TABLE draft_products (
    tenant      TEXT  NOT NULL REFERENCES tenants (tenant),
    product_id  TEXT  NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (tenant, product_id)
);

-- Versions are never changed and never deleted.
CREATE TABLE draft_strategies (
    tenant       TEXT   NOT NULL REFERENCES tenants (tenant),
    strategy_id  TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    body         BYTEA  NOT NULL,
    PRIMARY KEY (tenant, strategy_id, version)
);

CREATE TABLE draft_models (
    tenant   TEXT  NOT NULL REFERENCES tenants (tenant),
    name     TEXT  NOT NULL,
    version  TEXT  NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (tenant, name, version)
);

-- A section of the settings, as a release that holds nothing else.
CREATE TABLE draft_sections (
    tenant   TEXT  NOT NULL REFERENCES tenants (tenant),
    section  TEXT  NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (tenant, section)
);

-- Immutable.
CREATE TABLE releases (
    tenant           TEXT   NOT NULL REFERENCES tenants (tenant),
    revision         BIGINT NOT NULL,
    content_hash     TEXT   NOT NULL,
    published_at_ms  BIGINT NOT NULL,
    published_by     TEXT   NOT NULL,
    comment          TEXT   NOT NULL,
    body             BYTEA  NOT NULL,
    PRIMARY KEY (tenant, revision)
);

-- Append only; each row's hash covers the row before.
CREATE TABLE audit_rows (
    tenant    TEXT   NOT NULL REFERENCES tenants (tenant),
    sequence  BIGINT NOT NULL,
    at_ms     BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    action    TEXT   NOT NULL,
    subject   TEXT   NOT NULL,
    detail    TEXT   NOT NULL,
    hash      TEXT   NOT NULL,
    PRIMARY KEY (tenant, sequence)
);
