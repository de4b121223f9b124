-- Who plays, in the order of the table.
--
-- Each actor is a file that returns a table:
--   name         short, unique
--   kind         "legitimate" or "attack"
--   expects      what ought to happen to its requests, in words
--   from, to     when it plays, as shares of the show
--   addresses    the client addresses it comes from; nobody else has them
--   play(stage)  starts it; see show/stage.lua

return {
  require "actors.users",
  require "actors.partner",
  require "actors.scanner",
  require "actors.path_scan",
  require "actors.sql_injection",
  require "actors.xss",
  require "actors.path_traversal",
  require "actors.credential_stuffing",
  require "actors.flood",
}
