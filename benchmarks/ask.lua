-- What wrk sends: new people who join, or who redeem the codes of a file. A file of one code is the hot code of everybody.
-- wrk ... -- join|redeem TAG THREADS [FILE]
local given = 0
local paths = { join = "/api/waitlist/join", redeem = "/api/invites/redeem" }
local rest = '"name":"Ada Lovelace","persona":"agency","use_case":"we plan content for small teams and want automation"'

function setup(thread)
   thread:set("number", given) -- global in the thread's own Lua, as everything init makes
   given = given + 1
end

function init(args)
   what, tag, threads = args[1], args[2], tonumber(args[3])
   n, codes = 0, {}
   if args[4] and args[4] ~= "" then
      for line in io.lines(args[4]) do codes[#codes + 1] = line end
   end
   headers = {
      ["Content-Type"] = "application/json",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
   }
   math.randomseed(os.time() + number)
end

function request()
   local email = string.format('{"email":"p%s-%d-%d@gmail.com",', tag, number, n)
   local body
   if what == "join" then
      body = email .. rest .. "}"
   else
      local code = #codes == 1 and codes[1] or codes[number + 1 + n * threads]
      if code == nil then wrk.thread:stop() end
      body = email .. '"code":"' .. (code or "") .. '"}'
   end
   headers["X-Forwarded-For"] = string.format("%d.%d.%d.%d", math.random(1, 99), math.random(0, 255), math.random(0, 255), math.random(1, 254))
   n = n + 1
   return wrk.format("POST", paths[what], headers, body)
end

function done(summary)
   local errors = summary.errors
   local refused = errors.status + errors.connect + errors.read + errors.write + errors.timeout
   print(string.format("ANSWERED %d REFUSED %d MICROSECONDS %d", summary.requests, refused, summary.duration))
end
