-- An index by status and id serves what waits for its payment as well: one index less to write for each order.
drop index orders_pending;
