-- GET /orders: one range of an index for each filter, newest first (ids are version 7).
create index orders_of_customer on orders (customer_id, id);
create index orders_of_status on orders (status, id);
