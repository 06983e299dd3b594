-- Since when a payment waits for the gateway: null while nothing has failed it, so that most payments never touch the index.
alter table payments add column waiting_since timestamptz;
update payments set waiting_since = case state when 'Refunding' then cancelled_at else requested_at end
where state in ('Requested', 'Unknown', 'Refunding');
create index payments_waiting on payments (waiting_since) where waiting_since is not null;
