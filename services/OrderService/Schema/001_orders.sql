create table orders (
  id          uuid primary key,             -- version 7: new orders lie together at the end of the index
  customer_id text not null,
  status      text not null check (status in ('Pending', 'Paid', 'Declined', 'Cancelled')),
  currency    text not null,
  total       numeric(12, 2) not null check (total >= 0),
  items       jsonb not null,
  history     jsonb not null,               -- [{event, at, traceId}], one entry for each state the order has had
  created_at  timestamptz not null
);
