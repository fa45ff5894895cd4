-- Sends the pushes of the file BENCH_PUSHES, each once, and prints figures that a program can read. What was sent in the first
-- BENCH_SKIP seconds is not counted: connections are opened in them.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } bench_time;
  int clock_gettime(int clock, bench_time *time);
]]

local requests, sent, skip = {}, 0, tonumber(os.getenv("BENCH_SKIP") or "0")
local time, startedAt, isCounting = ffi.new("bench_time"), nil, skip == 0
local threads = {}
-- Of a thread, so that done() can read them: what was sent before counting began, and how long that took.
sentBefore, secondsBefore = 0, 0

local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init()
  for line in io.lines(os.getenv("BENCH_PUSHES")) do
    local path, body = line:match("^([^\t]*)\t(.*)$")
    requests[#requests + 1] = wrk.format("POST", path, { ["Content-Type"] = "text/xml" }, body)
  end
end

function request()
  if not isCounting then
    startedAt = startedAt or now()
    local elapsed = now() - startedAt
    if elapsed >= skip then
      isCounting, sentBefore, secondsBefore = true, sent, elapsed
    end
  end
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function done(summary)
  local errors = summary.errors
  local refused = errors.status + errors.timeout + errors.connect + errors.read + errors.write
  local thread = threads[1]
  local before, seconds = thread:get("sentBefore"), thread:get("secondsBefore")
  io.write(string.format("BENCH %d %d %d %d %d\n", summary.requests, refused, summary.duration, before, seconds * 1e6))
end
