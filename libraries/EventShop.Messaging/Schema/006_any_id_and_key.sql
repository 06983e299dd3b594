-- Keys are texts, and ids need not be of version 7: what is old, and since when an event is owed, is told by columns of their own.
alter table outbox alter column key type text using key::text;
alter table outbox add column stored_at timestamptz not null default now();
create index outbox_stored on outbox (stored_at, id);

alter table outbox_discarded alter column key type text using key::text;

-- When it was stored, or, of a scheduled event, when it is due.
alter table outbox_unsent add column since timestamptz not null default now();

-- Where each consumer begins: remembered, because a consumer that is lost with its broker begins there again.
create table consumers (
  name       text primary key,
  begins_at  timestamptz,                    -- null: with all that its stream keeps
  created_at timestamptz not null default now()
);
