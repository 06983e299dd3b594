create table payments (
  order_id        uuid primary key,         -- one payment for each order: what makes a repeated event harmless
  state           text not null check (state in ('Requested', 'Captured', 'Declined')),
  amount          numeric(12, 2) not null check (amount >= 0),
  currency        text not null,
  idempotency_key text not null,            -- stored before the gateway is called, so that every repeat of the call is the same charge
  charge_id       text,
  reason          text,
  outcome_id      uuid,                     -- the event that told of the outcome, to be sent again to those who ask again
  requested_at    timestamptz not null,
  settled_at      timestamptz
);
