-- Functions that keep what they saw, variable arguments, tail calls.
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() return n end
end
local step, get = counter()
step() step()
print(get(), step(), get())
local all = {}
for i = 1, 3 do all[i] = function() i = i + 10 return i end end
print(all[1](), all[1](), all[2](), all[3]())
local function sum(...)
  local total = 0
  for _, each in ipairs({...}) do total = total + each end
  return total, select('#', ...)
end
print(sum(1, 2, 3.5), sum(), select(-1, 'a', 'b'))
local function down(n) if n == 0 then return 'bottom' end return down(n - 1) end
print(down(100000))
print((function(...) return select('#', ...) end)(table.unpack({}, 1, 200)))
goto done
print('never')
::done::
do local x <const> = 5; local c <close> = setmetatable({}, {__close = function() print('closed') end}); print(x) end
