-- When a payment that was given up for never made is looked up once more; null when it need not be.
alter table payments add column look_again_at timestamptz;
create index payments_look_again on payments (look_again_at) where look_again_at is not null;
