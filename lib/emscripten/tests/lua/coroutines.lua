-- Coroutines: generators, errors within, wrap, status, yields across pcall.
local function squares(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i * i) end end) end
for value in squares(5) do io.write(value, ' ') end
print()
local co = coroutine.create(function(a, b)
  print('start', a, b)
  local c = coroutine.yield(a + b)
  print('again', c)
  local ok, message = pcall(function() local d = coroutine.yield('in pcall'); error('thrown ' .. d) end)
  print(ok, message)
  return 'end', 1, 2
end)
print(coroutine.resume(co, 1, 2))
print(coroutine.resume(co, 'c'))
print(coroutine.status(co), coroutine.isyieldable())
print(coroutine.resume(co, 'd'))
print(coroutine.status(co), coroutine.resume(co))
print(select(2, coroutine.resume(coroutine.create(function() error({code = 7}) end))).code)
local ok, wrapped = pcall(coroutine.wrap(function() error('from wrap') end))
print(ok, wrapped)
local many = {}
for i = 1, 200 do many[i] = coroutine.wrap(function() for j = 1, 3 do coroutine.yield(i * j) end end) end
local total = 0
for j = 1, 3 do for i = 1, 200 do total = total + many[i]() end end
print(total, coroutine.close(coroutine.create(print)))
