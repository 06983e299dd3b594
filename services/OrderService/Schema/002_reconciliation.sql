-- When an order that stayed pending was last announced again (G5).
alter table orders add column announced_at timestamptz;

-- The few orders that are pending, oldest first.
create index orders_pending on orders (id) where status = 'Pending';
