-- GET /orders of a customer, in one status or in all of them. In place of the index without the status, not besides it: every order
-- is written to each index twice, when it is placed and when its payment is decided.
create index orders_of_customer_in_status on orders (customer_id, status, id);
drop index orders_of_customer;

-- Taken as independent, the two would make a customer's orders in a status seem few enough to be read all, and sorted.
create statistics orders_customer_status (dependencies) on customer_id, status from orders;
