-- Whoever stores an event need not say that it is due at once, and by which clock.
alter table outbox_unsent alter column due_at set default now();
