-- For each database an owner, who may change its schema (`setup`), and a user, who may only use its tables (the service). Run once, as
-- an administrator, with the four passwords in the environment:  psql 'host=… user=… dbname=postgres' -v ON_ERROR_STOP=1 -f roles.sql
\getenv orders_owner_password ORDERS_OWNER_PASSWORD
\getenv orders_app_password ORDERS_APP_PASSWORD
\getenv payments_owner_password PAYMENTS_OWNER_PASSWORD
\getenv payments_app_password PAYMENTS_APP_PASSWORD

create role orders_owner login password :'orders_owner_password';
create role orders_app login password :'orders_app_password';
create role payments_owner login password :'payments_owner_password';
create role payments_app login password :'payments_app_password';

-- An administrator who is no superuser (a managed server's) gives things only to roles it is a member of.
grant orders_owner, payments_owner to current_user;

create database orders owner orders_owner;
create database payments owner payments_owner;

-- Neither service comes near the other's database.
revoke all on database orders, payments from public;
grant connect on database orders to orders_app;
grant connect on database payments to payments_app;

\connect orders
alter default privileges for role orders_owner grant select, insert, update, delete on tables to orders_app;
\connect payments
alter default privileges for role payments_owner grant select, insert, update, delete on tables to payments_app;
