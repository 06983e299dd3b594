alter table payments drop constraint payments_state_check;
alter table payments add constraint payments_state_check
  check (state in ('Requested', 'Unknown', 'Captured', 'Declined', 'Cancelled', 'Refunding', 'Refunded'));

alter table payments
  add column attempts     jsonb not null default '[]',  -- [{kind, at, result}], each stored before its call to the gateway
  add column cancelled_at timestamptz,                  -- since then it is known that the order is cancelled: never charged again
  add column refund_id    text;
