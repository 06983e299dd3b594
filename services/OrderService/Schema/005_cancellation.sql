alter table orders drop constraint orders_status_check;
alter table orders add constraint orders_status_check check (status in ('Pending', 'Paid', 'Declined', 'Cancelling', 'Cancelled'));

-- The event that told the payment service of a cancellation, until it has answered what became of the money: it is sent again
-- like the announcement of a pending order, so that a broker that lost it leaves no customer charged.
alter table orders add column cancellation_id uuid;
create index orders_cancellations on orders (id) where cancellation_id is not null;
