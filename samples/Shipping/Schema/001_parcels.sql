create table parcels (order_id uuid primary key, sent_at timestamptz not null default now());
