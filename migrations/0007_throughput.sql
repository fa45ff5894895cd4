-- How the tables of the hot path are stored.

-- A message is claimed and planned before it is settled. With room on its page both updates stay there and touch no
-- index (HOT); without, each writes a new entry to all of them. The room is taken back when the page is next pruned.
alter table wechat.inbound_message set (
  fillfactor = 50,
  -- Rows are changed soon after they come and never again: by share of a table with years of history it would be
  -- vacuumed too seldom, and the planner would know too little of today.
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);
alter table wechat.delivery set (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);
