-- Answers to POST /orders with an Idempotency-Key, written by the statement that stores the order.
create table idempotency_keys (
  key         text primary key,
  fingerprint bytea not null,                 -- SHA-256 of the request: the same key with another request is refused
  order_id    uuid not null,
  answer      jsonb not null,                 -- what was answered, and is answered again
  expires_at  timestamptz not null
);

create index idempotency_keys_expiry on idempotency_keys (expires_at);
