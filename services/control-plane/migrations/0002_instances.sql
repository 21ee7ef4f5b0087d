-- What each instance of a service does with the releases that it follows, as it last said.

CREATE TABLE instances (
    tenant            TEXT   NOT NULL,
    service           TEXT   NOT NULL,
    instance          TEXT   NOT NULL,
    version           TEXT   NOT NULL,
    revision          BIGINT NOT NULL, -- in use; 0 before the first
    refused_revision  BIGINT NOT NULL, -- 0 for none
    reason            TEXT   NOT NULL,
    reported_at_ms    BIGINT NOT NULL,
    PRIMARY KEY (tenant, service, instance)
);
