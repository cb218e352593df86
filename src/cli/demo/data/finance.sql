-- finance: the ERP of the demo, with names of its own for everything.

CREATE TABLE currency (
    code        VARCHAR(3)  NOT NULL PRIMARY KEY,
    number      VARCHAR(3)  NOT NULL UNIQUE,
    minor_units INTEGER, -- null where ISO 4217 has none: gold, drawing rights, test codes
    name        VARCHAR(80) NOT NULL
);

CREATE TABLE country (
    code   VARCHAR(2)  NOT NULL PRIMARY KEY,
    alpha3 VARCHAR(3)  NOT NULL UNIQUE,
    number VARCHAR(3)  NOT NULL UNIQUE,
    name   VARCHAR(80) NOT NULL
);

CREATE TABLE customer (
    customer_no    VARCHAR(12)   NOT NULL PRIMARY KEY,
    name           VARCHAR(120)  NOT NULL,
    email          VARCHAR(120),
    city           VARCHAR(80)   NOT NULL,
    country        VARCHAR(2)    NOT NULL REFERENCES country (code),
    currency       VARCHAR(3)    NOT NULL REFERENCES currency (code),
    credit_limit   DECIMAL(15,4) NOT NULL,
    is_key_account BOOLEAN       NOT NULL,
    customer_since DATE          NOT NULL,
    ledger_account VARCHAR(10) -- the ERP's own: no map mentions it, nobody touches it
);

CREATE TABLE sales_order (
    order_no    VARCHAR(12)   NOT NULL PRIMARY KEY,
    customer_no VARCHAR(12)   NOT NULL REFERENCES customer (customer_no),
    currency    VARCHAR(3)    NOT NULL REFERENCES currency (code),
    amount      DECIMAL(15,4) NOT NULL, -- negative for a credit note
    status      VARCHAR(12)   NOT NULL,
    ordered_at  TIMESTAMP     NOT NULL,
    note        TEXT
);

-- The hook's outbox: each trigger leaves the key of what changed, in the transaction that changed it. The hook reads the row
-- and calls Tandem, then removes the entry. It sees every change, Tandem's own among them.
CREATE TABLE outbox (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    record_key TEXT NOT NULL
);

CREATE TRIGGER customer_inserted AFTER INSERT ON customer
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('customer', NEW.customer_no); END;
CREATE TRIGGER customer_updated AFTER UPDATE ON customer
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('customer', NEW.customer_no); END;
CREATE TRIGGER customer_deleted AFTER DELETE ON customer
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('customer', OLD.customer_no); END;

CREATE TRIGGER sales_order_inserted AFTER INSERT ON sales_order
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('sales_order', NEW.order_no); END;
CREATE TRIGGER sales_order_updated AFTER UPDATE ON sales_order
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('sales_order', NEW.order_no); END;
CREATE TRIGGER sales_order_deleted AFTER DELETE ON sales_order
BEGIN INSERT INTO outbox (table_name, record_key) VALUES ('sales_order', OLD.order_no); END;
