-- sales: the CRM of the demo. It holds the same things as finance, and calls them otherwise.

CREATE TABLE currencies (
    iso        VARCHAR(3)  NOT NULL PRIMARY KEY,
    iso_number VARCHAR(3)  NOT NULL,
    decimals   INTEGER,
    label      VARCHAR(80) NOT NULL
);

CREATE TABLE countries (
    iso2       VARCHAR(2)  NOT NULL PRIMARY KEY,
    iso3       VARCHAR(3)  NOT NULL,
    iso_number VARCHAR(3)  NOT NULL,
    label      VARCHAR(80) NOT NULL
);

CREATE TABLE accounts (
    account     VARCHAR(12)   NOT NULL PRIMARY KEY,
    title       VARCHAR(120)  NOT NULL,
    mail        VARCHAR(120),
    town        VARCHAR(80)   NOT NULL,
    country     VARCHAR(2)    NOT NULL REFERENCES countries (iso2),
    pays_in     VARCHAR(3)    NOT NULL REFERENCES currencies (iso),
    credit      DECIMAL(15,4) NOT NULL,
    key_account BOOLEAN       NOT NULL,
    since       DATE          NOT NULL,
    lead_score  INTEGER       NOT NULL DEFAULT 0 -- the CRM's own: no map mentions it, nobody touches it
);

CREATE TABLE orders (
    number  VARCHAR(12)   NOT NULL PRIMARY KEY,
    account VARCHAR(12)   NOT NULL REFERENCES accounts (account),
    pays_in VARCHAR(3)    NOT NULL REFERENCES currencies (iso),
    total   DECIMAL(15,4) NOT NULL,
    stage   VARCHAR(12)   NOT NULL,
    placed  TIMESTAMP     NOT NULL,
    remark  TEXT,
    CONSTRAINT total_not_negative CHECK (total >= 0) -- a rule that finance does not have
);

-- The hook's outbox, as in finance.
CREATE TABLE outbox (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    record_key TEXT NOT NULL
);

CREATE TRIGGER accounts_inserted AFTER INSERT ON accounts
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('accounts', NEW.account); END;
CREATE TRIGGER accounts_updated AFTER UPDATE ON accounts
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('accounts', NEW.account); END;
CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('accounts', OLD.account); END;

CREATE TRIGGER orders_inserted AFTER INSERT ON orders
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('orders', NEW.number); END;
CREATE TRIGGER orders_updated AFTER UPDATE ON orders
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('orders', NEW.number); END;
CREATE TRIGGER orders_deleted AFTER DELETE ON orders
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('orders', OLD.number); END;
