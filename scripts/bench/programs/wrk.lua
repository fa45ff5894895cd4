-- Sends the pushes of the file BENCH_PUSHES, each once, and prints figures that a program can read.
local requests, sent = {}, 0

function init()
  for line in io.lines(os.getenv("BENCH_PUSHES")) do
    local path, body = line:match("^([^\t]*)\t(.*)$")
    requests[#requests + 1] = wrk.format("POST", path, { ["Content-Type"] = "text/xml" }, body)
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary)
  local errors = summary.errors
  local refused = errors.status + errors.timeout + errors.connect + errors.read + errors.write
  io.write(string.format("BENCH %d %d %d\n", summary.requests, refused, summary.duration))
end
