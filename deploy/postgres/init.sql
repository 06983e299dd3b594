-- Run once by the image, on an empty volume: a database for each service, with an owner, as whom setup makes the schema, and a
-- runtime role, as whom the service reads and writes rows and changes no table. Elsewhere by an administrator, with the four passwords in
-- the environment:  psql 'host=… user=… dbname=postgres' -v ON_ERROR_STOP=1 -f init.sql
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
revoke all on database orders from public;
grant connect on database orders to orders_app;

create database payments owner payments_owner;
revoke all on database payments from public;
grant connect on database payments to payments_app;

-- What the owner creates from now on, in this version or a later one.
\connect orders
alter default privileges for role orders_owner in schema public grant select, insert, update, delete on tables to orders_app;
alter default privileges for role orders_owner in schema public grant usage on sequences to orders_app;

\connect payments
alter default privileges for role payments_owner in schema public grant select, insert, update, delete on tables to payments_app;
alter default privileges for role payments_owner in schema public grant usage on sequences to payments_app;
