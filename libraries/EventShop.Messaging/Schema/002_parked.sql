-- Parked events are few: they are counted without reading the others.
create index outbox_unsent_parked on outbox_unsent (id) where parked_at is not null;
