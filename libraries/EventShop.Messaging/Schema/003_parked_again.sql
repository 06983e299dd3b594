-- Parked events are sent again too, ever more rarely: one index finds what is due, parked or not.
drop index outbox_unsent_due;
create index outbox_unsent_due on outbox_unsent (due_at);

-- Events that an operator gave up after the broker had refused them, and why. They are never sent; the table keeps what is known of them.
create table outbox_discarded (
  id           uuid primary key,
  key          uuid not null,
  type         text not null,
  subject      text not null,
  time         timestamptz not null,
  attempts     int not null,
  error        text,
  parked_at    timestamptz not null,
  discarded_at timestamptz not null,
  reason       text
);
