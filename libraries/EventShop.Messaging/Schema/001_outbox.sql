-- Events owed to the broker. A row is written by the transaction that changes the state it tells of, and never changes.
create table outbox (
  id           uuid primary key,          -- version 7: rows lie in order of time, and pruning is a range of the key
  key          uuid not null,             -- the aggregate the event is about
  type         text not null,
  subject      text not null,
  time         timestamptz not null,
  payload      bytea not null,
  trace_parent text,
  trace_state  text,
  baggage      text
);

-- What the relay has still to send. Kept apart from the events so that marking one sent is the delete of a narrow row and
-- not a second copy of its payload; sent events stay in outbox for replay.
create table outbox_unsent (
  id        uuid primary key,
  due_at    timestamptz not null,         -- until then the row is claimed by whoever is sending it
  attempts  int not null default 0,
  error     text,
  parked_at timestamptz                   -- refused by the broker: waits for an operator, blocks nobody
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);

create index outbox_unsent_due on outbox_unsent (due_at) where parked_at is null;

-- Events a consumer has applied, for handlers whose effect has no state of its own to guard it.
create table inbox (
  consumer   text not null,
  event_id   uuid not null,
  applied_at timestamptz not null default now(),
  primary key (consumer, event_id)
);

create index inbox_applied on inbox (applied_at);
